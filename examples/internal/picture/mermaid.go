package picture

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"example.com/tcpgraph/flowgraph"
)

// Mermaid draws no larger charts unless it is configured to, with maxEdges and
// maxTextSize.
const (
	maxMermaidEdges = 500
	maxMermaidText  = 50000
)

// writeMermaid writes the picture as a flowchart of Mermaid, which draws it in
// Markdown. Every text is between quotes, with all but letters and digits as
// entities, so that nothing in it is syntax, HTML or Markdown.
func (p *Picture) writeMermaid(w, stderr io.Writer) error {
	b := new(bytes.Buffer)
	fmt.Fprintln(b, "flowchart LR")
	number := make(map[int64]int)
	p.mermaidNodes(b, number)
	lines, wide, i := linesOf(p.View), make(map[string][]string), 0
	for e := range p.View.AllEdges() {
		fmt.Fprintf(b, "  n%d -->|\"%s\"| n%d\n", number[e.Client.ID()], mermaidText(labelOf(&e)), number[e.Server.ID()])
		width := strconv.FormatFloat(lines.width(&e), 'f', 1, 64)
		wide[width] = append(wide[width], strconv.Itoa(i))
		i++
	}
	for _, width := range slices.Sorted(maps.Keys(wide)) {
		fmt.Fprintf(b, "  linkStyle %s stroke-width:%spx\n", strings.Join(wide[width], ","), width)
	}
	for _, n := range p.Notes {
		fmt.Fprintf(b, "  %%%% %s\n", strings.ReplaceAll(visible(n), "\n", " "))
	}
	fmt.Fprintf(b, "  classDef server fill:%s,stroke:%s,color:%s\n", dark, light, inkOnDark)
	fmt.Fprintf(b, "  classDef client fill:%s,stroke:%s,color:%s\n", light, dark, inkOnLight)
	fmt.Fprintf(b, "  classDef external fill:%s,stroke:%s,color:%s,stroke-dasharray:5 3\n", pale, grey, inkOnLight)
	if i > maxMermaidEdges || b.Len() > maxMermaidText {
		fmt.Fprintf(stderr, "%s in %d bytes: Mermaid draws more than %d edges or %d bytes only if its maxEdges and maxTextSize say so\n",
			Plural(uint64(i), "edge"), b.Len(), maxMermaidEdges, maxMermaidText)
	}
	if _, err := b.WriteTo(w); err != nil {
		return fmt.Errorf("write the graph: %w", err)
	}
	return nil
}

// mermaidNodes writes the nodes, each cluster as a subgraph, and numbers them.
func (p *Picture) mermaidNodes(b *bytes.Buffer, number map[int64]int) {
	type placed struct {
		path []string
		node *flowgraph.Node
	}
	var nodes []placed
	for n := range p.View.AllNodes() {
		nodes = append(nodes, placed{p.clusters(n), n})
	}
	slices.SortStableFunc(nodes, func(x, y placed) int { return slices.Compare(x.path, y.path) })
	var open []string
	clusters := 0
	indent := func() string { return strings.Repeat("  ", len(open)+1) }
	enter := func(path []string) {
		same := 0
		for same < min(len(open), len(path)) && open[same] == path[same] {
			same++
		}
		for len(open) > same {
			open = open[:len(open)-1]
			fmt.Fprintf(b, "%send\n", indent())
		}
		for _, name := range path[same:] {
			fmt.Fprintf(b, "%ssubgraph c%d[\"%s\"]\n", indent(), clusters, mermaidText(shorten(name)))
			clusters++
			open = append(open, name)
		}
	}
	for i, at := range nodes {
		number[at.node.ID()] = i
		enter(at.path)
		k := p.kind(at.node)
		class, left, right := "server", "[", "]"
		if !k.serves {
			class, left, right = "client", "(", ")"
		} else if k.connects && !k.external {
			left, right = "[[", "]]"
		}
		if k.external {
			class = "external"
		}
		label := mermaidText(name(at.node))
		if d := detail(at.node); d != "" {
			label += "<br/>" + mermaidText(d)
		}
		fmt.Fprintf(b, "%sn%d%s\"%s\"%s:::%s\n", indent(), i, left, label, right, class)
	}
	enter(nil)
}

// mermaidText returns text for use between quotes. Punctuation stays as it is
// inside a word, where it has no meaning in Markdown.
func mermaidText(s string) string {
	var b strings.Builder
	text := []rune(cmp.Or(visible(s), " "))
	word := func(i int) bool {
		return i >= 0 && i < len(text) && (unicode.IsLetter(text[i]) || unicode.IsDigit(text[i]))
	}
	for i, r := range text {
		switch {
		case r == ' ', r >= 0x80, word(i), strings.ContainsRune(".:-_/", r) && word(i-1) && word(i+1):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}

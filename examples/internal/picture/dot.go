package picture

import (
	"fmt"
	"io"
	"strings"

	"example.com/tcpgraph/dot"
	"example.com/tcpgraph/flowgraph"
	"gonum.org/v1/gonum/graph"
)

// The colours are made to be read on a light page and on a dark one: what is
// filled brings its own background, and what is not has a grey that stands out
// equally from white and from black.
const (
	grey       = "#7a7a7a"
	dark       = "#2f6ca3" // servers
	outline    = "#4c8ac4" // lines around servers and clients
	light      = "#dce8f4" // clients
	pale       = "#f3f3f3" // what is not traced
	inkOnDark  = "#ffffff"
	inkOnLight = "#10253a"

	// A list of fonts would be measured as Times by a Graphviz that has none.
	font = "Helvetica"
)

// writeDOT writes the picture in the DOT language.
func (p *Picture) writeDOT(w io.Writer) error {
	l, lines := layoutFor(p.View.Nodes().Len(), p.View.Edges().Len()), linesOf(p.View)
	notes := p.Notes
	if l.note != "" {
		notes = append(notes[:len(notes):len(notes)], l.note)
	}
	err := dot.Encode(w, p.View, &dot.Options{
		Name: "connections",
		Graph: append([]dot.Attribute{
			dot.Text("rankdir", "LR"),
			dot.Text("bgcolor", "transparent"),
			dot.Text("fontname", font),
			dot.Text("fontsize", "12"),
			dot.Text("fontcolor", grey),
			dot.HTML("label", legend(notes, l.behind)),
			dot.Text("labelloc", "b"),
			dot.Text("pad", "0.2"),
		}, l.attrs...),
		Node: []dot.Attribute{
			dot.Text("fontname", font),
			dot.Text("shape", "box"),
			dot.Text("margin", "0.1,0.03"),
			dot.Text("height", "0.3"),
		},
		Edge: []dot.Attribute{
			dot.Text("fontname", font),
			dot.Text("fontsize", "11"),
			dot.Text("fontcolor", grey),
			dot.Text("color", grey),
			dot.Text("arrowsize", "0.8"),
		},
		EdgeChunks: lines.list(p.View, l.labels),
		NodeAttributes: func(n graph.Node, attrs []dot.Attribute) []dot.Attribute {
			return p.nodeAttributes(n.(*flowgraph.Node), attrs, l.behind)
		},
		Cluster: func(n graph.Node) []string { return p.clusters(n.(*flowgraph.Node)) },
		ClusterAttributes: func(path []string, _ []dot.Attribute) []dot.Attribute {
			return []dot.Attribute{
				dot.Text("label", shorten(path[len(path)-1])),
				dot.Text("tooltip", path[len(path)-1]),
				dot.Text("style", "rounded"),
				dot.Text("color", grey),
				dot.Text("fontsize", "14"),
				dot.Text("labelloc", "t"),
				dot.Text("labeljust", "l"),
				dot.Text("margin", "12"),
			}
		},
	})
	if err != nil {
		return fmt.Errorf("write the graph: %w", err)
	}
	return nil
}

// kind is what a node does. It is shown by shape and line, and by shade as well.
type kind struct{ serves, connects, external bool }

func (p *Picture) kind(n *flowgraph.Node) kind {
	return kind{p.View.To(n.ID()).Len() > 0, p.View.From(n.ID()).Len() > 0, n.External()}
}

// look is the attributes of a kind. What is not traced is not filled, for dashes
// to be seen on any background, unless lines pass behind it.
func (k kind) look(behind bool) (style, fill, ink, border string) {
	style, fill, ink, border = "filled", dark, inkOnDark, outline
	if !k.serves {
		style, fill, ink = "rounded,filled", light, inkOnLight
	}
	if k.external && behind {
		style, fill, ink, border = style+",dashed", pale, inkOnLight, grey
	} else if k.external {
		style, fill, ink, border = strings.Replace(style, "filled", "dashed", 1), "transparent", grey, grey
	}
	return style, fill, ink, border
}

func (p *Picture) nodeAttributes(n *flowgraph.Node, attrs []dot.Attribute, behind bool) []dot.Attribute {
	k := p.kind(n)
	style, fill, ink, border := k.look(behind)
	label := `<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">` + row(15, name(n))
	if d := detail(n); d != "" {
		label += row(10, d)
	}
	label += `</TABLE>`
	out := []dot.Attribute{
		dot.HTML("label", label),
		dot.Text("style", style),
		dot.Text("fillcolor", fill),
		dot.Text("fontcolor", ink),
		dot.Text("color", border),
	}
	if k.serves && k.connects && !k.external {
		out = append(out, dot.Text("peripheries", "2"))
	}
	return append(out, only(attrs, "tooltip")...)
}

// row is a line of a node's label.
func row(size int, text string) string {
	return fmt.Sprintf(`<TR><TD><FONT POINT-SIZE="%d">%s</FONT></TD></TR>`, size, dot.EscapeHTML(text))
}

// only returns the attributes with a key.
func only(attrs []dot.Attribute, key string) []dot.Attribute {
	var out []dot.Attribute
	for _, a := range attrs {
		if a.Key == key {
			out = append(out, a)
		}
	}
	return out
}

// name is what is written large in a node.
func name(n *flowgraph.Node) string {
	if _, group := n.Group(); n.External() && !group {
		return n.Endpoint().Addr().String()
	}
	return shorten(n.Name())
}

// detail is what is written small under the name: what a reader needs to find
// the process, or to tell it from its namesakes.
func detail(n *flowgraph.Node) string {
	var parts []string
	members := n.Members()
	if n.External() {
		if p := n.Endpoint().Port(); p != 0 {
			parts = append(parts, strings.TrimSpace(fmt.Sprintf("port %d %s", p, flowgraph.ServiceName(p))))
		}
		return strings.Join(parts, " · ")
	}
	if p := members[0].Process(); len(members) == 1 && p.Command != "" {
		parts = append(parts, fmt.Sprintf("pid %d", p.PID))
	}
	if hosts := countHosts(members); hosts > 1 {
		return fmt.Sprintf("on %d hosts", hosts)
	}
	addrs, more := n.Addrs()
	const shown = 2
	for i, a := range addrs {
		if i == shown {
			break
		}
		parts = append(parts, a.String())
	}
	switch rest := len(addrs) - shown; {
	case more:
		parts = append(parts, "more")
	case rest > 0:
		parts = append(parts, fmt.Sprintf("%d more", rest))
	}
	return strings.Join(parts, " · ")
}

func countHosts(nodes []*flowgraph.Node) int {
	seen := make(map[string]bool)
	for _, n := range nodes {
		seen[n.Process().Host] = true
	}
	return len(seen)
}

// legend says what the picture's signs mean, then what was folded or left out.
func legend(notes []string, behind bool) string {
	var b strings.Builder
	b.WriteString(`<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="6" CELLPADDING="3"><TR>`)
	for _, s := range []struct {
		kind kind
		text string
	}{
		{kind{connects: true}, "client"},
		{kind{serves: true}, "server"},
		{kind{serves: true, connects: true}, "both"},
		{kind{external: true, serves: true}, "not traced"},
	} {
		k := s.kind
		_, fill, ink, border := k.look(behind)
		cellStyle := ""
		switch {
		case k.external:
			cellStyle = ` STYLE="DASHED"`
		case !k.serves:
			cellStyle = ` STYLE="ROUNDED"`
		}
		cell := fmt.Sprintf(`<FONT COLOR="%s">%s</FONT>`, ink, s.text)
		if k.serves && k.connects {
			cell = fmt.Sprintf(`<TABLE BORDER="1" COLOR="%s" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1"><TR><TD>%s</TD></TR></TABLE>`, inkOnDark, cell)
		}
		fmt.Fprintf(&b, `<TD BORDER="1" COLOR="%s" BGCOLOR="%s"%s>%s</TD>`, border, fill, cellStyle, cell)
	}
	b.WriteString(`<TD>→ from client to server, with the server's port; thicker: more connections or bytes; a colour for each port</TD></TR>`)
	for _, n := range notes {
		fmt.Fprintf(&b, `<TR><TD COLSPAN="5" ALIGN="LEFT">%s</TD></TR>`, dot.EscapeHTML(n))
	}
	b.WriteString(`</TABLE>`)
	return b.String()
}

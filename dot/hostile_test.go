package dot_test

import (
	"encoding/xml"
	"fmt"
	"html"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"

	"example.com/tcpgraph/dot"
)

// hostileNames holds names that other encoders trip over, with what a person
// should see of them. The goldens use them by index: append only.
var hostileNames = []struct{ raw, shown string }{
	{"<b>", "<b>"},
	{`"q"`, `"q"`},
	{`"`, `"`},
	{`\`, `\`},
	{`a\`, `a\`},
	{`\"`, `\"`},
	{`\\"];x[`, `\\"];x[`},
	{`\N \G \E \T \H \L \l \n \r`, `\N \G \E \T \H \L \l \n \r`},
	{"two\nlines", "two\nlines"},
	{"carriage\rreturn", "carriage<U+000D>return"},
	{"nul\x00 esc\x1b[31m", "nul<U+0000> esc<U+001B>[31m"},
	{"del\x7f c1\u0085", "del<U+007F> c1<U+0085>"},
	{"bad \xff\xc3 utf8", "bad <0xFF><0xC3> utf8"},
	{"exe\u202egnp.sh\u2066", "exe<U+202E>gnp.sh<U+2066>"},
	{"\u2028\ufffe\ufffd", "<U+2028><U+FFFE><U+FFFD>"},
	{"<U+202E> <0xFF> <u <0", "<U+003C>U+202E> <U+003C>0xFF> <u <0"},
	{"&lt;b&gt; &amp; &#1; &; &nosuch; R&D", "&lt;b&gt; &amp; &#1; &; &nosuch; R&D"},
	{"a|b{c}<d>|e", "a|b{c}<d>|e"},
	{`\|\{ \}`, `\|\{ \}`},
	{"</text><script>alert(1)</script>", "</text><script>alert(1)</script>"},
	{"<!-- --> ]]>", "<!-- --> ]]>"},
	{`x"]; evil -> boom; y["`, `x"]; evil -> boom; y["`},
	{"/* c */ // d # e", "/* c */ // d # e"},
	{"subgraph", "subgraph"},
	{"-5", "-5"},
	{"ünï→日本 👩‍💻", "ünï→日本 👩‍💻"},
	{"{", "{"},
	{"x:n", "x:n"},
	{"a\ttab", "a<U+0009>tab"},
}

// requireDot skips the test where Graphviz is not installed.
func requireDot(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("dot"); err != nil {
		if os.Getenv("TCPGRAPH_REQUIRE") == "1" {
			t.Fatalf("TCPGRAPH_REQUIRE=1, and %v", err)
		}
		t.Skipf("needs Graphviz: %v", err)
	}
}

// svg returns what Graphviz draws of text, having checked that it is XML.
func svg(t *testing.T, text string) svgGroup {
	t.Helper()
	cmd := exec.Command("dot", "-Tsvg")
	cmd.Stdin = strings.NewReader(text)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("dot -Tsvg: %v\n%s\n%s", err, complaints.String(), text)
	}
	var doc struct {
		Graph svgGroup `xml:"g"`
	}
	if err := xml.Unmarshal(out, &doc); err != nil {
		t.Fatalf("dot -Tsvg gave malformed XML: %v\n%s", err, out)
	}
	return doc.Graph
}

// svgGroup is a graph, node, edge or cluster in the SVG of Graphviz. The text
// of one that has a tooltip or a URL is inside Link.
type svgGroup struct {
	Class  string     `xml:"class,attr"`
	Title  string     `xml:"title"`
	Text   []string   `xml:"text"`
	Link   svgLink    `xml:"a"`
	Groups []svgGroup `xml:"g"`
}

type svgLink struct {
	Text    []string `xml:"text"`
	Tooltip string   `xml:"title,attr"`
	URL     string   `xml:"href,attr"`
}

// find returns the groups below g whose class begins with the given word.
func (g svgGroup) find(class string) (found []svgGroup) {
	for _, child := range g.Groups {
		if first, _, _ := strings.Cut(child.Class, " "); first == class {
			found = append(found, child)
		}
	}
	return found
}

// label returns the text that is drawn in g.
func (g svgGroup) label() string {
	lines := slices.Concat(g.Text, g.Link.Text)
	for _, child := range g.Groups {
		lines = append(append(lines, child.Text...), child.Link.Text...)
	}
	// Graphviz draws a space as a no-break space.
	return strings.ReplaceAll(strings.Join(lines, "\n"), "\u00a0", " ")
}

// link returns the link of g.
func (g svgGroup) link() svgLink {
	for _, child := range g.Groups {
		return child.Link
	}
	return g.Link
}

// TestGraphvizGolden has Graphviz draw each golden and counts what it drew.
func TestGraphvizGolden(t *testing.T) {
	requireDot(t)
	for _, tt := range goldens() {
		t.Run(tt.name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", tt.name+".dot"))
			if err != nil {
				t.Fatal(err)
			}
			drawn := svg(t, string(text))
			if got, want := len(drawn.find("node")), tt.g.Nodes().Len(); got != want {
				t.Errorf("%d nodes drawn, want %d", got, want)
			}
			edges := regexp.MustCompile(`(?m)^\t[^\t\n]* -[->] .*;$`).FindAllString(string(text), -1)
			if got, want := len(drawn.find("edge")), len(edges); got != want {
				t.Errorf("%d edges drawn, want %d", got, want)
			}
			clusters := strings.Count(string(text), "subgraph cluster_")
			if got := len(drawn.find("cluster")); got != clusters {
				t.Errorf("%d clusters drawn, want %d", got, clusters)
			}
		})
	}
}

// TestGraphvizShows has Graphviz draw the hostile names everywhere and reads
// them in what it drew.
func TestGraphvizShows(t *testing.T) {
	requireDot(t)
	record := func(id int64) bool { return id%2 == 1 }
	g := newList(len(hostileNames))
	for i, h := range hostileNames {
		n := &node{id: int64(i), attrs: []encoding.Attribute{{Key: "label", Value: h.raw}, {Key: "tooltip", Value: h.raw}, {Key: "URL", Value: h.raw}}}
		if record(n.id) {
			n.attrs = append(n.attrs, encoding.Attribute{Key: "shape", Value: "record"})
		}
		g.nodes[i] = n
		g.edges = append(g.edges, &edge{from: n, to: n, attrs: []encoding.Attribute{
			{Key: "label", Value: h.raw}, {Key: "edgetooltip", Value: h.raw},
		}})
	}
	for name, opts := range map[string]*dot.Options{
		"Text": {},
		"EscString": {NodeAttributes: func(n graph.Node, attrs []dot.Attribute) []dot.Attribute {
			if record(n.ID()) {
				return append(attrs, dot.EscString("label", dot.EscapeRecord(attrs[0].Value)))
			}
			return append(attrs, dot.EscString("label", dot.Escape(attrs[0].Value)))
		}},
		"HTML": {NodeAttributes: func(n graph.Node, attrs []dot.Attribute) []dot.Attribute {
			lines := strings.Split(attrs[0].Value, "\n")
			for i := range lines {
				lines[i] = dot.EscapeHTML(lines[i])
			}
			return append(attrs, dot.HTML("label", strings.Join(lines, "<BR/>")))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			drawn := svg(t, encode(t, directed{g}, opts))
			nodes, edges := drawn.find("node"), drawn.find("edge")
			if len(nodes) != len(hostileNames) || len(edges) != len(hostileNames) {
				t.Fatalf("%d nodes and %d edges drawn, want %d of each", len(nodes), len(edges), len(hostileNames))
			}
			byTitle := map[string]svgGroup{}
			for _, n := range slices.Concat(nodes, edges) {
				byTitle[n.Title] = n
			}
			for i, h := range hostileNames {
				n := byTitle[strconv.Itoa(i)]
				if diff := cmp.Diff(h.shown, n.label()); diff != "" {
					t.Errorf("label of node %q (-want +drawn):\n%s", h.raw, diff)
				}
				if diff := cmp.Diff(h.shown, n.link().Tooltip); diff != "" {
					t.Errorf("tooltip of node %q (-want +drawn):\n%s", h.raw, diff)
				}
				e := byTitle[fmt.Sprintf("%d->%[1]d", i)]
				if diff := cmp.Diff(h.shown, e.label()); diff != "" {
					t.Errorf("label of edge %q (-want +drawn):\n%s", h.raw, diff)
				}
				if diff := cmp.Diff(h.shown, e.link().Tooltip); diff != "" {
					t.Errorf("tooltip of edge %q (-want +drawn):\n%s", h.raw, diff)
				}
			}
		})
	}
}

// TestGraphvizNames has Graphviz draw nodes that have a hostile name and no
// label, so that it draws the name.
func TestGraphvizNames(t *testing.T) {
	requireDot(t)
	for _, shape := range []string{"box", "record"} {
		t.Run(shape, func(t *testing.T) {
			g := newList(len(hostileNames))
			for i, h := range hostileNames {
				g.nodes[i] = &node{id: int64(i), name: h.raw}
			}
			drawn := svg(t, encode(t, directed{g}, &dot.Options{Node: []dot.Attribute{dot.Text("shape", shape)}}))
			var got, want []string
			for _, n := range drawn.find("node") {
				got = append(got, n.label())
			}
			for _, h := range hostileNames {
				want = append(want, h.shown)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("names (-want +drawn):\n%s", diff)
			}
		})
	}
}

// TestGraphvizGraphNames has Graphviz draw graphs with hostile names.
func TestGraphvizGraphNames(t *testing.T) {
	requireDot(t)
	for _, h := range hostileNames {
		drawn := svg(t, encode(t, directed{newList(1)}, &dot.Options{Name: h.raw}))
		if got := len(drawn.find("node")); got != 1 {
			t.Errorf("graph named %q: %d nodes drawn, want 1", h.raw, got)
		}
	}
}

// TestGraphvizMixtures has Graphviz draw mixtures of what has a meaning
// somewhere, as name, label, tooltip, URL, font, class and id.
func TestGraphvizMixtures(t *testing.T) {
	requireDot(t)
	parts := []string{
		`\`, `"`, "&", "#", "x", "1", ";", "lt", "amp", "<", ">", "!--", "--", "|", "{", "}", " ", "\n", "\r", "\t", "\x00", "\x1b",
		"N", "n", "l", "G", "\xff", "\xc3", "é", "\u202e", "\u0085", "]]>", "?>", "U+0041>", "0xFF>", "'", "[", "]", "/", "%22", "\ufffd", "日",
	}
	random := rand.New(rand.NewPCG(1, 2))
	g := newList(300)
	for i := range g.nodes {
		var b strings.Builder
		for range 1 + random.IntN(8) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		s := b.String()
		n := &node{id: int64(i), name: fmt.Sprint(i, s)} // a number first, so that no two are alike
		for _, key := range []string{"label", "tooltip", "URL", "fontname", "class", "id", "target", "comment"} {
			n.attrs = append(n.attrs, encoding.Attribute{Key: key, Value: "=" + s})
		}
		if i%2 == 1 {
			n.attrs = append(n.attrs, encoding.Attribute{Key: "shape", Value: "record"})
		}
		g.nodes[i] = n
	}
	drawn := svg(t, encode(t, directed{g}, nil)).find("node")
	if len(drawn) != len(g.nodes) {
		t.Fatalf("%d nodes drawn, want %d", len(drawn), len(g.nodes))
	}
	for i, n := range drawn {
		// Graphviz draws no empty lines at the end.
		label := strings.TrimRight(n.label(), "\n")
		tooltip := strings.TrimRight(n.link().Tooltip, "\n")
		if diff := cmp.Diff(tooltip, label); diff != "" {
			t.Errorf("node %q has another tooltip than label (-tooltip +label):\n%s", g.nodes[i].(*node).name, diff)
		}
	}
}

var visible = regexp.MustCompile(`<U\+([0-9A-F]{4})>|<0x([0-9A-F]{2})>`)

// unescape is the inverse of what Encode does to text, given the text as
// gonum's decoder returns it. That it exists shows that nothing is lost.
func unescape(t *testing.T, s string) string {
	t.Helper()
	// The decoder leaves quotes where it sees HTML in them.
	if strings.HasPrefix(s, `"<`) && strings.HasSuffix(s, `>"`) {
		u, err := strconv.Unquote(s)
		if err != nil {
			t.Fatalf("not quoted as expected: %q", s)
		}
		s = u
	}
	return visible.ReplaceAllStringFunc(strings.ReplaceAll(s, "&amp;", "&"), func(v string) string {
		m := visible.FindStringSubmatch(v)
		n, err := strconv.ParseUint(m[1]+m[2], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		if m[1] == "" {
			return string([]byte{byte(n)})
		}
		return string(utf8.AppendRune(nil, rune(n)))
	})
}

func TestEscapeHTML(t *testing.T) {
	for _, h := range hostileNames {
		want := strings.ReplaceAll(h.shown, "\n", "<U+000A>")
		got := strings.ReplaceAll(html.UnescapeString(dot.EscapeHTML(h.raw)), `\\`, `\`)
		if h.raw == `\\"];x[` {
			continue // the line above cannot tell two backslashes from one
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", h.raw, diff)
		}
	}
}

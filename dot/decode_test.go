package dot_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
	gonumdot "gonum.org/v1/gonum/graph/encoding/dot"
	gonummulti "gonum.org/v1/gonum/graph/multi"

	"example.com/tcpgraph/dot"
)

// read is a graph as gonum's decoder reads it.
type read struct {
	*gonummulti.DirectedGraph
	name              string
	graph, node, edge encoding.Attributes
}

func (g *read) SetDOTID(name string) { g.name = name }
func (g *read) DOTAttributeSetters() (graph, node, edge encoding.AttributeSetter) {
	return &g.graph, &g.node, &g.edge
}

func (g *read) NewNode() graph.Node { return &readNode{Node: g.DirectedGraph.NewNode()} }
func (g *read) NewLine(from, to graph.Node) graph.Line {
	return &readLine{Line: g.DirectedGraph.NewLine(from, to)}
}

type readNode struct {
	graph.Node
	encoding.Attributes
	name string
}

func (n *readNode) SetDOTID(name string) { n.name = name }

type readLine struct {
	graph.Line
	encoding.Attributes
	fromPort, toPort port
}

// port is where an edge ends at a node.
type port struct{ Name, Compass string }

func (l *readLine) SetFromPort(name, compass string) error {
	l.fromPort = port{name, compass}
	return nil
}

func (l *readLine) SetToPort(name, compass string) error {
	l.toPort = port{name, compass}
	return nil
}

// summary is what a graph says, as values that can be compared.
type summary struct {
	Name              string
	Graph, Node, Edge map[string]string
	Nodes             map[string]map[string]string
	Lines             []line
}

type line struct {
	From, To         string
	FromPort, ToPort port
	Attributes       map[string]string
}

// decode reads text with gonum's decoder and takes the escapes out.
func decode(t *testing.T, text string) summary {
	t.Helper()
	g := &read{DirectedGraph: gonummulti.NewDirectedGraph()}
	if err := gonumdot.UnmarshalMulti([]byte(text), g); err != nil {
		t.Fatalf("gonum cannot read it: %v\n%s", err, text)
	}
	plain := func(attrs encoding.Attributes) map[string]string {
		m := map[string]string{}
		for _, a := range attrs {
			m[unescape(t, a.Key)] = unescape(t, a.Value)
		}
		return m
	}
	s := summary{
		Name:  unescape(t, g.name),
		Graph: plain(g.graph), Node: plain(g.node), Edge: plain(g.edge),
		Nodes: map[string]map[string]string{},
	}
	for nodes := g.Nodes(); nodes.Next(); {
		n := nodes.Node().(*readNode)
		s.Nodes[unescape(t, n.name)] = plain(n.Attributes)
	}
	for all := g.Edges(); all.Next(); {
		lines := all.Edge().(gonummulti.Edge)
		for lines.Next() {
			l := lines.Line().(*readLine)
			s.Lines = append(s.Lines, line{
				From: unescape(t, l.From().(*readNode).name), To: unescape(t, l.To().(*readNode).name),
				FromPort: port{unescape(t, l.fromPort.Name), l.fromPort.Compass}, ToPort: l.toPort,
				Attributes: plain(l.Attributes),
			})
		}
	}
	slices.SortFunc(s.Lines, func(a, b line) int {
		return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To))
	})
	return s
}

// haunted returns a small graph with name in every place that takes one, and
// what should be read of it.
func haunted(name string) (graph.Graph, *dot.Options, summary) {
	other := name + "'" // another name, as hostile
	attrs := []encoding.Attribute{{Key: "label", Value: name}, {Key: name, Value: name}}
	g := &titled{directed: directed{newList(0)}, name: name, edgeOwn: encoding.Attributes{{Key: "comment", Value: name}}}
	a := &node{id: 2, name: name, attrs: attrs}
	b := &node{id: -1, name: other, attrs: attrs}
	c := &node{id: 1 << 40}
	g.nodes = []graph.Node{a, b, c}
	g.edges = []*edge{
		{from: b, to: a, attrs: attrs, fromPort: name, toPoint: "se"},
		{from: b, to: c},
		{from: b, to: b},
	}
	opts := &dot.Options{
		Graph:             []dot.Attribute{dot.Text("class", name)},
		Node:              []dot.Attribute{dot.Text("group", name)},
		Cluster:           func(n graph.Node) []string { return [][]string{{name, other}, {other}, {name}}[n.ID()&1+n.ID()>>40&1] },
		ClusterAttributes: func([]string, []dot.Attribute) []dot.Attribute { return nil }, // gonum gives them to the graph
	}
	text := map[string]string{"label": name, name: name}
	want := summary{
		Name:  name,
		Graph: map[string]string{"class": name},
		Node:  map[string]string{"group": name},
		Edge:  map[string]string{"comment": name},
		Nodes: map[string]map[string]string{name: text, other: text, "1099511627776": {}},
		Lines: []line{ // in the order of their ends' names
			{From: other, To: name, FromPort: port{Name: name}, ToPort: port{Compass: "se"}, Attributes: text},
			{From: other, To: other, Attributes: map[string]string{}},
			{From: other, To: "1099511627776", Attributes: map[string]string{}},
		},
	}
	slices.SortFunc(want.Lines, func(a, b line) int { return strings.Compare(a.To, b.To) })
	return g, opts, want
}

func checkHaunted(t *testing.T, name string) {
	t.Helper()
	g, opts, want := haunted(name)
	if diff := gocmp.Diff(want, decode(t, encode(t, g, opts))); diff != "" {
		t.Errorf("name %q everywhere (-want +read back):\n%s", name, diff)
	}
}

// TestDecode reads back graphs with hostile names.
func TestDecode(t *testing.T) {
	for _, h := range hostileNames {
		checkHaunted(t, h.raw)
	}
}

// FuzzEncode says that no name changes the structure or is lost.
func FuzzEncode(f *testing.F) {
	for _, h := range hostileNames {
		f.Add(h.raw)
	}
	f.Fuzz(func(t *testing.T, name string) {
		// gonum's decoder reads "<x>" and "\"<x>\"" as the same.
		checkHaunted(t, "="+name)
	})
}

// skeleton returns text with each string replaced by S and each HTML string by
// H, as the lexer of Graphviz divides them.
func skeleton(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		start := i
		switch text[i] {
		case '"':
			b.WriteByte('S')
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\') {
					i++
				}
			}
		case '<':
			b.WriteByte('H')
			depth := 1
			for i++; i < len(text) && depth > 0; i++ {
				switch {
				case strings.HasPrefix(text[i:], "<!--"):
					t.Fatalf("a comment begins at %q", text[i:])
				case text[i] == '<':
					depth++
				case text[i] == '>':
					depth--
				}
			}
			i--
		default:
			b.WriteByte(text[i])
		}
		if i >= len(text) {
			t.Fatalf("a string does not end: %q", text[start:])
		}
	}
	return b.String()
}

// FuzzSyntax says that no value, of whatever syntax and attribute, ends its
// string or begins another.
func FuzzSyntax(f *testing.F) {
	for _, h := range hostileNames {
		f.Add(h.raw)
		f.Add(dot.Escape(h.raw))
		f.Add(dot.EscapeRecord(h.raw))
		f.Add("<b>" + dot.EscapeHTML(h.raw) + "</b>")
	}
	f.Add("<>")
	f.Fuzz(func(t *testing.T, value string) {
		for name, attr := range map[string]func(key, value string) dot.Attribute{
			"Text": dot.Text, "EscString": dot.EscString, "HTML": dot.HTML,
		} {
			write := func(value string) (string, error) {
				var b strings.Builder
				err := dot.Encode(&b, directed{newList(1)}, &dot.Options{
					Graph: []dot.Attribute{attr("label", value)},
					NodeAttributes: func(n graph.Node, attrs []dot.Attribute) []dot.Attribute {
						for _, key := range []string{"label", "URL", "tooltip", "fontname", "class"} {
							attrs = append(attrs, attr(key, value))
						}
						return append(attrs, dot.Text("shape", "record"))
					},
				})
				return b.String(), err
			}
			text, err := write(value)
			if err != nil && name == "HTML" {
				continue // Encode refuses what has no balance
			}
			if err != nil {
				t.Fatalf("%s %q: %v", name, value, err)
			}
			plain, err := write("x")
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(skeleton(t, plain), skeleton(t, text)); diff != "" {
				t.Errorf("%s %q changes the structure (-plain +it):\n%s", name, value, diff)
			}
			if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' }) {
				t.Errorf("%s %q gives invalid UTF-8 or controls: %q", name, value, text)
			}
		}
	})
}

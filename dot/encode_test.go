package dot_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
	"gonum.org/v1/gonum/graph/simple"

	"example.com/tcpgraph/dot"
)

var update = flag.Bool("update", false, "write the golden files")

// golden is an input of Encode and the name of the file with its output.
type golden struct {
	name string
	g    graph.Graph
	opts *dot.Options
}

func goldens() []golden {
	negative := newList(0)
	negative.nodes = []graph.Node{&node{id: 7}, &node{id: -3}, &node{id: 10}}
	negative.edges = []*edge{{from: negative.nodes[0], to: negative.nodes[1]}}

	backwards := newUndirected(newList(2, [2]int{1, 0}))
	backwards.edges[0].attrs = []encoding.Attribute{{Key: "taillabel", Value: "one"}}
	backwards.edges[0].fromPort, backwards.edges[0].fromPoint, backwards.edges[0].toPoint = "p", "n", "s"

	both := newUndirected(newList(2, [2]int{1, 0}, [2]int{0, 1}, [2]int{1, 1}))

	styled := &titled{
		directed: directed{newList(3, [2]int{0, 1}, [2]int{1, 2})},
		name:     "own name",
		graphOwn: encoding.Attributes{{Key: "rankdir", Value: "LR"}},
		nodeOwn:  encoding.Attributes{{Key: "shape", Value: "box"}},
	}
	styled.edges[0].attrs = []encoding.Attribute{{Key: "label", Value: ":443 ×3"}, {Key: "penwidth", Value: "2"}}
	styled.nodes[0] = &node{id: 0, name: "client", attrs: []encoding.Attribute{{Key: "label", Value: "curl\n17"}}}
	styled.edges[0].from = styled.nodes[0]

	loops := newList(3, [2]int{2, 1}, [2]int{1, 1}, [2]int{0, 1}, [2]int{1, 1}, [2]int{0, 1})
	return []golden{
		{"empty", newList(0), nil},
		{"directed", directed{loops}, nil},
		{"plain", newList(2, [2]int{0, 1}, [2]int{1, 0}), nil},
		{"negative", directed{negative}, nil},
		{"undirected", backwards, nil},
		{"multi", multi{directed{loops}}, nil},
		{"undirectedmulti", undirectedMulti{both, multi{directed(both)}}, nil},
		{"ordered", ordered{directed{loops}}, nil},
		{"styled", styled, &dot.Options{
			Graph: []dot.Attribute{dot.HTML("label", "a <b>legend</b>")},
			Edge:  []dot.Attribute{dot.Text("color", "gray40")},
			NodeAttributes: func(n graph.Node, attrs []dot.Attribute) []dot.Attribute {
				return append(attrs, dot.EscString("tooltip", `this is \N`))
			},
			EdgeAttributes: func(e graph.Edge, attrs []dot.Attribute) []dot.Attribute {
				if e.To().ID() == 2 {
					return append(attrs, dot.Text("style", "dashed"))
				}
				return attrs[:1]
			},
		}},
		{"lines", multi{directed{loops}}, &dot.Options{
			Name: "lines",
			LineAttributes: func(l graph.Line, attrs []dot.Attribute) []dot.Attribute {
				return append(attrs, dot.Text("label", fmt.Sprint("line ", l.ID())))
			},
		}},
		{"clusters", directed{newList(6, [2]int{0, 5}, [2]int{3, 1})}, &dot.Options{
			Cluster: func(n graph.Node) []string {
				return [][]string{{"b", "web"}, {"a"}, nil, {"b"}, {"b", "web"}, {"a", "web", ""}}[n.ID()]
			},
			ClusterAttributes: func(path []string, attrs []dot.Attribute) []dot.Attribute {
				if path[len(path)-1] == "" {
					return nil
				}
				return append(attrs, dot.Text("tooltip", strings.Join(path, "/")))
			},
		}},
		hostile(),
	}
}

// hostile has each hostile name in every place that takes one.
func hostile() golden {
	g := &titled{directed: directed{newList(0)}, name: hostileNames[0].raw}
	for i, h := range hostileNames {
		g.nodes = append(g.nodes, &node{id: int64(i), name: h.raw, attrs: []encoding.Attribute{
			{Key: "label", Value: h.raw},
			{Key: "tooltip", Value: h.raw},
			{Key: "class", Value: h.raw},
			{Key: "URL", Value: h.raw},
			{Key: h.raw, Value: h.raw},
		}})
		if i%2 == 1 {
			n := g.nodes[i].(*node)
			n.attrs = append(n.attrs, encoding.Attribute{Key: "shape", Value: "record"})
		}
	}
	for i, h := range hostileNames[1:] {
		g.edges = append(g.edges, &edge{
			from: g.nodes[i], to: g.nodes[i+1], fromPort: h.raw, toPoint: "n",
			attrs: []encoding.Attribute{{Key: "label", Value: h.raw}, {Key: "edgetooltip", Value: h.raw}},
		})
	}
	return golden{"hostile", g, &dot.Options{
		Graph:   []dot.Attribute{dot.HTML("label", "<i>"+dot.EscapeHTML(hostileNames[0].raw)+"</i>")},
		Cluster: func(n graph.Node) []string { return []string{n.(*node).name} },
	}}
}

func encode(t *testing.T, g graph.Graph, opts *dot.Options) string {
	t.Helper()
	var b strings.Builder
	if err := dot.Encode(&b, g, opts); err != nil {
		t.Fatalf("Encode: %v", err)
	}
	return b.String()
}

func TestEncodeGolden(t *testing.T) {
	for _, tt := range goldens() {
		t.Run(tt.name, func(t *testing.T) {
			got := encode(t, tt.g, tt.opts)
			file := filepath.Join("testdata", tt.name+".dot")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v (go test -update writes it)", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
}

// TestEncodeStable encodes a graph that iterates in random order.
func TestEncodeStable(t *testing.T) {
	g := simple.NewWeightedDirectedGraph(0, 0)
	for i := range int64(200) {
		g.SetWeightedEdge(simple.WeightedEdge{F: simple.Node(i % 17), T: simple.Node(17 + i%23), W: float64(i)})
	}
	want := encode(t, g, nil)
	if n := strings.Count(want, "->"); n != g.Edges().Len() {
		t.Errorf("%d edges written, want %d", n, g.Edges().Len())
	}
	for range 5 {
		if diff := cmp.Diff(want, encode(t, g, nil)); diff != "" {
			t.Fatalf("the same graph gave other bytes (-first +later):\n%s", diff)
		}
	}
}

// TestEncodeOrderedEdges says that the short way gives what the long one does.
func TestEncodeOrderedEdges(t *testing.T) {
	g := directed{newList(30)}
	for i := range 30 {
		for j := i % 3; j < 30; j += 3 {
			g.edges = append(g.edges, &edge{from: g.nodes[i], to: g.nodes[j]})
		}
	}
	if diff := cmp.Diff(encode(t, g, nil), encode(t, ordered{g}, nil)); diff != "" {
		t.Errorf("with OrderedEdges (-without +with):\n%s", diff)
	}
}

// TestEncodeListedEdges says the same of edges that come with their attributes,
// and that they do not take the place of Options.EdgeAttributes.
func TestEncodeListedEdges(t *testing.T) {
	g := directed{newList(30)}
	for i := range 30 {
		for j := i % 3; j < 30; j += 3 {
			e := &edge{from: g.nodes[i], to: g.nodes[j]}
			for k := range (i + j) % 11 { // more than encode remembers the keys of, and fewer
				e.attrs = append(e.attrs, encoding.Attribute{Key: []string{"label", "tooltip", "a key", ""}[(k+i)%4], Value: `"é\` + "\n"})
			}
			g.edges = append(g.edges, e)
		}
	}
	if diff := cmp.Diff(encode(t, g, nil), encode(t, listed{g}, nil)); diff != "" {
		t.Errorf("with ListEdges (-without +with):\n%s", diff)
	}
	opts := &dot.Options{EdgeAttributes: func(e graph.Edge, attrs []dot.Attribute) []dot.Attribute {
		return append(attrs, dot.Text("from", fmt.Sprint(e.From().ID())))
	}}
	if diff := cmp.Diff(encode(t, g, opts), encode(t, listed{g}, opts)); diff != "" {
		t.Errorf("with ListEdges and EdgeAttributes (-without +with):\n%s", diff)
	}
}

type badList struct{ directed }

func (badList) ListEdges() iter.Seq2[[2]int64, []encoding.Attribute] { return nil }

type badOrder struct {
	directed
	seq iter.Seq[graph.Edge]
}

func (g badOrder) OrderedEdges() iter.Seq[graph.Edge] { return g.seq }

type subgrapher struct{ node }

func (*subgrapher) Subgraph() graph.Graph { return newList(1) }

func TestEncodeErrors(t *testing.T) {
	one := func(e graph.Edge) iter.Seq[graph.Edge] {
		return func(yield func(graph.Edge) bool) { yield(e) }
	}
	named := func(names ...string) graph.Graph {
		g := newList(len(names))
		for i, name := range names {
			g.nodes[i].(*node).name = name
		}
		return g
	}
	attr := func(a dot.Attribute) *dot.Options {
		return &dot.Options{NodeAttributes: func(graph.Node, []dot.Attribute) []dot.Attribute {
			return []dot.Attribute{a}
		}}
	}
	const brackets = "HTML-like value has unbalanced angle brackets; write &lt; and &gt; in text (see EscapeHTML)"
	tests := []struct {
		name string
		g    graph.Graph
		opts *dot.Options
		want string
	}{
		{"nil graph", nil, nil, "dot: nil graph"},
		{"nil pointer", (*simple.DirectedGraph)(nil), nil, "dot: nil graph"},
		{"one name twice", named("a", "b", "a"), nil, `dot: nodes 0 and 2 are both named "a"; give each its own DOTID`},
		{"name of another", named("1", ""), nil, `dot: node 0 is named "1", which is the name of node 1, which has no DOTID`},
		{
			"subgraph", &list{nodes: []graph.Node{&subgrapher{node{id: 4}}}}, nil,
			"dot: node 4 stands for a subgraph: unsupported operation; use Options.Cluster",
		},
		{"HTML that ends early", newList(1), attr(dot.HTML("label", "a > b <")), `dot: node 0: attribute "label": ` + brackets},
		{"HTML that never ends", newList(1), attr(dot.HTML("label", "<b")), `dot: node 0: attribute "label": ` + brackets},
		{
			"HTML comment", newList(1), attr(dot.HTML("label", "<!-- > -->")),
			`dot: node 0: attribute "label": HTML-like value has a comment; take it out`,
		},
		{"no such syntax", newList(1), attr(dot.Attribute{Key: "label", Syntax: 9}), `dot: node 0: attribute "label": unknown Syntax 9`},
		{
			"bad default", newList(1), &dot.Options{Edge: []dot.Attribute{dot.HTML("k\"", ">")}},
			`dot: defaults of edge: attribute "k\"": ` + brackets,
		},
		{
			"bad cluster", newList(1), &dot.Options{
				Cluster: func(graph.Node) []string { return []string{"a", "b\n"} },
				ClusterAttributes: func([]string, []dot.Attribute) []dot.Attribute {
					return attr(dot.HTML("x", ">")).NodeAttributes(nil, nil)
				},
			},
			`dot: cluster ["a"]: attribute "x": ` + brackets,
		},
		{
			"bad edge",
			directed{newList(2, [2]int{0, 1})},
			&dot.Options{
				EdgeAttributes: func(graph.Edge, []dot.Attribute) []dot.Attribute { return []dot.Attribute{dot.HTML("x", ">")} },
			},
			`dot: edge from 0 to 1: attribute "x": ` + brackets,
		},
		{
			"bad compass",
			directed{&list{
				nodes: newList(2).nodes,
				edges: []*edge{{from: &node{id: 0}, to: &node{id: 1}, fromPoint: "up"}},
			}},
			nil,
			`dot: edge from 0 to 1: compass point "up" is not one of n, ne, e, se, s, sw, w, nw, c and _`,
		},
		{"no sequence", badOrder{directed{newList(1)}, nil}, nil, "dot: OrderedEdges returned nil"},
		{"no list", badList{directed{newList(1)}}, nil, "dot: ListEdges returned nil"},
		{"nil edge", badOrder{directed{newList(1)}, one(nil)}, nil, "dot: OrderedEdges has a nil edge"},
		{"edge without ends", badOrder{directed{newList(1)}, one(&edge{})}, nil, "dot: OrderedEdges has an edge without an end"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := dot.Encode(io.Discard, tt.g, tt.opts)
			if err == nil {
				t.Fatalf("no error, want %q", tt.want)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if got, want := errors.Is(err, errors.ErrUnsupported), tt.name == "subgraph"; got != want {
				t.Errorf("errors.Is(err, errors.ErrUnsupported) = %v, want %v", got, want)
			}
		})
	}
	if err := dot.Encode(nil, newList(1), nil); err == nil {
		t.Error("nil writer: no error")
	}
}

// limited takes n bytes and then fails, or says that it wrote less.
type limited struct {
	n   int
	err error
}

func (w *limited) Write(p []byte) (int, error) {
	if len(p) <= w.n {
		w.n -= len(p)
		return len(p), nil
	}
	return w.n, w.err
}

func TestEncodeWriteError(t *testing.T) {
	full := errors.New("disk full")
	g := newList(3000, [2]int{0, 1})
	g.edges = nil
	all := ordered{directed{g}}
	for i := range 30000 {
		g.edges = append(g.edges, &edge{from: g.nodes[i%3000], to: g.nodes[i%7]})
	}
	size := len(encode(t, all, nil))
	clusters := &dot.Options{Cluster: func(n graph.Node) []string { return []string{fmt.Sprint(n.ID())} }}
	for n := 0; n < size; n += size / 9 {
		for _, opts := range []*dot.Options{nil, clusters} {
			if err := dot.Encode(&limited{n, full}, all, opts); !errors.Is(err, full) {
				t.Errorf("writer that fails after %d bytes: got error %v, want %v", n, err, full)
			}
			if err := dot.Encode(&limited{n, nil}, all, opts); !errors.Is(err, io.ErrShortWrite) {
				t.Errorf("writer that stops after %d bytes: got error %v, want %v", n, err, io.ErrShortWrite)
			}
		}
	}
}

// TestEncodeMemory compares what is allocated for few and for many edges.
func TestEncodeMemory(t *testing.T) {
	allocated := func(edges int) uint64 {
		g := newList(100)
		for i := range edges {
			g.edges = append(g.edges, &edge{from: g.nodes[i%100], to: g.nodes[i%7]})
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := dot.Encode(io.Discard, ordered{directed{g}}, nil); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	few, many := allocated(10_000), allocated(200_000)
	if many > few+64<<10 {
		t.Errorf("%d bytes allocated for 200,000 edges, %d for 10,000: it grows", many, few)
	}
}

func TestEncodeWritesInPieces(t *testing.T) {
	g := ordered{directed{newList(2)}}
	for range 100_000 {
		g.edges = append(g.edges, &edge{from: g.nodes[0], to: g.nodes[1]})
	}
	var got bytes.Buffer
	if err := dot.Encode(pieces{t, &got}, g, nil); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(got.Bytes(), []byte("\t0 -> 1;\n")); n != len(g.edges) {
		t.Errorf("%d edges written, want %d", n, len(g.edges))
	}
}

type pieces struct {
	t *testing.T
	w io.Writer
}

func (p pieces) Write(b []byte) (int, error) {
	if len(b) > 64<<10 {
		p.t.Errorf("a write of %d bytes", len(b))
	}
	return p.w.Write(b)
}

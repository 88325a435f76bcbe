package dot_test

import (
	"fmt"
	"io"
	"iter"
	"testing"

	"gonum.org/v1/gonum/graph"
	gonumdot "gonum.org/v1/gonum/graph/encoding/dot"
	"gonum.org/v1/gonum/graph/iterator"
	"gonum.org/v1/gonum/graph/simple"

	"example.com/tcpgraph/dot"
)

// rows is a directed graph whose edges lie in the order of their ends, as a
// graph that is made for reading has them. Node i leads to targets[first[i]:
// first[i+1]].
type rows struct {
	nodes   []graph.Node
	edges   []simple.Edge
	targets []graph.Node
	first   []int
}

// newRows returns a graph with 10 edges from each of n nodes.
func newRows(n int, node func(id int64) graph.Node) *rows {
	const degree = 10
	g := &rows{first: make([]int, n+1)}
	for i := range n {
		g.nodes = append(g.nodes, node(int64(i)))
	}
	for i := range n {
		for j := range degree {
			to := g.nodes[j*n/degree+i%(n/degree)]
			g.targets = append(g.targets, to)
			g.edges = append(g.edges, simple.Edge{F: g.nodes[i], T: to})
		}
		g.first[i+1] = len(g.targets)
	}
	return g
}

func (g *rows) Node(id int64) graph.Node { return g.nodes[id] }
func (g *rows) Nodes() graph.Nodes       { return iterator.NewOrderedNodes(g.nodes) }
func (g *rows) From(id int64) graph.Nodes {
	return iterator.NewOrderedNodes(g.targets[g.first[id]:g.first[id+1]])
}
func (g *rows) To(int64) graph.Nodes           { return graph.Empty }
func (g *rows) HasEdgeBetween(x, y int64) bool { return g.Edge(x, y) != nil || g.Edge(y, x) != nil }
func (g *rows) HasEdgeFromTo(u, v int64) bool  { return g.Edge(u, v) != nil }
func (g *rows) Edge(u, v int64) graph.Edge {
	for i := g.first[u]; i < g.first[u+1]; i++ {
		if g.targets[i].ID() == v {
			return &g.edges[i]
		}
	}
	return nil
}

// orderedRows is rows as an EdgeOrderer.
type orderedRows struct{ *rows }

func (g orderedRows) OrderedEdges() iter.Seq[graph.Edge] {
	return func(yield func(graph.Edge) bool) {
		for i := range g.edges {
			if !yield(&g.edges[i]) {
				return
			}
		}
	}
}

// BenchmarkEncode writes graphs of 10 edges a node: rows through gonum's
// interfaces alone and as an EdgeOrderer, with IDs and with names, and with a
// label on each edge; and gonum's own graph and encoder beside them.
func BenchmarkEncode(b *testing.B) {
	numbered := func(id int64) graph.Node { return simple.Node(id) }
	named := func(id int64) graph.Node { return &node{id: id, name: fmt.Sprint("process ", id)} }
	labelled := &dot.Options{EdgeAttributes: func(_ graph.Edge, attrs []dot.Attribute) []dot.Attribute {
		return append(attrs, dot.Text("label", ":443 https ×3"), dot.Text("penwidth", "2"))
	}}
	for _, edges := range []int{10_000, 100_000, 1_000_000} {
		cases := []struct {
			name string
			make func() func(io.Writer) error
		}{
			{"ordered", func() func(io.Writer) error {
				g := orderedRows{newRows(edges/10, numbered)}
				return func(w io.Writer) error { return dot.Encode(w, g, nil) }
			}},
			{"ordered-labels", func() func(io.Writer) error {
				g := orderedRows{newRows(edges/10, numbered)}
				return func(w io.Writer) error { return dot.Encode(w, g, labelled) }
			}},
			{"ordered-names", func() func(io.Writer) error {
				g := orderedRows{newRows(edges/10, named)}
				return func(w io.Writer) error { return dot.Encode(w, g, nil) }
			}},
			{"rows", func() func(io.Writer) error {
				g := newRows(edges/10, numbered)
				return func(w io.Writer) error { return dot.Encode(w, g, nil) }
			}},
			{"simple", func() func(io.Writer) error {
				g := newSimple(edges)
				return func(w io.Writer) error { return dot.Encode(w, g, nil) }
			}},
			{"simple-gonum", func() func(io.Writer) error {
				g := newSimple(edges)
				return func(w io.Writer) error {
					text, err := gonumdot.Marshal(g, "", "", "\t")
					if err == nil {
						_, err = w.Write(text)
					}
					return err
				}
			}},
		}
		for _, c := range cases {
			b.Run(fmt.Sprintf("%s/edges=%d", c.name, edges), func(b *testing.B) {
				run := c.make()
				b.ReportAllocs()
				for b.Loop() {
					if err := run(io.Discard); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(edges), "ns/edge")
			})
		}
	}
}

func newSimple(edges int) graph.Graph {
	g := simple.NewDirectedGraph()
	r := newRows(edges/10, func(id int64) graph.Node { return simple.Node(id) })
	for _, n := range r.nodes {
		g.AddNode(n)
	}
	for i := range r.edges {
		if e := r.edges[i]; e.F.ID() != e.T.ID() { // simple refuses these
			g.SetEdge(e)
		}
	}
	return g
}

package bench

import (
	"fmt"
	"io"
	"iter"
	"runtime"
	"testing"

	emicklei "github.com/emicklei/dot"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
	gonumdot "gonum.org/v1/gonum/graph/encoding/dot"
	"gonum.org/v1/gonum/graph/iterator"
	"gonum.org/v1/gonum/graph/simple"

	"example.com/tcpgraph/dot"
	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/internal/bench/workload"
	"example.com/tcpgraph/traceformat"
)

// degree is how many edges there are for each node.
const degree = 10

// rows is a graph of n nodes, each of which leads to degree others.
type rows struct{ n int }

func (g rows) to(i, j int) int { return j*g.n/degree + i%(g.n/degree) }

// adjacency is rows as a gonum graph, with what its methods return made before.
type adjacency struct {
	nodes   []graph.Node
	targets []graph.Node // of node i from degree*i on
	edges   []simple.Edge
}

func newAdjacency(g rows) *adjacency {
	a := &adjacency{}
	for i := range g.n {
		a.nodes = append(a.nodes, simple.Node(i))
	}
	for i := range g.n {
		for j := range degree {
			to := a.nodes[g.to(i, j)]
			a.targets = append(a.targets, to)
			a.edges = append(a.edges, simple.Edge{F: a.nodes[i], T: to})
		}
	}
	return a
}

func (a *adjacency) Node(id int64) graph.Node { return a.nodes[id] }
func (a *adjacency) Nodes() graph.Nodes       { return iterator.NewOrderedNodes(a.nodes) }
func (a *adjacency) From(id int64) graph.Nodes {
	return iterator.NewOrderedNodes(a.targets[degree*id : degree*(id+1)])
}
func (a *adjacency) To(int64) graph.Nodes { return graph.Empty }
func (a *adjacency) HasEdgeBetween(x, y int64) bool {
	return a.HasEdgeFromTo(x, y) || a.HasEdgeFromTo(y, x)
}
func (a *adjacency) HasEdgeFromTo(u, v int64) bool { return a.Edge(u, v) != nil }
func (a *adjacency) Edge(u, v int64) graph.Edge {
	for i := degree * u; i < degree*(u+1); i++ {
		if a.targets[i].ID() == v {
			return &a.edges[i]
		}
	}
	return nil
}

// ordered lists its own edges, as flowgraph's graphs do.
type ordered struct{ *adjacency }

func (a ordered) OrderedEdges() iter.Seq[graph.Edge] {
	return func(yield func(graph.Edge) bool) {
		for i := range a.edges {
			if !yield(&a.edges[i]) {
				return
			}
		}
	}
}

// list returns what lists the edges of rows from node lo up to hi, without
// attributes.
func (g rows) list(lo, hi int) dot.EdgeSeq {
	return func(yield func([2]int64, []encoding.Attribute) bool) {
		for i := lo; i < hi; i++ {
			for j := range degree {
				if !yield([2]int64{int64(i), int64(g.to(i, j))}, nil) {
					return
				}
			}
		}
	}
}

// chunks lists the edges of rows from a thousand at a time.
func (g rows) chunks() []dot.EdgeSeq {
	const nodes = 1000 / degree
	var all []dot.EdgeSeq
	for lo := 0; lo < g.n; lo += nodes {
		all = append(all, g.list(lo, min(lo+nodes, g.n)))
	}
	return all
}

// lister is a graph that lists rows as its edges.
type lister struct {
	*adjacency
	rows rows
}

func (l lister) ListEdges() dot.EdgeSeq { return l.rows.list(0, l.rows.n) }

// allocated returns the bytes that were allocated so far.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func benchmarkEncode(b *testing.B, name string, edges int, encode func(w io.Writer) error) {
	b.Run(name, func(b *testing.B) {
		runtime.GC() // of what was made for it, or for others
		before := allocated()
		timer := startTimer(b)
		for range b.N {
			if err := encode(io.Discard); err != nil {
				b.Fatal(err)
			}
		}
		timer.perItem(edges, "edge")
		b.ReportMetric(float64(allocated()-before)/float64(b.N)/float64(edges), "B/edge")
	})
}

func encodeOrdered(g rows) func(io.Writer) error {
	a := ordered{newAdjacency(g)}
	return func(w io.Writer) error { return dot.Encode(w, a, nil) }
}

// BenchmarkEncode writes a graph of 100,000 nodes and a million edges in DOT,
// without attributes. Where a peer has a graph of its own kind, making that from
// the rows is a part of it, as it is for a program that has the rows.
func BenchmarkEncode(b *testing.B) {
	g := rows{100_000}
	edges := degree * g.n
	benchmarkEncode(b, "tcpgraph-ordered", edges, encodeOrdered(g))
	a := newAdjacency(g)
	benchmarkEncode(b, "tcpgraph-listed", edges, func(w io.Writer) error { return dot.Encode(w, lister{a, g}, nil) })
	benchmarkEncode(b, "tcpgraph-chunks", edges, func(w io.Writer) error {
		return dot.Encode(w, a, &dot.Options{EdgeChunks: g.chunks()})
	})
	benchmarkEncode(b, "tcpgraph-any-graph", edges, func(w io.Writer) error { return dot.Encode(w, a, nil) })
	benchmarkEncode(b, "gonum-marshal", edges, func(w io.Writer) error {
		text, err := gonumdot.Marshal(a, "", "", "\t")
		if err == nil {
			_, err = w.Write(text)
		}
		return err
	})
	benchmarkEncode(b, "gonum-build-and-marshal", edges, func(w io.Writer) error {
		s := simple.NewDirectedGraph()
		for i := range a.edges {
			if e := a.edges[i]; e.F.ID() != e.T.ID() { // it panics on them
				s.SetEdge(e)
			}
		}
		text, err := gonumdot.Marshal(s, "", "", "\t")
		if err == nil {
			_, err = w.Write(text)
		}
		return err
	})
	benchmarkEncode(b, "emicklei-build-and-write", edges, func(w io.Writer) error {
		d := emicklei.NewGraph(emicklei.Directed)
		nodes := make([]emicklei.Node, g.n)
		for i := range nodes {
			nodes[i] = d.Node(fmt.Sprint(i))
		}
		for i := range nodes {
			for j := range degree {
				d.Edge(nodes[i], nodes[g.to(i, j)])
			}
		}
		d.Write(w)
		return nil
	})
}

// BenchmarkEncodeLabels is BenchmarkEncode with a name on each node and a label on
// each edge.
func BenchmarkEncodeLabels(b *testing.B) {
	g := rows{100_000}
	edges := degree * g.n
	names := make([]string, g.n)
	for i := range names {
		names[i] = fmt.Sprintf("nginx[%d]", i)
	}
	a := ordered{newAdjacency(g)}
	opts := &dot.Options{
		NodeAttributes: func(n graph.Node, attrs []dot.Attribute) []dot.Attribute {
			return append(attrs, dot.Text("label", names[n.ID()]))
		},
		EdgeAttributes: func(_ graph.Edge, attrs []dot.Attribute) []dot.Attribute {
			return append(attrs, dot.Text("label", ":443 https"))
		},
	}
	benchmarkEncode(b, "tcpgraph", edges, func(w io.Writer) error { return dot.Encode(w, a, opts) })
	benchmarkEncode(b, "emicklei-build-and-write", edges, func(w io.Writer) error {
		d := emicklei.NewGraph(emicklei.Directed)
		nodes := make([]emicklei.Node, g.n)
		for i := range nodes {
			nodes[i] = d.Node(names[i])
		}
		for i := range nodes {
			for j := range degree {
				d.Edge(nodes[i], nodes[g.to(i, j)]).Label(":443 https")
			}
		}
		d.Write(w)
		return nil
	})
}

// BenchmarkEncodeGrowth writes larger and larger graphs.
func BenchmarkEncodeGrowth(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		g := rows{n}
		benchmarkEncode(b, fmt.Sprintf("edges=%d", degree*n), degree*n, encodeOrdered(g))
	}
}

// BenchmarkEncodeLabelled writes the graph of a million events with what
// flowgraph says of each node and edge: label, width and tooltip.
func BenchmarkEncodeLabelled(b *testing.B) {
	t := workload.New(workload.Options{Events: 1_000_000})
	g := flowgraph.New(&flowgraph.Options{ForgetPaired: true})
	var e traceformat.Event
	for i := range t.Len() {
		t.Event(i, &e)
		g.Add(e)
	}
	edges := int(g.Stats().Edges)
	benchmarkEncode(b, "tcpgraph", edges, func(w io.Writer) error { return dot.Encode(w, g, nil) })
	v := g.View(nil)
	benchmarkEncode(b, "tcpgraph-chunks", edges, func(w io.Writer) error {
		return dot.Encode(w, v, &dot.Options{EdgeChunks: v.ListEdgeChunks(1000)})
	})
}

package dot_test

import (
	"iter"
	"slices"

	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
	"gonum.org/v1/gonum/graph/iterator"
)

// node is a node with everything that Encode asks one for.
type node struct {
	id    int64
	name  string
	attrs []encoding.Attribute
}

func (n *node) ID() int64                        { return n.id }
func (n *node) DOTID() string                    { return n.name }
func (n *node) Attributes() []encoding.Attribute { return n.attrs }

// edge is an edge, or a line, with everything that Encode asks one for.
type edge struct {
	from, to           graph.Node
	id                 int64
	attrs              []encoding.Attribute
	fromPort, toPort   string
	fromPoint, toPoint string
}

func (e *edge) From() graph.Node                 { return e.from }
func (e *edge) To() graph.Node                   { return e.to }
func (e *edge) ID() int64                        { return e.id }
func (e *edge) ReversedEdge() graph.Edge         { return e } // as the interface permits
func (e *edge) ReversedLine() graph.Line         { return e }
func (e *edge) Attributes() []encoding.Attribute { return e.attrs }
func (e *edge) FromPort() (string, string)       { return e.fromPort, e.fromPoint }
func (e *edge) ToPort() (string, string)         { return e.toPort, e.toPoint }

// list is a graph.Graph over a list of edges, self loops allowed. It is neither
// directed nor undirected; the types below are.
type list struct {
	nodes    []graph.Node
	edges    []*edge
	bothWays bool
}

// newList returns a list with the nodes 0 to n-1 and unnamed edges between
// pairs of them.
func newList(n int, pairs ...[2]int) *list {
	g := &list{}
	for i := range n {
		g.nodes = append(g.nodes, &node{id: int64(i)})
	}
	for i, p := range pairs {
		g.edges = append(g.edges, &edge{from: g.nodes[p[0]], to: g.nodes[p[1]], id: int64(i)})
	}
	return g
}

// joins reports whether e leads from u to v in g.
func (g *list) joins(e *edge, u, v int64) bool {
	from, to := e.from.ID(), e.to.ID()
	return from == u && to == v || g.bothWays && from == v && to == u
}

func (g *list) Node(id int64) graph.Node {
	for _, n := range g.nodes {
		if n.ID() == id {
			return n
		}
	}
	return nil
}

func (g *list) Nodes() graph.Nodes { return iterator.NewOrderedNodes(g.nodes) }

func (g *list) From(id int64) graph.Nodes {
	var to []graph.Node
	for _, n := range g.nodes {
		if g.Edge(id, n.ID()) != nil {
			to = append(to, n)
		}
	}
	return iterator.NewOrderedNodes(to)
}

func (g *list) HasEdgeBetween(x, y int64) bool {
	return g.Edge(x, y) != nil || g.Edge(y, x) != nil
}

func (g *list) Edge(u, v int64) graph.Edge {
	for _, e := range g.edges {
		if g.joins(e, u, v) {
			return e
		}
	}
	return nil
}

// directed is list as a graph.Directed.
type directed struct{ *list }

func (g directed) HasEdgeFromTo(u, v int64) bool { return g.Edge(u, v) != nil }
func (g directed) To(id int64) graph.Nodes {
	var from []graph.Node
	for _, n := range g.nodes {
		if g.Edge(n.ID(), id) != nil {
			from = append(from, n)
		}
	}
	return iterator.NewOrderedNodes(from)
}

// undirected is list as a graph.Undirected.
type undirected struct{ *list }

func newUndirected(g *list) undirected {
	g.bothWays = true
	return undirected{g}
}

func (g undirected) EdgeBetween(x, y int64) graph.Edge { return g.Edge(x, y) }

// multi is list as a graph.Multigraph. Lines come last first.
type multi struct{ directed }

func (g multi) Lines(u, v int64) graph.Lines {
	var lines []graph.Line
	for _, e := range slices.Backward(g.edges) {
		if g.joins(e, u, v) {
			lines = append(lines, e)
		}
	}
	return iterator.NewOrderedLines(lines)
}

// undirectedMulti is list as a graph.UndirectedMultigraph.
type undirectedMulti struct {
	undirected
	lines multi
}

func (g undirectedMulti) Lines(u, v int64) graph.Lines        { return g.lines.Lines(u, v) }
func (g undirectedMulti) LinesBetween(u, v int64) graph.Lines { return g.lines.Lines(u, v) }

// ordered is directed as an EdgeOrderer.
type ordered struct{ directed }

func (g ordered) OrderedEdges() iter.Seq[graph.Edge] {
	return func(yield func(graph.Edge) bool) {
		for _, e := range g.edges {
			if !yield(e) {
				return
			}
		}
	}
}

// listed is directed as an EdgeLister that uses its slice again.
type listed struct{ directed }

func (g listed) ListEdges() iter.Seq2[[2]int64, []encoding.Attribute] {
	return func(yield func([2]int64, []encoding.Attribute) bool) {
		var attrs []encoding.Attribute
		for _, e := range g.edges {
			attrs = append(attrs[:0], e.Attributes()...)
			if !yield([2]int64{e.From().ID(), e.To().ID()}, attrs) {
				return
			}
		}
	}
}

// titled is directed with a name and defaults of its own.
type titled struct {
	directed
	name                       string
	graphOwn, nodeOwn, edgeOwn encoding.Attributes
}

func (g *titled) DOTID() string { return g.name }
func (g *titled) DOTAttributers() (graph, node, edge encoding.Attributer) {
	return &g.graphOwn, &g.nodeOwn, &g.edgeOwn
}

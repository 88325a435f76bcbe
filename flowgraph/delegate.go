package flowgraph

import (
	"iter"

	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
)

// What follows reads the whole graph as it is now. Iterators go on over the
// graph as it was when they were made; an Add in between can let them see
// newer numbers, but does them no harm.

// Node returns the node with the id as a [*Node], and nil if there is none.
func (g *Graph) Node(id int64) graph.Node { return g.read().Node(id) }

// Nodes returns the nodes in the order of their ids, each a [*Node].
func (g *Graph) Nodes() graph.Nodes { return g.read().Nodes() }

// From returns the nodes that the node connected to, in the order of their
// ids.
func (g *Graph) From(id int64) graph.Nodes { return g.read().From(id) }

// To returns the nodes that connected to the node, in the order of their ids.
func (g *Graph) To(id int64) graph.Nodes { return g.read().To(id) }

// Edge returns the edge from one node to the other as an [Edge], and nil if
// there is none.
func (g *Graph) Edge(uid, vid int64) graph.Edge { return g.read().Edge(uid, vid) }

// WeightedEdge returns the edge from one node to the other as an [Edge], and
// nil if there is none. Its weight is the number of connections.
func (g *Graph) WeightedEdge(uid, vid int64) graph.WeightedEdge {
	return g.read().WeightedEdge(uid, vid)
}

// Weight returns the number of connections from one node to the other; see
// [View.Weight].
func (g *Graph) Weight(uid, vid int64) (w float64, ok bool) { return g.read().Weight(uid, vid) }

// HasEdgeBetween reports whether either node connected to the other.
func (g *Graph) HasEdgeBetween(xid, yid int64) bool { return g.read().HasEdgeBetween(xid, yid) }

// HasEdgeFromTo reports whether the first node connected to the second.
func (g *Graph) HasEdgeFromTo(uid, vid int64) bool { return g.read().HasEdgeFromTo(uid, vid) }

// Edges returns all edges, each an [Edge], in the order of [Graph.AllEdges].
func (g *Graph) Edges() graph.Edges { return g.read().Edges() }

// WeightedEdges returns all edges, each an [Edge], in the order of
// [Graph.AllEdges].
func (g *Graph) WeightedEdges() graph.WeightedEdges { return g.read().WeightedEdges() }

// AllNodes returns an iterator over the nodes in the order of their ids.
func (g *Graph) AllNodes() iter.Seq[*Node] { return g.read().AllNodes() }

// AllEdges returns an iterator over the edges, in the order of the ids of
// their clients, then of their servers.
func (g *Graph) AllEdges() iter.Seq[Edge] { return g.read().AllEdges() }

// OrderedEdges is [Graph.AllEdges] with each [Edge] as a gonum edge.
func (g *Graph) OrderedEdges() iter.Seq[graph.Edge] { return g.read().OrderedEdges() }

// ListEdges returns an iterator over the edges as ids and attributes; see
// [View.ListEdges].
func (g *Graph) ListEdges() iter.Seq2[[2]int64, []encoding.Attribute] { return g.read().ListEdges() }

// Out returns an iterator over the edges from a node; see [View.Out].
func (g *Graph) Out(id int64) iter.Seq[Edge] { return g.read().Out(id) }

// In returns an iterator over the edges to a node; see [View.In].
func (g *Graph) In(id int64) iter.Seq[Edge] { return g.read().In(id) }

// Failed returns an iterator over the pairs of nodes between which attempts to
// connect failed and none succeeded; see [View.Failed].
func (g *Graph) Failed() iter.Seq[Edge] { return g.read().Failed() }

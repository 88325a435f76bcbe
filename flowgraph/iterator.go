package flowgraph

import "gonum.org/v1/gonum/graph"

var (
	_ graph.NodeSlicer         = (*nodes)(nil)
	_ graph.EdgeSlicer         = (*edges)(nil)
	_ graph.WeightedEdgeSlicer = (*weightedEdges)(nil)
)

// nodes iterates over nodes of a view: those in the row, or all.
type nodes struct {
	v    *View
	row  []uint32
	n    int
	next int // the current node is before it
}

func newNodes(v *View, row []uint32, n int) graph.Nodes {
	if n == 0 {
		return graph.Empty
	}
	return &nodes{v: v, row: row, n: n}
}

func (it *nodes) Next() bool {
	if it.next > it.n {
		return false
	}
	it.next++
	return it.next <= it.n
}

func (it *nodes) Len() int { return max(0, it.n-it.next) }

func (it *nodes) Reset() { it.next = 0 }

func (it *nodes) Node() graph.Node {
	if it.next < 1 || it.next > it.n {
		return nil
	}
	if it.row != nil {
		return it.v.nodes[it.row[it.next-1]]
	}
	return it.v.nodes[it.next-1]
}

func (it *nodes) NodeSlice() []graph.Node {
	if it.Len() == 0 {
		return nil
	}
	s := make([]graph.Node, 0, it.Len())
	for it.Next() {
		s = append(s, it.Node())
	}
	return s
}

// edges iterates over all edges of a view.
type edges struct {
	v    *View
	from uint32 // the node of the current edge
	next int
}

func (it *edges) Next() bool {
	if it.next > len(it.v.to) {
		return false
	}
	it.next++
	if it.next > len(it.v.to) {
		return false
	}
	for it.v.start[it.from+1] < uint32(it.next) {
		it.from++
	}
	return true
}

func (it *edges) Len() int { return max(0, len(it.v.to)-it.next) }

func (it *edges) Reset() { it.from, it.next = 0, 0 }

func (it *edges) Edge() graph.Edge {
	if it.next < 1 || it.next > len(it.v.to) {
		return nil
	}
	return it.v.edge(it.from, uint32(it.next-1))
}

func (it *edges) EdgeSlice() []graph.Edge {
	if it.Len() == 0 {
		return nil
	}
	s := make([]graph.Edge, 0, it.Len())
	for it.Next() {
		s = append(s, it.Edge())
	}
	return s
}

// weightedEdges iterates over all edges of a view.
type weightedEdges struct{ edges }

func (it *weightedEdges) WeightedEdge() graph.WeightedEdge {
	if it.next < 1 || it.next > len(it.v.to) {
		return nil
	}
	return it.v.edge(it.from, uint32(it.next-1))
}

func (it *weightedEdges) WeightedEdgeSlice() []graph.WeightedEdge {
	if it.Len() == 0 {
		return nil
	}
	s := make([]graph.WeightedEdge, 0, it.Len())
	for it.Next() {
		s = append(s, it.WeightedEdge())
	}
	return s
}

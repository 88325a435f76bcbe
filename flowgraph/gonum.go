package flowgraph

import (
	"iter"
	"math"
	"slices"

	"example.com/tcpgraph/traceformat"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
)

var (
	_ graph.Directed         = (*Graph)(nil)
	_ graph.WeightedDirected = (*Graph)(nil)
	_ graph.Directed         = (*View)(nil)
	_ graph.WeightedDirected = (*View)(nil)
)

// find returns the place of the node with the id in the view.
func (v *View) find(id int64) (uint32, bool) {
	i, ok := slices.BinarySearchFunc(v.nodes, id, func(n *Node, id int64) int {
		switch {
		case n.id < id:
			return -1
		case n.id > id:
			return 1
		}
		return 0
	})
	return uint32(i), ok
}

// findEdge returns the number of the edge between nodes with these ids.
func (v *View) findEdge(uid, vid int64) (uint32, bool) {
	f, ok := v.find(uid)
	if !ok {
		return 0, false
	}
	t, ok := v.find(vid)
	if !ok {
		return 0, false
	}
	lo := v.start[f]
	i, ok := slices.BinarySearch(v.to[lo:v.start[f+1]], t)
	return lo + uint32(i), ok
}

// edge returns the edge numbered e, from the node in place f.
func (v *View) edge(f, e uint32) Edge {
	var x Edge
	v.load(f, e, &x)
	return x
}

// load stores the edge numbered e, from the node in place f, in x.
func (v *View) load(f, e uint32, x *Edge) {
	v.edges.edge(e, x)
	x.Client, x.Server = v.nodes[f], v.nodes[v.to[e]]
}

// Node returns the node with the id as a [*Node], and nil if there is none.
func (v *View) Node(id int64) graph.Node {
	if i, ok := v.find(id); ok {
		return v.nodes[i]
	}
	return nil
}

// Nodes returns the nodes in the order of their ids, each a [*Node].
func (v *View) Nodes() graph.Nodes { return newNodes(v, nil, len(v.nodes)) }

// From returns the nodes that the node connected to, in the order of their
// ids.
func (v *View) From(id int64) graph.Nodes {
	i, ok := v.find(id)
	if !ok {
		return graph.Empty
	}
	row := v.to[v.start[i]:v.start[i+1]]
	return newNodes(v, row, len(row))
}

// To returns the nodes that connected to the node, in the order of their ids.
func (v *View) To(id int64) graph.Nodes {
	i, ok := v.find(id)
	if !ok {
		return graph.Empty
	}
	row := v.from[v.inStart[i]:v.inStart[i+1]]
	return newNodes(v, row, len(row))
}

// Edge returns the edge from one node to the other as an [Edge], and nil if
// there is none.
func (v *View) Edge(uid, vid int64) graph.Edge {
	if e := v.WeightedEdge(uid, vid); e != nil {
		return e
	}
	return nil
}

// WeightedEdge returns the edge from one node to the other as an [Edge], and
// nil if there is none. Its weight is the number of connections.
func (v *View) WeightedEdge(uid, vid int64) graph.WeightedEdge {
	e, ok := v.findEdge(uid, vid)
	if !ok {
		return nil
	}
	f, _ := v.find(uid)
	return v.edge(f, e)
}

// Weight returns the number of connections from one node to the other. It
// returns 0 and true for a node and itself, also where it has an edge to
// itself, and +Inf and false where there is no edge, as algorithms on paths
// want it.
func (v *View) Weight(uid, vid int64) (w float64, ok bool) {
	if uid == vid {
		return 0, true
	}
	e, ok := v.findEdge(uid, vid)
	if !ok {
		return math.Inf(1), false
	}
	var x Edge
	v.edges.edge(e, &x)
	return x.Weight(), true
}

// HasEdgeBetween reports whether either node connected to the other.
func (v *View) HasEdgeBetween(xid, yid int64) bool {
	return v.HasEdgeFromTo(xid, yid) || v.HasEdgeFromTo(yid, xid)
}

// HasEdgeFromTo reports whether the first node connected to the second.
func (v *View) HasEdgeFromTo(uid, vid int64) bool {
	_, ok := v.findEdge(uid, vid)
	return ok
}

// Edges returns all edges, each an [Edge], in the order of [View.AllEdges].
func (v *View) Edges() graph.Edges {
	if len(v.to) == 0 {
		return graph.Empty
	}
	return &edges{v: v}
}

// WeightedEdges returns all edges, each an [Edge], in the order of
// [View.AllEdges].
func (v *View) WeightedEdges() graph.WeightedEdges {
	if len(v.to) == 0 {
		return graph.Empty
	}
	return &weightedEdges{edges{v: v}}
}

// AllNodes returns an iterator over the nodes in the order of their ids. It
// can be used any number of times.
func (v *View) AllNodes() iter.Seq[*Node] { return slices.Values(v.nodes) }

// AllEdges returns an iterator over the edges, in the order of the ids of
// their clients, then of their servers. It can be used any number of times.
func (v *View) AllEdges() iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		v.each(0, len(v.to), func(e *Edge) bool { return yield(*e) })
	}
}

// EdgeChunks returns iterators over up to n edges each that together have what
// [View.AllEdges] has, in the same order. They may be used at the same time by
// several goroutines. An n of less than 1 counts as 1.
func (v *View) EdgeChunks(n int) []iter.Seq[Edge] {
	return chunks(v, n, func(lo, hi int) iter.Seq[Edge] {
		return func(yield func(Edge) bool) {
			v.each(lo, hi, func(e *Edge) bool { return yield(*e) })
		}
	})
}

// chunks returns what the function makes of the edges from lo up to hi, for every
// n of the view.
func chunks[T any](v *View, n int, chunk func(lo, hi int) T) []T {
	n = min(max(n, 1), max(len(v.to), 1))
	all := make([]T, 0, (len(v.to)+n-1)/n)
	for lo := 0; lo < len(v.to); lo += n {
		all = append(all, chunk(lo, min(lo+n, len(v.to))))
	}
	return all
}

// OrderedEdges is [View.AllEdges] with each [Edge] as a gonum edge.
func (v *View) OrderedEdges() iter.Seq[graph.Edge] {
	return func(yield func(graph.Edge) bool) {
		v.each(0, len(v.to), func(e *Edge) bool { return yield(*e) })
	}
}

// ListEdges returns an iterator over the edges in the order of [View.AllEdges],
// as the ids of client and server and what [Edge.Attributes] returns. The slice
// is used again for the next edge; the texts in it are not. Package dot of this
// module, for one, asks for the edges in this way, which spares it a search and
// some memory for each. It can be used any number of times.
func (v *View) ListEdges() iter.Seq2[[2]int64, []encoding.Attribute] { return v.list(0, len(v.to)) }

// ListEdgeChunks returns iterators over up to n edges each that together have what
// [View.ListEdges] has, in the same order, as the EdgeChunks of package dot's
// Options are. They may be used at the same time by several goroutines. An n of
// less than 1 counts as 1.
func (v *View) ListEdgeChunks(n int) []iter.Seq2[[2]int64, []encoding.Attribute] {
	return chunks(v, n, v.list)
}

// list is ListEdges for the edges from lo up to hi.
func (v *View) list(lo, hi int) iter.Seq2[[2]int64, []encoding.Attribute] {
	return func(yield func([2]int64, []encoding.Attribute) bool) {
		var attrs []encoding.Attribute
		var text []byte
		v.each(lo, hi, func(e *Edge) bool {
			attrs, text = e.appendAttributes(attrs[:0], text[:0])
			return yield([2]int64{e.Client.id, e.Server.id}, attrs)
		})
	}
}

// each calls yield for the edges from lo up to hi in their order, until it returns
// false.
func (v *View) each(lo, hi int, yield func(*Edge) bool) {
	// Many at once, so that the cache misses of finding them overlap.
	batch := make([]Edge, min(hi-lo, 32))
	numbers := make([]uint32, len(batch))
	from, _ := slices.BinarySearch(v.start, uint32(lo)+1)
	from-- // the last that begins at or before lo
	for ; lo < hi; lo += len(batch) {
		batch = batch[:min(hi-lo, len(batch))]
		for i := range batch {
			numbers[i] = uint32(lo + i)
		}
		v.edges.touch(numbers[:len(batch)])
		for i := range batch {
			e := uint32(lo + i)
			for v.start[from+1] <= e {
				from++
			}
			v.load(uint32(from), e, &batch[i])
		}
		for i := range batch {
			if !yield(&batch[i]) {
				return
			}
		}
	}
}

// Out returns an iterator over the edges from a node, in the order of the ids
// of their servers; empty if the node is not shown.
func (v *View) Out(id int64) iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		f, ok := v.find(id)
		if !ok {
			return
		}
		for e := v.start[f]; e < v.start[f+1]; e++ {
			if !yield(v.edge(f, e)) {
				return
			}
		}
	}
}

// In returns an iterator over the edges to a node, in the order of the ids of
// their clients; empty if the node is not shown.
func (v *View) In(id int64) iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		t, ok := v.find(id)
		if !ok {
			return
		}
		for _, f := range v.from[v.inStart[t]:v.inStart[t+1]] {
			lo := v.start[f]
			i, _ := slices.BinarySearch(v.to[lo:v.start[f+1]], t)
			if !yield(v.edge(f, lo+uint32(i))) {
				return
			}
		}
	}
}

// Failed returns an iterator over the pairs of nodes between which attempts to
// connect failed and none succeeded, in the order of their ids. They are not
// edges of the graph, and their Server need not be a node of it.
func (v *View) Failed() iter.Seq[Edge] { return v.failed }

// Find returns the node of a process, told by Host, PID and StartTime, or
// where StartTime is zero, by Host, PID and Command; nil if there is none.
func (g *Graph) Find(p traceformat.Process) *Node {
	g.owners()
	host, known := g.scopes.hosts[p.Host]
	id, ok := g.identify(&p, host)
	if !known || !ok {
		return nil
	}
	if q := g.lookup(&id); q != nil {
		return g.nodes.at(q.node)
	}
	return nil
}

package flowgraph

import (
	"cmp"
	"iter"
)

// View is a graph as it was at one time, grouped and filtered: see
// [Graph.View]. It is a gonum Directed and WeightedDirected graph.
//
// A View never changes, and may be used by several goroutines at once. The
// nodes keep their ids from one view of a graph to the next.
type View struct {
	nodes []*Node // in the order of their ids
	// The edges in the order of their ends: those from node i are numbered
	// start[i] to start[i+1], and to[e] is the node that edge e goes to.
	start, to []uint32
	// The same turned round: from[inStart[i]:inStart[i+1]] are the nodes that
	// have an edge to node i.
	inStart, from []uint32

	edges  edgeSource
	failed iter.Seq[Edge]
	stats  Stats // of a whole graph, without its size
}

// edgeSource has the edges of a view by their numbers.
type edgeSource interface {
	// edge stores the edge, without its ends, in x.
	edge(e uint32, x *Edge)
	// touch brings edges into the processor's cache, all at once, so that the
	// misses overlap. It overwrites their numbers. What it returns keeps the
	// compiler from leaving it out.
	touch(numbers []uint32) uint32
}

// turn makes inStart and from.
func (v *View) turn() {
	v.inStart = make([]uint32, len(v.nodes)+2)
	for _, t := range v.to {
		v.inStart[t+2]++
	}
	for i := range v.nodes {
		v.inStart[i+2] += v.inStart[i+1]
	}
	v.from = make([]uint32, len(v.to))
	for f := range v.nodes {
		for _, t := range v.to[v.start[f]:v.start[f+1]] {
			v.from[v.inStart[t+1]] = uint32(f)
			v.inStart[t+1]++
		}
	}
	v.inStart = v.inStart[:len(v.nodes)+1]
}

// ViewOptions say what a [View] shows. The zero value shows everything as it
// is. The functions are called while the view is made, and only then.
type ViewOptions struct {
	// KeepNode says which nodes are shown; nil means all. Edges of a node
	// that is not shown are not shown either.
	KeepNode func(*Node) bool
	// KeepEdge says which edges are shown; nil means all.
	KeepEdge func(Edge) bool
	// Group returns the key of the group that a node is folded into, or the
	// empty string for a node that stays as it is. Processes and external
	// nodes are never in one group, even if their keys are the same. Nil
	// means no grouping. See [ByCommand], [ByHost] and [ByContainer].
	Group func(*Node) string
	// Label returns the name of a group; it is called once for each, with
	// the members in the order of their ids. Nil means the key, followed by
	// × and the number of members if there are several.
	Label func(key string, members []*Node) string
	// HideSelf leaves out edges from a node to itself, after grouping.
	HideSelf bool
	// HideIsolated leaves out nodes that no shown edge belongs to.
	HideIsolated bool
}

// ByCommand is a function for [ViewOptions.Group] that folds together the
// processes with the same command.
func ByCommand(n *Node) string { return n.Process().Command }

// ByHost is a function for [ViewOptions.Group] that folds together what is on
// one host: processes by the name of their host, external nodes by their
// address. Processes on an unnamed host are folded into "this host".
func ByHost(n *Node) string {
	if n.External() {
		return n.Endpoint().Addr().String()
	}
	return cmp.Or(n.Process().Host, "this host")
}

// ByContainer is a function for [ViewOptions.Group] that folds together the
// processes of a container. Other nodes stay as they are.
func ByContainer(n *Node) string {
	p := n.Process()
	if p.Container == "" || p.Host == "" {
		return p.Container
	}
	return p.Host + "/" + p.Container
}

// View returns the graph as it is now, grouped and filtered. Nil options show
// everything. It takes time in proportion to the graph, and memory for each
// node and a few bytes for each edge.
func (g *Graph) View(opts *ViewOptions) *View {
	v := g.read()
	g.pairing.edges.shared = true
	return v.View(opts)
}

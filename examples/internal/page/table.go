package page

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
)

// table is the part of the graph that is sent to browsers, and when each thing
// in it changed. Versions count refreshes.
type table struct {
	maxNodes, maxEdges int

	version uint64
	nodes   map[int64]*node
	edges   map[pair]*edge
	lastID  uint32 // of an edge
	gone    []tombstone
	whole   uint64 // the version before which gone is not complete

	withheld uint64 // edges that are not sent, for there are too many
	scratch  []flowgraph.Edge
}

type pair struct{ client, server int64 }

// node is a node as it was last seen. It does not share memory with the graph.
type node struct {
	wire    wireNode
	process traceformat.Process
	addrs   []netip.Addr
	more    bool // there are more addresses
	changed uint64
	seen    uint64
}

// edge is an edge as it was last seen.
type edge struct {
	id      uint32
	edge    flowgraph.Edge
	ends    pair
	born    uint64 // version in which it or its ports changed
	changed uint64 // version in which anything changed
	seen    uint64
	history []sample
}

// tombstone tells of a node or an edge that is gone.
type tombstone struct {
	version uint64
	node    int64
	edge    uint32
}

// maxGone is how many tombstones are kept. A browser that needs older ones is
// sent everything again.
const maxGone = 4096

func newTable(o *Options) table {
	return table{
		maxNodes: o.MaxNodes,
		maxEdges: o.MaxEdges,
		nodes:    make(map[int64]*node),
		edges:    make(map[pair]*edge),
	}
}

// refresh brings the table up to date with the edges of a graph.
func (t *table) refresh(all, failed iter.Seq[flowgraph.Edge], a *axis) {
	t.version++
	t.scratch = t.scratch[:0]
	t.scratch = slices.AppendSeq(t.scratch, all)
	t.scratch = slices.AppendSeq(t.scratch, failed)
	total := len(t.scratch)
	t.limit()
	t.withheld = uint64(total - len(t.scratch))
	for i := range t.scratch {
		t.see(&t.scratch[i], a)
	}
	t.sweep()
	clear(t.scratch)
}

// limit leaves in scratch no more than may be sent: the edges that are open or
// were active last.
func (t *table) limit() {
	if len(t.scratch) <= t.maxEdges && len(t.scratch) <= t.maxNodes/2 {
		return // no need to count nodes
	}
	ends := make(map[int64]struct{}, t.maxNodes)
	for i := range t.scratch {
		ends[t.scratch[i].Client.ID()] = struct{}{}
		ends[t.scratch[i].Server.ID()] = struct{}{}
	}
	if len(t.scratch) <= t.maxEdges && len(ends) <= t.maxNodes {
		return
	}
	slices.SortStableFunc(t.scratch, func(a, b flowgraph.Edge) int {
		switch {
		case a.Open > 0 && b.Open == 0:
			return -1
		case a.Open == 0 && b.Open > 0:
			return 1
		}
		return b.Last.Compare(a.Last)
	})
	clear(ends)
	kept := 0
	for i := range t.scratch {
		ends[t.scratch[i].Client.ID()] = struct{}{}
		ends[t.scratch[i].Server.ID()] = struct{}{}
		if len(ends) > t.maxNodes || i == t.maxEdges {
			break
		}
		kept++
	}
	clear(t.scratch[kept:])
	t.scratch = t.scratch[:kept]
}

// see takes note of one edge and of the nodes at its ends.
func (t *table) see(now *flowgraph.Edge, a *axis) {
	ends := pair{now.Client.ID(), now.Server.ID()}
	e := t.edges[ends]
	isNew := e == nil
	if isNew {
		t.lastID++
		e = &edge{id: t.lastID, ends: ends, born: t.version}
		t.edges[ends] = e
	}
	e.seen = t.version
	active := isNew || e.edge != *now
	if active {
		if e.edge.Ports != now.Ports {
			e.born = t.version
		}
		e.changed = t.version
		e.edge = *now
		e.record(a)
	}
	t.seeNode(now.Client, active)
	t.seeNode(now.Server, active)
}

// seeNode takes note of a node. Only one whose edges have changed can have got
// another address.
func (t *table) seeNode(n *flowgraph.Node, active bool) {
	s := t.nodes[n.ID()]
	if s == nil {
		s = &node{changed: t.version, process: n.Process(), wire: newWireNode(n)}
		t.nodes[n.ID()] = s
		active = true
	}
	s.seen = t.version
	if !n.External() && s.process != n.Process() {
		s.process, s.wire = n.Process(), newWireNode(n)
		s.changed = t.version
	}
	if active {
		s.addrs, s.more = n.Addrs()
	}
}

// sweep removes what was not seen in this version.
func (t *table) sweep() {
	for key, e := range t.edges {
		if e.seen != t.version {
			delete(t.edges, key)
			t.gone = append(t.gone, tombstone{version: t.version, edge: e.id})
		}
	}
	for id, n := range t.nodes {
		if n.seen != t.version {
			delete(t.nodes, id)
			t.gone = append(t.gone, tombstone{version: t.version, node: id})
		}
	}
	if excess := len(t.gone) - maxGone; excess > 0 {
		t.whole = t.gone[excess-1].version
		t.gone = slices.Delete(t.gone, 0, excess)
	}
}

// since stores in u what has changed after a version, or everything if that is
// too long ago.
func (t *table) since(version uint64, u *update) {
	u.Version = t.version
	u.Reset = version == 0 || version < t.whole
	if u.Reset {
		version = 0
	}
	for _, n := range t.nodes {
		if n.changed > version {
			u.Nodes = append(u.Nodes, &n.wire)
		}
	}
	for _, e := range t.edges {
		switch {
		case e.born > version:
			u.Edges = append(u.Edges, newWireEdge(e))
		case e.changed > version:
			u.Counts = append(u.Counts, newCounts(e))
		}
	}
	slices.SortFunc(u.Nodes, func(a, b *wireNode) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(u.Edges, func(a, b *wireEdge) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(u.Counts, func(a, b counts) int { return cmp.Compare(a[0], b[0]) })
	if u.Reset {
		return
	}
	for _, g := range t.gone {
		switch {
		case g.version <= version:
		case g.edge != 0:
			u.GoneEdges = append(u.GoneEdges, g.edge)
		default:
			// It may be back already, and is in Nodes then.
			if _, ok := t.nodes[g.node]; !ok {
				u.GoneNodes = append(u.GoneNodes, g.node)
			}
		}
	}
}

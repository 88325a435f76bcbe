package flowgraph

import "slices"

// read returns the graph as it is now. It works out the edges if events came
// since the last reading: it puts together what forgotten connections came to
// with the connections that are remembered, and sorts the result by the ids of
// the ends. Nothing is copied: an edge is a run of references.
func (g *Graph) read() *View {
	if g.whole != nil {
		return g.whole
	}
	g.work()
	b := &reading{g: g, live: newEdgeTable(&g.hash)}
	v := &View{stats: g.count}
	b.remembered(&v.stats)
	g.edges.flush()
	b.live.flush()
	g.resolve()
	b.sort()
	b.number(v)
	b.rows(v)
	g.whole = v
	return v
}

// reading is the work of reading a graph.
type reading struct {
	g     *Graph
	live  edgeTable // sums up remembered connections
	byID  []*Node   // all nodes
	rank  []uint32  // of a node by its number, in byID
	order []edgeRef // all edges, sorted by the ranks of their ends
	shown []uint32  // by rank: one more than the node's number in the view
}

// edgeRef is a slot of the table of forgotten connections, or behind all
// those, of the table of remembered ones.
type edgeRef uint32

// remembered sums up the connections that are not forgotten yet.
func (b *reading) remembered(s *Stats) {
	g := b.g
	s.Remembered += uint64(g.lones.n)
	for i := range g.lones.slots {
		if l := &g.lones.slots[i]; l.flags != 0 {
			h := l.half()
			s.tally(g.flow(&b.live, 0, &h, nil))
		}
	}
	for i := uint32(1); i < g.halves.n; i++ {
		h := g.halves.at(i)
		if !h.flags.has(alive) {
			continue
		}
		s.Remembered++
		if h.mate != 0 && h.mate < i {
			continue
		}
		var mate *half
		if h.mate != 0 {
			mate = g.halves.at(h.mate)
		}
		s.tally(g.flow(&b.live, i, h, mate))
	}
}

// rec returns the edge that r stands for.
func (b *reading) rec(r edgeRef) *edgeRec {
	if n := len(b.g.edges.slots); int(r) >= n {
		return &b.live.slots[int(r)-n]
	}
	return &b.g.edges.slots[r]
}

// ends returns the numbers of an edge's nodes.
func (b *reading) ends(r edgeRef) (from, to uint32) {
	e := b.rec(r)
	from, to = uint32(e.from&^loopbackRef), uint32(e.to)
	if e.to&endpointRef != 0 {
		to = b.g.endpoints.recs[e.to&^endpointRef].node
	}
	return from, to
}

// connected reports whether there is more in an edge than failed attempts.
func (b *reading) connected(r edgeRef) bool { return b.rec(r).conns != 0 }

// sort sorts the nodes by their ids, and the edges by their ends, in two
// passes of counting.
func (b *reading) sort() {
	g := b.g
	b.byID = make([]*Node, 0, g.nodes.n-1)
	for i := uint32(1); i < g.nodes.n; i++ {
		b.byID = append(b.byID, g.nodes.at(i))
	}
	slices.SortFunc(b.byID, compareNodes)
	b.rank = make([]uint32, g.nodes.n)
	for i, n := range b.byID {
		b.rank[n.number] = uint32(i)
	}
	b.order = make([]edgeRef, 0, g.edges.n+b.live.n)
	for i := range len(g.edges.slots) + len(b.live.slots) {
		if r := edgeRef(i); b.rec(r).ports != 0 {
			b.order = append(b.order, r)
		}
	}
	c := counting[edgeRef]{items: b.order, starts: make([]uint32, len(b.byID)+1)}
	c.sort(func(r edgeRef) uint32 { _, to := b.ends(r); return b.rank[to] })
	c.sort(func(r edgeRef) uint32 { from, _ := b.ends(r); return b.rank[from] })
	b.order = c.items
}

// number makes the list of nodes that are seen: every process, and the
// externals that have a connection.
func (b *reading) number(v *View) {
	b.shown = make([]uint32, len(b.byID))
	for i, n := range b.byID {
		n.in, n.out = 0, 0
		if n.proc != nil {
			b.shown[i] = 1
		}
	}
	for _, r := range b.order {
		if b.connected(r) {
			from, to := b.ends(r)
			b.shown[b.rank[from]], b.shown[b.rank[to]] = 1, 1
		}
	}
	for i, n := range b.byID {
		if b.shown[i] != 0 {
			v.nodes = append(v.nodes, n)
			b.shown[i] = uint32(len(v.nodes))
		}
	}
}

// rows makes the edges of the view, each a run of references with the same
// ends. Runs without a connection are only failed attempts.
func (b *reading) rows(v *View) {
	v.start = make([]uint32, 1, len(v.nodes)+1)
	w := &whole{g: b.g, settled: b.g.edges.sums, live: b.live.sums, refs: b.order[:0]}
	var failed []edgeRef
	row := 0
	for lo := 0; lo < len(b.order); {
		from, to := b.ends(b.order[lo])
		hi, connected := lo, false
		for ; hi < len(b.order); hi++ {
			if f, t := b.ends(b.order[hi]); f != from || t != to {
				break
			}
			connected = connected || b.connected(b.order[hi])
		}
		run := b.order[lo:hi]
		lo = hi
		if !connected {
			failed = append(failed, run...)
			w.failedRuns = append(w.failedRuns, failedRun{from, to, uint32(len(failed))})
			continue
		}
		f, t := b.shown[b.rank[from]]-1, b.shown[b.rank[to]]-1
		for ; row < int(f); row++ {
			v.start = append(v.start, uint32(len(v.to)))
		}
		v.to = append(v.to, t)
		w.refs = append(w.refs, run...) // never overtakes what is read
		w.ends = append(w.ends, uint32(len(w.refs)))
		v.nodes[f].out++
		v.nodes[t].in++
	}
	for ; row < len(v.nodes); row++ {
		v.start = append(v.start, uint32(len(v.to)))
	}
	if len(w.ends) == len(w.refs) {
		w.ends = nil // each run is one reference
	}
	w.failed = failed
	v.edgeAt = w.edge
	v.failed = w.failures
	v.turn()
}

// whole holds the edges of a graph.
type whole struct {
	g          *Graph
	settled    *sums // of the graph's own table, which may get others
	live       *sums
	refs       []edgeRef
	ends       []uint32 // where the run of each edge ends; nil if all are of one
	failed     []edgeRef
	failedRuns []failedRun
}

type failedRun struct{ from, to, end uint32 }

// edge stores the edge numbered i, without its ends, in x.
func (w *whole) edge(i uint32, x *Edge) {
	lo, hi := i, i+1
	if w.ends != nil {
		hi = w.ends[i]
		if lo = 0; i > 0 {
			lo = w.ends[i-1]
		}
	}
	w.sum(w.refs[lo:hi], x)
}

// sum stores the sum of a run in x.
func (w *whole) sum(run []edgeRef, x *Edge) {
	w.load(run[0], x)
	for _, r := range run[1:] {
		var y Edge
		w.load(r, &y)
		x.merge(&y)
	}
}

func (w *whole) load(r edgeRef, x *Edge) {
	if n := uint32(len(w.settled.slots)); uint32(r) >= n {
		w.live.load(uint32(r)-n, x)
		return
	}
	w.settled.load(uint32(r), x)
}

// failures yields the edges of failed attempts alone.
func (w *whole) failures(yield func(Edge) bool) {
	lo := uint32(0)
	for _, r := range w.failedRuns {
		var e Edge
		w.sum(w.failed[lo:r.end], &e)
		e.Client, e.Server = w.g.nodes.at(r.from), w.g.nodes.at(r.to)
		if !yield(e) {
			return
		}
		lo = r.end
	}
}

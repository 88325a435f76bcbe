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
	g.finish()
	p := &g.pairing
	p.matchAll()
	b := &reading{g: g, p: p, live: newEdgeTable(&p.hash)}
	v := &View{stats: p.count}
	v.stats.Events, v.stats.Invalid = g.events, g.invalid
	b.remembered(&v.stats)
	p.edges.flush()
	b.live.flush()
	b.resolve(&v.stats)
	b.nodes()
	b.sort()
	b.number(v)
	b.rows(v)
	if g.relay != nil {
		p.edges.shared = true // a goroutine may change it while v is read
	}
	g.whole = v
	return v
}

// reading is the work of reading a graph.
type reading struct {
	g       *Graph
	p       *pairing  // of g
	live    edgeTable // sums up remembered connections
	servers []uint32  // the nodes of endpoints
	byID    []*Node   // all nodes
	rank    []uint32  // of a node by its number, in byID
	edges   []found   // all edges, sorted by the ranks of their ends
	ends    []uint32  // by rank: where the edges from the node end
	shown   []uint32  // by rank: one more than the node's number in the view
}

// edgeRef is a slot of the table of forgotten connections, or behind all
// those, of the table of remembered ones.
type edgeRef uint32

// remembered sums up the connections that are not forgotten yet.
func (b *reading) remembered(s *Stats) {
	p := b.p
	s.Remembered += uint64(p.lones.n)
	for i := range p.lones.slots {
		if l := &p.lones.slots[i]; l.flags != 0 {
			var h half
			l.half(&h)
			s.tally(p.flow(&b.live, 0, &h, nil))
		}
	}
	for i := uint32(1); i < p.halves.n; i++ {
		h := p.halves.at(i)
		if !h.flags.has(alive) {
			continue
		}
		s.Remembered++
		if h.mate != 0 && h.mate < i {
			continue
		}
		var mate *half
		if h.mate != 0 {
			mate = p.halves.at(h.mate)
		}
		s.tally(p.flow(&b.live, i, h, mate))
	}
}

// rec returns the edge that r stands for.
func (b *reading) rec(r edgeRef) *edgeRec {
	if n := len(b.p.edges.slots); int(r) >= n {
		return &b.live.slots[int(r)-n]
	}
	return &b.p.edges.slots[r]
}

// ranks returns the ranks of an edge's nodes.
func (b *reading) ranks(r edgeRef) (from, to uint32) {
	e := b.rec(r)
	from, to = uint32(e.from&^loopbackRef), uint32(e.to)
	if e.from&outsiderRef != 0 {
		from = b.g.outsiders[from&^uint32(outsiderRef)]
	}
	if e.to&endpointRef != 0 {
		to = b.servers[e.to&^endpointRef]
	}
	return b.rank[from], b.rank[to]
}

// found is an edge among those with the same client: the rank of its server,
// then whether there is more in it than failed attempts, then its reference.
type found uint64

func newFound(to uint32, connected bool, r edgeRef) found {
	f := found(to)<<33 | found(r)
	if connected {
		f |= 1 << 32
	}
	return f
}

func (f found) to() uint32      { return uint32(f >> 33) }
func (f found) connected() bool { return f>>32&1 != 0 }
func (f found) ref() edgeRef    { return edgeRef(f) }

// nodes sorts the nodes by their ids.
func (b *reading) nodes() {
	g := b.g
	b.byID = make([]*Node, 0, g.nodes.n-1)
	for i := uint32(1); i < g.nodes.n; i++ {
		b.byID = append(b.byID, g.nodes.at(i))
	}
	slices.SortFunc(b.byID, compareNodes)
	b.rank = make([]uint32, g.nodes.n)
	b.shown = make([]uint32, len(b.byID))
	for i, n := range b.byID {
		b.rank[n.number] = uint32(i)
		n.in, n.out = 0, 0
		if n.proc != nil {
			b.shown[i] = 1
		}
	}
}

// sort sorts the edges by their ends: by counting those from each node, then
// those from one node among themselves. The tables are read in the order of
// their slots, for they may be larger than the processor's cache.
func (b *reading) sort() {
	b.ends = make([]uint32, len(b.byID)+1)
	for i := range len(b.p.edges.slots) + len(b.live.slots) {
		if r := edgeRef(i); b.rec(r).ports != 0 {
			from, to := b.ranks(r)
			b.ends[from+1]++
			if b.rec(r).conns != 0 {
				b.shown[from], b.shown[to] = 1, 1
			}
		}
	}
	for i := range b.byID {
		b.ends[i+1] += b.ends[i]
	}
	b.edges = make([]found, b.ends[len(b.byID)])
	for i := range len(b.p.edges.slots) + len(b.live.slots) {
		if r := edgeRef(i); b.rec(r).ports != 0 {
			from, to := b.ranks(r)
			b.edges[b.ends[from]] = newFound(to, b.rec(r).conns != 0, r)
			b.ends[from]++
		}
	}
	lo := uint32(0)
	for _, hi := range b.ends[:len(b.byID)] {
		slices.Sort(b.edges[lo:hi])
		lo = hi
	}
}

// number makes the list of nodes that are seen: every process, and the
// externals that have a connection.
func (b *reading) number(v *View) {
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
	v.to = make([]uint32, 0, len(b.edges))
	w := &whole{settled: b.p.edges.sums, live: b.live.sums, refs: make([]edgeRef, 0, len(b.edges))}
	fail := failures{g: b.g, edges: w}
	lo := 0
	for from := range b.byID {
		for end := int(b.ends[from]); lo < end; {
			run := b.edges[lo:end]
			n, connected := 0, false
			for n < len(run) && run[n].to() == run[0].to() {
				connected = connected || run[n].connected()
				n++
			}
			run = run[:n]
			lo += n
			if !connected {
				for _, f := range run {
					fail.refs = append(fail.refs, f.ref())
				}
				fail.runs = append(fail.runs, failedRun{b.byID[from].number, b.byID[run[0].to()].number, uint32(len(fail.refs))})
				continue
			}
			if n > 1 && w.ends == nil {
				for i := range w.refs { // so far one for each edge
					w.ends = append(w.ends, uint32(i)+1)
				}
			}
			for _, f := range run {
				w.refs = append(w.refs, f.ref())
			}
			if w.ends != nil || n > 1 {
				w.ends = append(w.ends, uint32(len(w.refs)))
			}
			t := b.shown[run[0].to()] - 1
			v.to = append(v.to, t)
			v.nodes[t].in++
			b.byID[from].out++
		}
		if b.shown[from] != 0 {
			v.start = append(v.start, uint32(len(v.to)))
		}
	}
	v.edges = w
	v.failed = fail.all
	v.turn()
}

// whole holds the edges of a graph.
type whole struct {
	settled *sums // of the graph's own table, which may get others
	live    *sums
	refs    []edgeRef
	ends    []uint32 // where the run of each edge ends; nil if all are of one
}

// failures are the failed attempts of a graph where none succeeded.
type failures struct {
	g     *Graph
	edges *whole
	refs  []edgeRef
	runs  []failedRun
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

// touch brings the first reference of each edge into the cache.
func (w *whole) touch(numbers []uint32) (sum uint32) {
	if w.ends != nil {
		for k, i := range numbers {
			if numbers[k] = 0; i > 0 {
				numbers[k] = w.ends[i-1]
			}
		}
	}
	n := uint32(len(w.settled.slots))
	for _, i := range numbers {
		if r := uint32(w.refs[i]); r < n {
			sum += w.settled.slots[r].ports
		} else {
			sum += w.live.slots[r-n].ports
		}
	}
	return sum
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

// all yields the edges of failed attempts.
func (s *failures) all(yield func(Edge) bool) {
	lo := uint32(0)
	for _, r := range s.runs {
		var e Edge
		s.edges.sum(s.refs[lo:r.end], &e)
		e.Client, e.Server = s.g.nodes.at(r.from), s.g.nodes.at(r.to)
		if !yield(e) {
			return
		}
		lo = r.end
	}
}

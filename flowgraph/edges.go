package flowgraph

import (
	"math"
	"slices"
)

// ref is the end of an edge in an edgeTable: a node, or with a flag what is
// still to be resolved, an endpoint or the address of an outsider.
type ref uint32

const (
	endpointRef ref = 1 << 31 // of a server
	loopbackRef ref = 1 << 31 // of a client: an edge of loopback connections
	outsiderRef ref = 1 << 30 // of a client: the address of one that is not known
)

// flow is what one connection or failed attempt adds to an edge.
type flow struct {
	from, to          ref
	port              uint16
	conns, fail       uint64
	closed, loopback  bool
	sent, recv        uint64
	first, last       int64
	paired, ambiguous bool // for the statistics
}

// edgeTable sums up flows by their ends. It is a hash table with the edges in
// the slots, so that finding one touches memory once. Connections on loopback
// addresses are edges of their own in it.
type edgeTable struct {
	hash *hasher
	n    int
	*sums
	// shared says that a view holds the sums as well: they must be copied
	// before anything is changed.
	shared bool

	// Flows wait here until there are some, since finding the edges of many
	// at once lets their cache misses overlap.
	waiting [32]flow
	nWait   int
	bare    [32]connection
	nBare   int
	touched uint32
}

// connection is a flow of one connection of which no more is known than that it was
// opened: all that there is in most traces.
type connection struct {
	from, to ref
	port     uint16
}

// sums is what an edgeTable holds. A reading keeps the pointer to it: growing
// makes another, so that the slots stay where they are.
type sums struct {
	slots []edgeRec
	more  []edgeMore // the first is not used
	ports []PortSet
}

// edgeRec is free if it has no port.
type edgeRec struct {
	from, to ref
	conns    uint32
	ports    uint32 // one more than the only port, or from portSets on a set
	more     uint32 // 0 if there is none
}

const portSets = 1<<16 + 1

// edgeMore is what bare events do not tell.
type edgeMore struct {
	conns      uint64 // beyond those in the edgeRec
	closed     uint64
	fail       uint64
	sent, recv uint64
	first      int64
	last       int64
}

func newEdgeTable(h *hasher) edgeTable { return edgeTable{hash: h, sums: &sums{}} }

// add returns a zero flow, which the caller fills. It is added to its edge by
// the next flush, before which comes another add or a reading.
func (t *edgeTable) add() *flow {
	if t.nWait == len(t.waiting) {
		t.flush()
	}
	f := &t.waiting[t.nWait]
	*f = flow{}
	t.nWait++
	return f
}

// addConnection is add for a connection of which no more is known.
func (t *edgeTable) addConnection() *connection {
	if t.nBare == len(t.bare) {
		t.flush()
	}
	t.nBare++
	return &t.bare[t.nBare-1]
}

// flush adds the flows that wait. It comes before any reading.
func (t *edgeTable) flush() {
	if t.shared && t.nWait+t.nBare > 0 {
		t.sums = &sums{slices.Clone(t.slots), slices.Clone(t.more), slices.Clone(t.ports)}
		t.shared = false
	}
	for len(t.slots)/5*4 < t.n+t.nWait+t.nBare {
		t.grow()
	}
	t.flushBare()
	if t.nWait == 0 {
		return
	}
	var at [len(t.waiting)]uint32
	touched := uint32(0)
	for i := range t.nWait {
		f := &t.waiting[i]
		if f.loopback {
			f.from |= loopbackRef
		}
		at[i] = t.place(f.from, f.to)
	}
	for _, i := range at[:t.nWait] {
		touched += t.slots[i].ports // only to have it in the cache
	}
	t.touched = touched
	for i := range t.nWait {
		t.put(&t.waiting[i], at[i])
	}
	t.nWait = 0
}

// flushBare adds the connections that wait.
func (t *edgeTable) flushBare() {
	var at [len(t.bare)]uint32
	touched := uint32(0)
	for i := range t.nBare {
		at[i] = t.place(t.bare[i].from, t.bare[i].to)
	}
	for _, i := range at[:t.nBare] {
		touched += t.slots[i].ports
	}
	t.touched = touched
	for i := range t.nBare {
		c := &t.bare[i]
		if r := t.edge(c.from, c.to, c.port, at[i]); r.conns < math.MaxUint32 {
			r.conns++
		} else {
			t.moreOf(r).conns++
		}
	}
	t.nBare = 0
}

// place returns the slot at which to begin to look for an edge.
func (t *edgeTable) place(from, to ref) uint32 {
	return uint32(uint64(t.hash.words(uint64(from), uint64(to))) * uint64(len(t.slots)) >> 32)
}

// find returns the slot of the edge, or the free one where it belongs, looking
// from slot i on.
func (t *edgeTable) find(from, to ref, i uint32) *edgeRec {
	for {
		r := &t.slots[i]
		if r.from == from && r.to == to || r.ports == 0 {
			return r
		}
		if i++; int(i) == len(t.slots) {
			i = 0
		}
	}
}

// grow makes half as much room again: twice as much would stand empty.
func (t *edgeTable) grow() {
	old := t.slots
	t.sums = &sums{make([]edgeRec, max(64, len(old)+len(old)/2)), t.more, t.ports}
	for i := range old {
		if r := &old[i]; r.ports != 0 {
			*t.find(r.from, r.to, t.place(r.from, r.to)) = *r
		}
	}
}

// edge returns the edge, which is in slot at or behind it, with the port in it; one
// that was not there is added.
func (t *edgeTable) edge(from, to ref, port uint16, at uint32) *edgeRec {
	r := t.find(from, to, at)
	if r.ports == 0 {
		*r = edgeRec{from: from, to: to, ports: uint32(port) + 1}
		t.n++
	}
	if r.ports != uint32(port)+1 {
		t.addPort(r, port)
	}
	return r
}

// moreOf returns what more is known of an edge.
func (t *edgeTable) moreOf(r *edgeRec) *edgeMore {
	if r.more == 0 {
		if len(t.more) == 0 {
			t.more = make([]edgeMore, 1)
		}
		r.more = uint32(len(t.more))
		t.more = append(t.more, edgeMore{})
	}
	return &t.more[r.more]
}

// put adds f to its edge, which is in slot at or behind it.
func (t *edgeTable) put(f *flow, at uint32) {
	r := t.edge(f.from, f.to, f.port, at)
	n := uint32(min(f.conns, uint64(math.MaxUint32-r.conns)))
	r.conns += n
	rest := f.conns - uint64(n)
	if rest == 0 && !f.closed && f.fail == 0 && f.first == 0 && f.last == 0 {
		return
	}
	m := t.moreOf(r)
	m.conns += rest
	if f.closed {
		m.closed += f.conns
	}
	m.fail += f.fail
	m.sent += f.sent
	m.recv += f.recv
	m.first = earlier(m.first, f.first)
	m.last = later(m.last, f.last)
}

func (t *edgeTable) addPort(r *edgeRec, p uint16) {
	if r.ports >= portSets {
		s := &t.ports[r.ports-portSets]
		*s = s.with(p)
		return
	}
	t.ports = append(t.ports, t.set(r).with(p))
	r.ports = portSets + uint32(len(t.ports)) - 1
}

func (t *sums) set(r *edgeRec) PortSet {
	if r.ports < portSets {
		return PortSet{first: uint16(r.ports - 1), some: true}
	}
	return t.ports[r.ports-portSets]
}

// load stores in e what slot i sums up, without its ends.
func (t *sums) load(i uint32, e *Edge) {
	r := &t.slots[i]
	*e = Edge{Connections: uint64(r.conns), Ports: t.set(r)}
	if r.more == 0 {
		e.Open = e.Connections
	} else {
		m := &t.more[r.more]
		e.Connections += m.conns
		e.Open = e.Connections - m.closed
		e.Failed = m.fail
		e.Sent, e.Received = m.sent, m.recv
		e.First, e.Last = instant(m.first), instant(m.last)
	}
	if r.from&loopbackRef != 0 {
		e.Loopback = e.Connections
	}
}

package page

import (
	"fmt"
	"io"
	"iter"
	"net/netip"
	"slices"

	"example.com/tcpgraph/traceformat"
)

// entry is an event, the node of its process, and where on the axis it is.
type entry struct {
	event traceformat.Event
	owner int64
	at    int64
}

// journal is the latest events. They are kept in blocks, so that it grows without
// being copied, and in a ring once it is full.
type journal struct {
	limit   int
	blocks  [][]entry
	count   int
	oldest  int
	dropped uint64
}

const blockSize = 1024 // entries

func (j *journal) entry(i int) *entry { return &j.blocks[i/blockSize][i%blockSize] }

func (j *journal) add(e entry) {
	if j.count == j.limit {
		*j.entry(j.oldest) = e
		j.oldest = (j.oldest + 1) % j.count
		j.dropped++
		return
	}
	if j.count%blockSize == 0 {
		j.blocks = append(j.blocks, make([]entry, min(blockSize, j.limit-j.count)))
	}
	*j.entry(j.count) = e
	j.count++
}

// all returns an iterator over the entries from the oldest on, each with the
// number of entries that ever were before it.
func (j *journal) all() iter.Seq2[uint64, *entry] {
	return func(yield func(uint64, *entry) bool) {
		for i := range j.count {
			if !yield(j.dropped+uint64(i), j.entry((j.oldest+i)%j.count)) {
				return
			}
		}
	}
}

// selection is what part of the journal a request asks for.
type selection struct {
	// Edges are the ids of edges; nil means all events, also those of
	// connections that no edge is known for.
	Edges []uint32 `json:"edges"`
	// Until is a position on the axis; 0 means the end.
	Until int64 `json:"until"`
}

// selected calls f for the events of a selection, each with its number in the
// journal and one of the edges that it can belong to, 0 if it was not looked for.
// It holds p.mu.
func (p *Page) selected(s selection, f func(n uint64, e *entry, edge uint32)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := newMatcher(&p.table, s.Edges)
	for n, e := range p.journal.all() {
		if s.Until != 0 && e.at > s.Until {
			continue
		}
		if s.Edges == nil {
			f(n, e, 0)
		} else if id := m.match(e); id != 0 {
			f(n, e, id)
		}
	}
}

// matcher finds the edge of an event by the owner, the server's port and the
// address of the peer.
type matcher struct {
	table   *table
	out, in map[int64][]*edge // by owner
	matched map[matchKey]uint32
}

type matchKey struct {
	owner     int64
	direction traceformat.Direction
	peer      netip.Addr
	port      uint16
}

func newMatcher(t *table, ids []uint32) *matcher {
	m := &matcher{table: t, out: map[int64][]*edge{}, in: map[int64][]*edge{}, matched: map[matchKey]uint32{}}
	if ids == nil {
		return m
	}
	set := make(map[uint32]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	for _, e := range t.sortedEdges() {
		if set[e.id] {
			m.out[e.ends.client] = append(m.out[e.ends.client], e)
			m.in[e.ends.server] = append(m.in[e.ends.server], e)
		}
	}
	return m
}

// match returns the id of an edge that the event can belong to, 0 if there is
// none.
func (m *matcher) match(e *entry) uint32 {
	v := &e.event
	if v.Direction == traceformat.DirectionUnknown {
		asClient := m.find(matchKey{e.owner, traceformat.Outgoing, v.Remote.Addr(), v.Remote.Port()})
		if asClient != 0 {
			return asClient
		}
		return m.find(matchKey{e.owner, traceformat.Incoming, v.Remote.Addr(), v.Local.Port()})
	}
	port := v.Remote.Port()
	if v.Direction == traceformat.Incoming {
		port = v.Local.Port()
	}
	return m.find(matchKey{e.owner, v.Direction, v.Remote.Addr(), port})
}

func (m *matcher) find(k matchKey) uint32 {
	id, ok := m.matched[k]
	if ok {
		return id
	}
	edges := m.out[k.owner]
	if k.direction == traceformat.Incoming {
		edges = m.in[k.owner]
	}
	for _, e := range edges {
		peer := m.table.nodes[e.ends.server]
		if k.direction == traceformat.Incoming {
			peer = m.table.nodes[e.ends.client]
		}
		if peer.has(k.peer) && (e.edge.Ports.Truncated() || contains(e.edge.Ports.All(), k.port)) {
			id = e.id
			break
		}
	}
	m.matched[k] = id
	return id
}

// has reports whether a node has, or may have, an address.
func (n *node) has(a netip.Addr) bool {
	return n != nil && (n.more || slices.ContainsFunc(n.addrs, func(b netip.Addr) bool {
		return b == a || b.WithZone("") == a.WithZone("")
	}))
}

func contains[T comparable](seq iter.Seq[T], v T) bool {
	for w := range seq {
		if w == v {
			return true
		}
	}
	return false
}

// writeLines writes the events of a selection as lines of a trace. A comment
// comes first that says how many there are, and how many more there were.
func (p *Page) writeLines(w io.Writer, s selection) error {
	var lines []byte
	n, bad := 0, 0
	p.selected(s, func(_ uint64, e *entry, _ uint32) {
		if _, err := e.event.MarshalText(); err != nil {
			bad++ // no line can stand for it
			return
		}
		n++
		lines = e.event.AppendTo(lines, traceformat.Format{Extended: true})
		lines = append(lines, '\n')
	})
	p.mu.Lock()
	dropped := p.journal.dropped
	p.mu.Unlock()
	head := fmt.Sprintf("# %d events", n)
	if dropped > 0 {
		head += fmt.Sprintf("; %d older ones were not kept, and may have belonged here", dropped)
	}
	if bad > 0 {
		head += fmt.Sprintf("; %d have no form as a line", bad)
	}
	_, err := w.Write(append(append([]byte(head), '\n'), lines...))
	return err
}

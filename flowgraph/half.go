package flowgraph

import (
	"time"

	"example.com/tcpgraph/traceformat"
)

// half is one local end of a connection, put together from its events. Two
// halves that belong together are mates. Halves are kept while the connection
// lasts, and a little longer, since events come late.
type half struct {
	a, b       uint32 // the lower and the higher endpoint of the connection:
	pa, pb     uint16 // addresses without zones, and ports
	node       uint32 // 0 where the process is not known
	scope      uint32
	peer       uint32 // the remote address with its zone
	mate       uint32
	prev, next uint32 // in the list of ended or of free halves
	flags      halfFlags
	rank       uint8 // how well the node is known; 0 is best
}

// halfMore is what bare events do not tell.
type halfMore struct {
	first, last int64
	sent, recv  uint64
	count       uint64 // of connections, in a total; else 0
}

type halfFlags uint16

const (
	outgoing halfFlags = 1 << iota
	incoming
	upper    // the local end is b
	opened   // shifted by the Owner: an Open was seen
	_        // OwnerListener
	_        // OwnerSnapshot
	closed   // a Close was seen
	bare     // only a bare Open was seen
	ended    // in the list of ended connections
	alive    // not in the free list
	rivalled // has no mate because there was more than one candidate
	loopback // an end has a loopback address
	// The mates of all halves with its endpoints are still to be decided.
	undecided
)

const openedMask = opened | opened<<1 | opened<<2

func (f halfFlags) has(x halfFlags) bool { return f&x != 0 }

func (h *half) hash(p *pairing) uint32 { return p.hashEnds(h.a, h.b, h.pa, h.pb) }

func (p *pairing) hashEnds(a, b uint32, pa, pb uint16) uint32 {
	return p.hash.words(uint64(a)<<32|uint64(b), uint64(pa)<<16|uint64(pb))
}

func (h *half) sameConnection(o *half) bool {
	return h.a == o.a && h.b == o.b && h.pa == o.pa && h.pb == o.pb
}

// selfConnected reports whether a socket is its own peer.
func (h *half) selfConnected() bool { return h.a == h.b && h.pa == h.pb }

// complete reports whether nothing more is to be heard of the half. (That a
// snapshot found it as well would come as a surprise now.)
func (h *half) complete() bool { return h.flags.has(opened) && h.flags.has(closed) }

// times returns what more is known of a half; the zero value if nothing is, as
// of number 0.
func (p *pairing) times(i uint32) halfMore {
	if i < p.more.n {
		return *p.more.at(i)
	}
	return halfMore{}
}

// describes reports whether s is news of half i, rather than of another
// connection that used the same endpoints before or after.
func (p *pairing) describes(s *sight, i uint32, want *half) bool {
	h := p.halves.at(i)
	if h.scope != want.scope || (h.flags ^ want.flags).has(upper) {
		return false
	}
	if both := (h.flags | want.flags) & (outgoing | incoming); both == outgoing|incoming {
		return false
	}
	if h.node != s.node && h.rank <= 1 && s.rank() <= 1 && h.node != 0 && s.node != 0 {
		return false // two processes, both seen in person
	}
	m := p.times(i)
	if s.count != m.count {
		return false // a total tells of none that is told of by itself
	}
	isClosed := h.flags.has(closed)
	t := s.time
	switch {
	case s.kind == traceformat.Close && isClosed:
		return t != 0 && t == m.last
	case s.kind == traceformat.Close:
		return t == 0 || m.first == 0 || t >= m.first && s.start() <= m.first+slack
	case h.flags.has(opened<<s.trust()) && s.trust() != traceformat.OwnerSnapshot:
		return t != 0 && (t == m.first || isClosed && m.first <= t && t <= m.last)
	case isClosed && t != 0 && m.last != 0:
		return m.first-slack <= t && t <= m.last
	}
	return true
}

// slack is how far the opening as Close.Time and Duration give it may differ
// from what the Open says.
const slack = int64(time.Second)

// update takes over what s says of half i, and reports whether it was new.
func (p *pairing) update(i uint32, s *sight) (news bool) {
	h := p.halves.at(i)
	h.flags |= s.claim()
	if !s.bare {
		h.flags &^= bare
	}
	if r := s.rank(); s.node != 0 && (h.node == 0 || r < h.rank ||
		r == h.rank && p.nodes.at(s.node).id < p.nodes.at(h.node).id) {
		h.node, h.rank = s.node, r
	}
	var m halfMore
	if s.kind == traceformat.Open {
		news = !h.flags.has(openedMask)
		h.flags |= opened << s.trust()
		m.first, m.last = s.time, s.time
	} else {
		news = !h.flags.has(closed)
		h.flags |= closed
		m.last, m.sent, m.recv = s.time, s.sent, s.recv
		m.first = s.start()
		if m.count = s.count; m.count > 0 {
			h.flags |= opened // nothing else is told of them
		}
	}
	if m == (halfMore{}) && i >= p.more.n {
		return news
	}
	to := p.more.reach(i)
	to.first, to.last = earlier(to.first, m.first), later(to.last, m.last)
	to.sent, to.recv = max(to.sent, m.sent), max(to.recv, m.recv)
	to.count = max(to.count, m.count)
	return news
}

// newHalf stores h and returns its number.
func (p *pairing) newHalf(h *half, hash uint32) uint32 {
	i := p.free
	if i != 0 {
		p.free = p.halves.at(i).next
	} else {
		i = p.halves.add()
	}
	*p.halves.at(i) = *h
	p.pairs.insert(hash, i)
	return i
}

// drop forgets half i.
func (p *pairing) drop(i uint32) {
	h := p.halves.at(i)
	p.unlist(i)
	p.pairs.remove(h.hash(p), i)
	*h = half{next: p.free}
	p.free = i
	if i < p.more.n {
		*p.more.at(i) = halfMore{}
	}
}

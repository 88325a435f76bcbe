package flowgraph

import (
	"time"

	"example.com/tcpgraph/traceformat"
)

// sight is an event with its names resolved to numbers.
type sight struct {
	kind          traceformat.Kind
	owner         traceformat.Owner
	direction     traceformat.Direction
	bare          bool // it says no more than a basic line can
	loopback      bool // an end has a loopback address
	localPort     uint16
	remotePort    uint16
	node          uint32 // 0 where the process is not known
	scope         uint32
	local, remote uint32 // addresses
	// The same without their zones.
	bareLocal, bareRemote uint32

	time       int64
	duration   time.Duration
	sent, recv uint64
	count      uint64 // of connections, in a total; else 0
}

// work does what the sights in the queue ask for. It comes before any reading.
func (g *Graph) work() {
	var want [len(g.queue)]half
	var hash [len(g.queue)]uint32
	for i := range g.queued {
		g.queue[i].half(&want[i])
		hash[i] = want[i].hash(g)
		g.touched += g.lones.touch(hash[i]) + g.pairs.touch(hash[i])
	}
	for i := 0; i < g.queued && g.pairs.used > 0; i++ {
		if n, _, ok := g.pairs.seek(hash[i], hash[i]); ok {
			g.touched += g.halves.at(n).node
		}
	}
	for i := range g.queued {
		s := &g.queue[i]
		if s.kind == traceformat.Fail {
			g.fail(s)
		} else {
			g.place(s, &want[i], hash[i])
		}
	}
	g.queued = 0
}

// trust returns the owner for trusting: values from the future are trusted
// least.
func (s *sight) trust() traceformat.Owner {
	if s.owner > traceformat.OwnerSnapshot {
		return traceformat.OwnerListener
	}
	return s.owner
}

// rank orders what is known of an owner: in person, then found by a snapshot,
// then the listener; at the opening before at the end.
func (s *sight) rank() uint8 {
	var r uint8
	switch s.trust() {
	case traceformat.OwnerSnapshot:
		r = 2
	case traceformat.OwnerListener:
		r = 4
	}
	if s.kind == traceformat.Close {
		r++
	}
	return r
}

// claim returns the flag for the direction.
func (s *sight) claim() halfFlags {
	switch s.direction {
	case traceformat.Outgoing:
		return outgoing
	case traceformat.Incoming:
		return incoming
	}
	return 0
}

// start returns when the connection of a Close was opened, 0 if unknown.
func (s *sight) start() int64 {
	if s.time == 0 || s.duration <= 0 {
		return 0
	}
	return s.time - int64(s.duration)
}

// half stores in h the half that s tells of, without what update adds.
func (s *sight) half(h *half) {
	h.a, h.pa = s.bareLocal, s.localPort
	h.b, h.pb = s.bareRemote, s.remotePort
	h.node, h.scope, h.peer = s.node, s.scope, s.remote
	h.rank = s.rank()
	flags := alive | bare | s.claim()
	if s.loopback {
		flags |= loopback
	}
	switch same := h.a == h.b && h.pa == h.pb; {
	case same && flags.has(incoming): // a socket connected to itself
		flags |= upper
	case h.a > h.b || h.a == h.b && h.pa > h.pb:
		h.a, h.b, h.pa, h.pb = h.b, h.a, h.pb, h.pa
		flags |= upper
	}
	h.flags = flags
}

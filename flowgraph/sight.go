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
	newService    bool // the process accepts where it was not known to
	localPort     uint16
	remotePort    uint16
	node          uint32 // 0 where the process is not known
	scope         uint32
	pid           uint32
	command       string
	local, remote uint32 // addresses
	// The same without their zones.
	bareLocal, bareRemote uint32

	time       int64
	duration   time.Duration
	sent, recv uint64
	count      uint64 // of connections, in a total; else 0
}

// owners finds the processes of the sights in the queue that tell nothing of them
// but the name.
func (g *Graph) owners() {
	sights := g.queue[g.owned:]
	g.owned = len(g.queue)
	g.touched += g.recents.touch(sights)
	for i := range sights {
		s := &sights[i]
		k := &g.scopes.keys[s.scope]
		r := g.recents.named(s.pid, s.command, k.hostNumber)
		if r == nil {
			r = g.process(&traceformat.Process{PID: s.pid, Command: s.command, Host: k.host}, s.scope, s.time)
		}
		s.command = "" // it may be a piece of a long text
		g.own(s, r)
	}
}

// own makes the process that r remembers, if there is one, the owner of s.
func (g *Graph) own(s *sight, r *recent) {
	if r == nil {
		return
	}
	s.node = r.node
	if r.addr != s.local {
		r.addr = s.local
		r.proc.sawAddr(g, s.local)
	}
	if s.direction == traceformat.Incoming && s.kind != traceformat.Fail {
		k, sure := s.service(), s.owner != traceformat.OwnerListener
		s.newService = r.serves != k || r.sure != sure
		r.serves, r.sure = k, sure
	}
}

// service returns the local endpoint.
func (s *sight) service() serviceKey { return serviceKey{s.scope, s.bareLocal, s.localPort} }

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
	if int(s.direction) >= len(claims) {
		return 0
	}
	return claims[s.direction]
}

var claims = [...]halfFlags{traceformat.Outgoing: outgoing, traceformat.Incoming: incoming}

// start returns when the connection of a Close was opened, 0 if unknown.
func (s *sight) start() int64 {
	if s.time == 0 || s.duration <= 0 {
		return 0
	}
	return s.time - int64(s.duration)
}

// half stores in h the half that s tells of, without what update adds.
func (s *sight) half(h *half) {
	h.node, h.scope, h.peer = s.node, s.scope, s.remote
	h.rank = s.rank()
	flags := alive | bare | s.claim()
	if s.loopback {
		flags |= loopback
	}
	// Which end is the lower one cannot be foretold: no branch depends on it.
	local, remote := endpoint(s.bareLocal, s.localPort), endpoint(s.bareRemote, s.remotePort)
	low, high := min(local, remote), max(local, remote)
	h.a, h.pa = uint32(low>>16), uint16(low)
	h.b, h.pb = uint32(high>>16), uint16(high)
	flags |= upper * halfFlags((remote-local)>>63)
	if low == high && flags.has(incoming) { // a socket connected to itself
		flags |= upper
	}
	h.flags = flags
}

// endpoint orders endpoints as a half does.
func endpoint(addr uint32, port uint16) uint64 {
	return uint64(addr)<<16 | uint64(port)
}

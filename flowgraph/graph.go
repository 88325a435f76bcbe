package flowgraph

import (
	"time"

	"example.com/tcpgraph/traceformat"
)

// DefaultReorder is the default of [Options.Reorder].
const DefaultReorder = 1 << 16

// Options say how a [Graph] works. The zero value is ready for use.
type Options struct {
	// Reorder is how many ended connections are remembered for events about
	// them that come late: the twin's half, or an Open behind its Close. Zero
	// means [DefaultReorder]. A connection whose halves were both seen to
	// open and to close is not remembered. A negative number means that all
	// are, so that a trace of any length gives the same graph in any order; only
	// of more than a thousand halves with the same two endpoints, the older are
	// forgotten.
	Reorder int
	// ForgetPaired forgets a connection as soon as both its halves have been
	// seen, if both were bare: an Open without time, network namespace or
	// doubt about its owner, as the basic text format has them. Such traces
	// have no Close, so that the connections in them would be kept for ever.
	// Other events are not affected.
	ForgetPaired bool
}

// Graph is the process graph of the events that were added to it. It is a
// [gonum.org/v1/gonum/graph.Directed] and WeightedDirected graph. The zero
// value is not usable; make one with [New].
//
// A Graph is not safe for concurrent use, not even for reading alone, since
// the first reading after an Add works out the edges.
type Graph struct {
	opts Options
	hash hasher

	scopes    scopes
	addrs     addrs
	procIndex index
	procs     []*process
	recents   recents
	texts     map[string]string
	nodes     arena[Node]
	byID      map[int64]uint32
	externals map[externalKey]uint32
	outsiders []uint32 // the nodes of the pairing's, as of the last reading

	// Sights wait here until there are some, since looking for the halves of
	// many at once lets their cache misses overlap.
	queue   []sight
	owned   int    // so many of them have their node
	touched uint32 // a sum that keeps the compiler from leaving that out
	relay   *relay // takes what was in the queue; nil if nothing is done in parallel

	pairing         pairing // what has left the queue
	events, invalid uint64  // as in Stats

	whole *View // what is read; nil after an Add
}

// New returns an empty graph. Nil options mean the defaults.
func New(opts *Options) *Graph {
	g := &Graph{
		byID:      make(map[int64]uint32),
		externals: make(map[externalKey]uint32),
		texts:     make(map[string]string),
		queue:     make([]sight, 0, together),
	}
	if opts != nil {
		g.opts = *opts
	}
	if g.opts.Reorder == 0 {
		g.opts.Reorder = DefaultReorder
	}
	g.nodes.add() // number 0 is nobody
	g.scopes.init()
	g.pairing.init(g.opts)
	g.hash = g.pairing.hash
	return g
}

// Parallel has a goroutine put the halves of connections together from now on, a
// thousand events at a time, while the next are added. That takes less time where
// a processor is idle and events are added without pause, as from a file, but
// more of the processors' time, and the first events after a reading copy the
// edges: it is for a graph that is read seldom. The graph becomes the same, and is
// used as before, by one goroutine at a time. The other one ends by itself.
func (g *Graph) Parallel() {
	if g.relay != nil {
		return
	}
	g.pair()
	g.pairing.edges.shared = true // an earlier reading may still be in use
	g.relay = newRelay(&g.pairing)
	g.queue = make([]sight, 0, relaySize)
}

// Add puts one event into the graph. Events may come in any order. An event
// without valid addresses, or of an unknown kind, is counted in
// [Stats.Invalid] and makes no connection.
func (g *Graph) Add(e traceformat.Event) {
	g.whole = nil
	g.events++
	n := len(g.queue)
	s := &g.queue[:n+1][n] // filled field by field: that is quicker than as a whole
	s.kind, s.owner, s.direction = e.Kind, e.Owner, e.Direction
	s.localPort, s.remotePort = e.Local.Port(), e.Remote.Port()
	s.scope = g.scopes.number(e.Process.Host, e.Process.NetNS)
	s.time, s.duration = nanoseconds(e.Time), e.Duration
	s.sent, s.recv = e.BytesSent, e.BytesReceived
	if s.count = 0; e.Kind == traceformat.Close {
		s.count = e.Count
	}
	s.bare = s.kind == traceformat.Open && s.owner == traceformat.OwnerDirect && s.time == 0 && e.Process.NetNS == 0
	local, remote := e.Local.Addr().Unmap(), e.Remote.Addr().Unmap()
	if !local.IsValid() || !remote.IsValid() || e.Kind > traceformat.Fail {
		g.owners()
		g.process(&e.Process, s.scope, s.time)
		g.invalid++
		return
	}
	s.local, s.bareLocal = g.addrs.number(&g.hash, local, s.scope)
	s.remote, s.bareRemote = g.addrs.number(&g.hash, remote, s.scope)
	s.loopback = local.IsLoopback() || remote.IsLoopback()
	s.node, s.newService = 0, false
	if e.Process.StartTime.IsZero() && nameOnly(&e.Process) {
		s.pid, s.command = e.Process.PID, e.Process.Command // for owners
	} else {
		g.owners()
		g.own(s, g.process(&e.Process, s.scope, s.time))
		g.owned++
	}
	g.queue = g.queue[:n+1]
	switch n++; {
	case n == cap(g.queue):
		g.pair()
	case n%together == 0:
		g.owners()
	}
}

// pair does what the sights in the queue ask for, or has it done by the relay.
func (g *Graph) pair() {
	if len(g.queue) == 0 {
		return
	}
	g.owners()
	b := batch{g.queue, g.addrs.addrBook, g.nodes, g.scopes.keys}
	if g.relay != nil {
		g.queue = g.relay.hand(b)
	} else {
		g.pairing.work(&b)
		g.queue = g.queue[:0]
	}
	g.owned = 0
}

// finish does all that the events ask for. It comes before any reading.
func (g *Graph) finish() {
	g.pair()
	if g.relay != nil {
		g.relay.wait()
	}
}

// nanoseconds returns t in nanoseconds since 1970, and 0 where it is unknown
// or beyond what such a number can hold (before 1678 or after 2261).
func nanoseconds(t time.Time) int64 {
	if y := t.Unix(); y < -9_200_000_000 || y > 9_200_000_000 {
		return 0
	}
	return t.UnixNano()
}

func instant(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

// earlier and later return the lesser and the greater of two times, and the
// known one where the other is unknown.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func later(a, b int64) int64 {
	if a == 0 || b != 0 && b > a {
		return b
	}
	return a
}

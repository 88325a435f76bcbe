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
	// are, so that a trace of any length gives the same graph in any order.
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
	services  map[serviceKey]*service
	endpoints endpoints

	lones  lones // the simplest of the halves; the others are in
	pairs  index // by connection
	halves arena[half]
	more   arena[halfMore] // beside halves, as far as anything was known
	free   uint32          // head of the list of free halves
	ended  list            // ended connections that are still remembered

	// Sights wait here until there are some, since looking for the halves of
	// many at once lets their cache misses overlap.
	queue   [32]sight
	queued  int
	owned   int    // so many of them have their node
	touched uint32 // a sum that keeps the compiler from leaving that out

	edges edgeTable // what forgotten connections came to
	count Stats     // of events, and of forgotten connections

	whole *View // what is read; nil after an Add
}

// New returns an empty graph. Nil options mean the defaults.
func New(opts *Options) *Graph {
	g := &Graph{
		hash:      newHasher(),
		byID:      make(map[int64]uint32),
		externals: make(map[externalKey]uint32),
		texts:     make(map[string]string),
		services:  make(map[serviceKey]*service),
	}
	if opts != nil {
		g.opts = *opts
	}
	if g.opts.Reorder == 0 {
		g.opts.Reorder = DefaultReorder
	}
	g.nodes.add() // number 0 is nobody
	g.halves.add()
	g.scopes.init()
	g.endpoints.init()
	g.edges = newEdgeTable(&g.hash)
	return g
}

// Add puts one event into the graph. Events may come in any order. An event
// without valid addresses, or of an unknown kind, is counted in
// [Stats.Invalid] and makes no connection.
func (g *Graph) Add(e traceformat.Event) {
	g.whole = nil
	g.count.Events++
	s := &g.queue[g.queued] // filled field by field: that is quicker than as a whole
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
		g.count.Invalid++
		return
	}
	s.local, s.bareLocal = g.addrs.number(&g.hash, local, s.scope)
	s.remote, s.bareRemote = g.addrs.number(&g.hash, remote, s.scope)
	s.loopback = local.IsLoopback() || remote.IsLoopback()
	s.node = 0
	s.pid, s.command = e.Process.PID, e.Process.Command
	if !e.Process.StartTime.IsZero() || !nameOnly(&e.Process) {
		g.owners()
		g.own(s, g.process(&e.Process, s.scope, s.time))
		g.owned++
	}
	if g.queued++; g.queued == len(g.queue) {
		g.work()
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

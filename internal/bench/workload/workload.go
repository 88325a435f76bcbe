// Package workload makes traces of any length, for benchmarks. The same
// [Options] give the same trace.
package workload

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"

	"example.com/tcpgraph/traceformat"
)

// Options say what trace to make.
type Options struct {
	// Events is about how many events there are.
	Events int
	// OneSided is the share of the connections of which only the client's
	// half is reported, from 0 to 1.
	OneSided float64
	// Spread is the most events by which the second half of a connection
	// comes later than the first. 0 means that it comes next.
	Spread int
	// Shuffle puts the events into random order.
	Shuffle bool
	// Full gives the events all that livetrace knows, and each connection a
	// Close at either end.
	Full bool
}

// perProcess is how many events there are for each process, and peers is how
// many others a process connects to. With them, a million events have about
// 130,000 edges.
const (
	perProcess = 500
	peers      = 70
)

var commands = []string{
	"nginx", "envoy", "postgres", "redis-server", "java", "python3", "node", "curl", "prometheus", "gunicorn: worker",
}

// Trace is a made-up trace. It takes 20 bytes for each event.
type Trace struct {
	full   bool
	procs  []traceformat.Process
	addrs  []netip.Addr
	events []compact
}

// compact is an event in few bytes.
type compact struct {
	at             uint32 // its place, until they are sorted
	client, server uint32
	number         uint32 // of the connection
	port           uint16
	incoming       bool
	closes         bool
}

// New makes a trace.
func New(o Options) *Trace {
	rnd := rand.New(rand.NewPCG(2026, 11))
	n := max(20, o.Events/perProcess)
	t := &Trace{full: o.Full, events: make([]compact, 0, o.Events)}
	for i := range n {
		p := traceformat.Process{PID: uint32(1000 + 3*i), Command: commands[i%len(commands)]}
		if o.Full {
			detail(&p, i)
		}
		t.procs = append(t.procs, p)
		t.addrs = append(t.addrs, netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	next := make([]uint16, n) // ephemeral ports
	var late queue
	for number := uint32(0); len(t.events)+len(late) < o.Events; number++ {
		client, k := rnd.IntN(n), rnd.IntN(peers)
		next[client]++
		c := compact{
			client: uint32(client), server: uint32((client*31 + k*k*7) % n), number: number,
			port: 32768 + next[client]%28000, incoming: rnd.IntN(2) == 0,
		}
		alone := rnd.Float64() < o.OneSided
		if alone {
			c.incoming = false
		}
		twin := c
		twin.incoming = !c.incoming
		t.events = append(t.events, c)
		wait := func(c compact) {
			c.at = uint32(len(t.events) + rnd.IntN(max(1, o.Spread)))
			heap.Push(&late, c)
		}
		if !alone {
			wait(twin)
		}
		if o.Full {
			c.closes, twin.closes = true, true
			if wait(c); !alone {
				wait(twin)
			}
		}
		for len(late) > 0 && late[0].at <= uint32(len(t.events)) {
			t.events = append(t.events, heap.Pop(&late).(compact))
		}
	}
	for len(late) > 0 {
		t.events = append(t.events, heap.Pop(&late).(compact))
	}
	if o.Shuffle {
		rnd.Shuffle(len(t.events), func(i, j int) { t.events[i], t.events[j] = t.events[j], t.events[i] })
	}
	return t
}

// queue is a heap of events that come later.
type queue []compact

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at < q[j].at }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(compact)) }
func (q *queue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

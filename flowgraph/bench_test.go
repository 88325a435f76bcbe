package flowgraph_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
)

// workload is about n basic events in little memory: clients that connect to
// services, about 7 events for each edge. Of each connection both halves are
// reported, or with oneSided the client's alone for every fourth.
type workload struct {
	procs  []traceformat.Process
	addrs  []netip.Addr
	events []compact
}

type compact struct {
	client, server uint32
	cport, sport   uint16
	incoming       bool
}

func newWorkload(n int, oneSided, shuffled bool) *workload {
	r := rand.New(rand.NewPCG(1, 2))
	names := []string{"nginx", "envoy", "postgres", "redis-server", "java", "python3", "node", "curl", "prometheus"}
	w := &workload{}
	procs := max(20, n/500)
	for i := range procs {
		w.procs = append(w.procs, traceformat.Process{PID: uint32(1000 + i), Command: names[i%len(names)]})
		w.addrs = append(w.addrs, netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	next := make([]uint16, procs)
	for len(w.events) < n {
		c, s := r.IntN(procs), r.IntN(70)
		s = (c*31 + s*s*7) % procs
		next[c]++
		e := compact{client: uint32(c), server: uint32(s), cport: 32768 + next[c]%28000, sport: uint16(80 + s%5)}
		w.events = append(w.events, e)
		if e.incoming = true; !oneSided || r.IntN(4) != 0 {
			w.events = append(w.events, e)
		}
	}
	if shuffled {
		r.Shuffle(len(w.events), func(i, j int) { w.events[i], w.events[j] = w.events[j], w.events[i] })
	}
	return w
}

// event returns event i.
func (w *workload) event(i int) traceformat.Event {
	c := &w.events[i]
	e := traceformat.Event{
		Direction: traceformat.Outgoing, Process: w.procs[c.client],
		Local:  netip.AddrPortFrom(w.addrs[c.client], c.cport),
		Remote: netip.AddrPortFrom(w.addrs[c.server], c.sport),
	}
	if c.incoming {
		e.Direction, e.Process = traceformat.Incoming, w.procs[c.server]
		e.Local, e.Remote = e.Remote, e.Local
	}
	return e
}

// heap returns the bytes in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func report(b *testing.B, events, edges int, before uint64) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(events), "ns/event")
	b.ReportMetric(float64(heap()-before)/float64(edges), "B/edge")
	b.ReportMetric(float64(edges), "edges")
}

func BenchmarkAdd(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		for _, kind := range []string{"both", "onesided", "shuffled"} {
			w := newWorkload(n, kind == "onesided", kind == "shuffled")
			for _, forget := range []bool{true, false} {
				name := fmt.Sprintf("%s/%d/forget=%v", kind, n, forget)
				b.Run(name, func(b *testing.B) {
					before := heap()
					var g *flowgraph.Graph
					for range b.N {
						g = flowgraph.New(&flowgraph.Options{ForgetPaired: forget})
						for i := range w.events {
							g.Add(w.event(i))
						}
						g.Stats() // works out the edges
					}
					b.StopTimer()
					report(b, len(w.events), int(g.Stats().Edges), before)
					runtime.KeepAlive(g)
				})
			}
		}
	}
}

// BenchmarkAddOnly leaves out the reading.
func BenchmarkAddOnly(b *testing.B) {
	w := newWorkload(1_000_000, false, false)
	for _, forget := range []bool{true, false} {
		b.Run(fmt.Sprintf("forget=%v", forget), func(b *testing.B) {
			for range b.N {
				g := flowgraph.New(&flowgraph.Options{ForgetPaired: forget})
				for i := range w.events {
					g.Add(w.event(i))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(w.events)), "ns/event")
		})
	}
}

// BenchmarkLive opens and closes connections, both halves with times, beside
// others that stay open.
func BenchmarkLive(b *testing.B) {
	for _, open := range []int{0, 10_000, 100_000} {
		b.Run(fmt.Sprintf("open=%d", open), func(b *testing.B) {
			g := flowgraph.New(nil)
			for i := range open {
				a := netip.AddrFrom4([4]byte{172, 16, byte(i >> 14), 1})
				c := netip.AddrFrom4([4]byte{172, 16, byte(i >> 14), 2})
				e := timed(outgoing(in(proc(3, "c"), 1), "1.1.1.1:1", "1.1.1.1:2"), 1)
				e.Local, e.Remote = netip.AddrPortFrom(a, uint16(i%(1<<14))+20000), netip.AddrPortFrom(c, 80)
				g.Add(e)
				e.Process, e.Direction, e.Local, e.Remote = in(proc(4, "d"), 2), traceformat.Incoming, e.Remote, e.Local
				g.Add(e)
			}
			b.ResetTimer()
			churn(g, 0, b.N, true)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4, "ns/event")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	w := newWorkload(1_000_000, false, false)
	g := flowgraph.New(&flowgraph.Options{ForgetPaired: true})
	for i := range w.events {
		g.Add(w.event(i))
	}
	edges := g.Stats().Edges
	b.ResetTimer()
	for range b.N {
		g.Add(w.event(0))
		g.Stats()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(edges), "ns/edge")
}

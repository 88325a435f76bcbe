package bench

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"gonum.org/v1/gonum/graph/multi"
	"gonum.org/v1/gonum/graph/simple"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/internal/bench/workload"
	"example.com/tcpgraph/traceformat"
)

// The peers pair the halves of connections in a map, as far as both come, and
// count or keep connections between PIDs. They forget a connection when it is
// paired, and know neither late nor one-sided halves, network namespaces, ports,
// servers, times, nor an order.

type (
	tuple struct{ a, b netip.AddrPort }
	ident struct {
		pid     uint32
		command string
	}
	ends struct{ from, to ident }
)

// pairs calls link for each pair of halves.
func pairs(t *workload.Trace, link func(from, to ident)) {
	waiting := make(map[tuple]ident)
	var e traceformat.Event
	for i := range t.Len() {
		t.Event(i, &e)
		p := ident{e.Process.PID, e.Process.Command}
		k := tuple{e.Local, e.Remote}
		if e.Direction == traceformat.Incoming {
			k = tuple{e.Remote, e.Local}
		}
		q, met := waiting[k]
		if !met {
			waiting[k] = p
			continue
		}
		delete(waiting, k)
		if e.Direction == traceformat.Incoming {
			link(q, p)
		} else {
			link(p, q)
		}
	}
}

func buildFlowgraph(t *workload.Trace) (any, int) {
	return fill(flowgraph.New(&flowgraph.Options{ForgetPaired: true}), t)
}

func buildParallel(t *workload.Trace) (any, int) {
	g := flowgraph.New(&flowgraph.Options{ForgetPaired: true})
	g.Parallel()
	return fill(g, t)
}

func fill(g *flowgraph.Graph, t *workload.Trace) (any, int) {
	var e traceformat.Event
	for i := range t.Len() {
		t.Event(i, &e)
		g.Add(e)
	}
	return g, int(g.Stats().Edges) // which works them out
}

func buildMaps(t *workload.Trace) (any, int) {
	m := make(map[ends]int)
	pairs(t, func(from, to ident) { m[ends{from, to}]++ })
	return m, len(m)
}

func buildSimple(t *workload.Trace) (any, int) {
	g := simple.NewWeightedDirectedGraph(0, 0)
	pairs(t, func(from, to ident) {
		if from.pid == to.pid { // it panics on them
			return
		}
		w, _ := g.Weight(int64(from.pid), int64(to.pid))
		g.SetWeightedEdge(simple.WeightedEdge{F: simple.Node(from.pid), T: simple.Node(to.pid), W: w + 1})
	})
	return g, g.Edges().Len()
}

func buildMulti(t *workload.Trace) (any, int) {
	g := multi.NewDirectedGraph()
	pairs(t, func(from, to ident) {
		g.SetLine(g.NewLine(multi.Node(from.pid), multi.Node(to.pid)))
	})
	n := 0
	for it := g.Edges(); it.Next(); {
		n++
	}
	return g, n
}

// discard is what it costs to make the events, which is in all the other figures.
func discard(t *workload.Trace) (any, int) {
	var e traceformat.Event
	sum := 0
	for i := range t.Len() {
		t.Event(i, &e)
		sum += int(e.Local.Port())
	}
	return sum, 1
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func benchmarkAdd(b *testing.B, name string, o workload.Options, build func(*workload.Trace) (any, int)) {
	b.Run(name, func(b *testing.B) {
		t := workload.New(o)
		before := heap()
		var g any
		var edges int
		timer := startTimer(b)
		for range b.N {
			g, edges = build(t)
		}
		timer.perItem(t.Len(), "event")
		b.ReportMetric(float64(heap()-before)/float64(edges), "B/edge")
		runtime.KeepAlive(g)
		runtime.KeepAlive(t)
	})
}

// BenchmarkAdd makes a graph of a million events.
func BenchmarkAdd(b *testing.B) {
	const n = 1_000_000
	near := workload.Options{Events: n, Spread: 64}
	benchmarkAdd(b, "making-events", near, discard)
	benchmarkAdd(b, "tcpgraph", near, buildFlowgraph)
	benchmarkAdd(b, "tcpgraph-onesided", workload.Options{Events: n, Spread: 64, OneSided: 0.25}, buildFlowgraph)
	benchmarkAdd(b, "tcpgraph-shuffled", workload.Options{Events: n, Shuffle: true}, buildFlowgraph)
	benchmarkAdd(b, "tcpgraph-full", workload.Options{Events: n, Spread: 64, Full: true}, buildFlowgraph)
	benchmarkAdd(b, "tcpgraph-parallel", near, buildParallel)
	benchmarkAdd(b, "tcpgraph-parallel-shuffled", workload.Options{Events: n, Shuffle: true}, buildParallel)
	benchmarkAdd(b, "maps", near, buildMaps)
	benchmarkAdd(b, "gonum-simple", near, buildSimple)
	benchmarkAdd(b, "gonum-multi", near, buildMulti)
}

// BenchmarkAddGrowth makes graphs of more and more events: the number of
// processes and of edges grows with them.
func BenchmarkAddGrowth(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000, 10_000_000} {
		benchmarkAdd(b, fmt.Sprintf("events=%d", n), workload.Options{Events: n, Spread: 64}, buildFlowgraph)
	}
}

// BenchmarkAddSameEdges makes graphs of more and more events of the same
// 2,000 processes.
func BenchmarkAddSameEdges(b *testing.B) {
	t := workload.New(workload.Options{Events: 1_000_000, Spread: 64})
	for _, rounds := range []int{1, 10} {
		b.Run(fmt.Sprintf("events=%d", rounds*t.Len()), func(b *testing.B) {
			timer := startTimer(b)
			for range b.N {
				g := flowgraph.New(&flowgraph.Options{ForgetPaired: true})
				var e traceformat.Event
				for range rounds {
					for i := range t.Len() {
						t.Event(i, &e)
						g.Add(e)
					}
				}
				g.Stats()
			}
			timer.perItem(rounds*t.Len(), "event")
		})
	}
}

//go:build linux

package tracer_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer"
	"example.com/tcpgraph/tracer/internal/truth"
)

// totalCases make many short connections between a few processes.
var totalCases = []truth.Case{
	{Group: "total", Name: "workers and clients", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		const workers, clients = 3, 3
		parent := l.Agent(to, truth.Spec{Comm: "master", Children: workers})
		ln := parent.Listen(0, to.V4, 0)
		var pool []*truth.Listener
		for range workers {
			pool = append(pool, ln.By(parent.Fork(ln.FD), inheritedChild))
		}
		for i := range clients {
			c := l.Agent(from, truth.Spec{Comm: "client"})
			for j := range 20 * (i + 1) {
				exchange(c.Dial(0, ln.Addr), pool[j%workers].Accept())
			}
		}
	}},
	{Group: "total", Name: "loopback, IPv6, to itself", Run: func(l *truth.Lab) {
		site := l.Loopback()
		l.Traced()
		a := l.Agent(site, truth.Spec{})
		ln := a.Listen(truth.V6, site.V6, 0)
		for range 50 {
			exchange(a.Dial(truth.V6, ln.Addr), ln.Accept())
		}
	}},
	{Group: "total", Name: "closed before they are accepted", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		ln := l.Agent(to, truth.Spec{}).Listen(0, to.V4, 0)
		c := l.Agent(from, truth.Spec{})
		for range 20 {
			client := c.Dial(0, ln.Addr)
			client.Close()
			ln.Accept().Close()
		}
	}},
}

// flowing is what an edge says of the connections.
type flowing struct {
	Connections, Open, Failed, Sent, Received uint64
}

// TestAggregate has two tracers see the same: one that reports each connection
// and one that adds them up. Both must give the same graph.
func TestAggregate(t *testing.T) {
	cases := slices.Concat(totalCases, connectCases, failCases, acceptCases, closeCases, byteCases, snapshotCases, processCases)
	x := truth.Start(t, cases, nil)
	options := tracer.Options{NetNS: x.NetNS(), AcceptHook: acceptHook(t)}
	single, err := tracer.Open(&options)
	if err != nil {
		x.Abandon()
		t.Fatal(err)
	}
	defer single.Close()
	options.Aggregate = 500 * time.Millisecond
	adding, err := tracer.Open(&options)
	if err != nil {
		x.Abandon()
		t.Fatal(err)
	}
	defer adding.Close()
	if single.Stats().Accept == tracer.AcceptNone {
		x.Blind()
	}
	var added []traceformat.Event
	done := make(chan error)
	go func() {
		for batch, err := range adding.Batches() {
			if err != nil {
				done <- err
				return
			}
			added = append(added, batch...)
		}
		done <- nil
	}()
	labs := x.Run(single.Events(), single.Stop)
	adding.Stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if lost := adding.Stats().Lost; lost.Events() != 0 {
		t.Errorf("lost: %+v", lost)
	}
	byNS := make(map[uint32][]traceformat.Event)
	for _, e := range added {
		byNS[e.Process.NetNS] = append(byNS[e.Process.NetNS], e)
	}
	for _, l := range labs {
		t.Run(l.Case.Group+": "+l.Case.Name, func(t *testing.T) { sameGraph(t, l, byNS) })
	}
}

// sameGraph compares the graphs of what was reported singly and added up.
func sameGraph(t *testing.T, l *truth.Lab, added map[uint32][]traceformat.Event) {
	t.Helper()
	if why := l.SkipReason(); why != "" {
		t.Log(why)
		return
	}
	for _, p := range l.Problems() {
		t.Error(p)
	}
	var sums []traceformat.Event
	seen := make(map[uint32]bool)
	for _, e := range l.Got() {
		if ns := e.Process.NetNS; !seen[ns] {
			seen[ns] = true
			sums = append(sums, added[ns]...)
		}
	}
	totals := uint64(0)
	for _, e := range sums {
		totals += e.Count
	}
	if l.Case.Group == "total" && totals == 0 {
		t.Errorf("no totals among %d events", len(sums))
	}
	if diff := cmp.Diff(flowsOf(l.Got()), flowsOf(sums)); diff != "" {
		t.Errorf("the graph (-single +added up):\n%s\n%v", diff, sums)
	}
	t.Logf("%d events singly, %d with totals, which stand for %d halves", len(l.Got()), len(sums), totals)
}

func flowsOf(events []traceformat.Event) map[string]flowing {
	g := flowgraph.New(nil)
	for _, e := range events {
		g.Add(e)
	}
	flows := make(map[string]flowing)
	add := func(e flowgraph.Edge) {
		name := e.Client.String() + " → " + e.Server.String()
		f := flows[name]
		f.Connections += e.Connections
		f.Open += e.Open
		f.Failed += e.Failed
		f.Sent += e.Sent
		f.Received += e.Received
		flows[name] = f
	}
	for e := range g.AllEdges() {
		add(e)
	}
	for e := range g.Failed() {
		add(e)
	}
	return flows
}

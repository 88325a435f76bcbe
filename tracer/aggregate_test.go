//go:build linux

package tracer_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/internal/netlab"
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

// TestTotals has totals of what is made for them.
func TestTotals(t *testing.T) { aggregate(t, totalCases) }

// TestAggregate has the cases of TestTruth, most of which are too few for totals.
func TestAggregate(t *testing.T) {
	aggregate(t, slices.Concat(connectCases, failCases, acceptCases, closeCases, byteCases, snapshotCases, processCases))
}

// aggregate has two tracers see the same: one that reports each connection and
// one that adds them up. Both must give the same graph.
func aggregate(t *testing.T, cases []truth.Case) {
	t.Helper()
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
	lost := adding.Stats().Lost
	if lost.Events() != 0 {
		t.Errorf("lost: %+v", lost)
	}
	t.Logf("missed at most: %d calls singly, %d with totals", single.Stats().Lost.Calls, lost.Calls)
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

// TestTotalsElsewhere has peers that are not traced, so that nothing is to be
// waited for from them.
func TestTotalsElsewhere(t *testing.T) {
	l := openLive(t, tracer.Options{Aggregate: time.Hour})
	elsewhere := netlab.New(t)
	netlab.Veth(t, l.ns, elsewhere,
		[]netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}, []netip.Prefix{netip.MustParsePrefix("192.0.2.2/24")})
	const connections = 30
	for _, way := range []struct{ from, to *netlab.NS }{{l.ns, elsewhere}, {elsewhere, l.ns}} {
		addr := "192.0.2.2:0"
		if way.to == l.ns {
			addr = "192.0.2.1:0"
		}
		ln, err := way.to.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		for range connections {
			client, err := way.from.Dial(t.Context(), "tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			server, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			finish(t, client, server)
		}
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l.Stop()
	got := make(map[string]uint64)
	for batch, err := range l.Batches() {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range batch {
			kind := fmt.Sprint(e.Kind, " ", e.Direction)
			if e.Count > 0 {
				kind = "total " + kind
			}
			got[kind] += max(e.Count, 1)
		}
	}
	// A socket can be in TIME_WAIT, or not be closed quite, as the trace ends.
	closed := func(direction string) uint64 { return got["close "+direction] + got["total close "+direction] }
	for _, direction := range []string{"outgoing", "incoming"} {
		if opened := got["open "+direction] + got["total close "+direction]; opened != connections || closed(direction) < connections-1 {
			t.Errorf("%s: %d opened and %d closed, want %d: %v", direction, opened, closed(direction), connections, got)
		}
		if got["total close "+direction] < connections/2 {
			t.Errorf("%s: only %d of %d are in totals: %v", direction, got["total close "+direction], connections, got)
		}
	}
}

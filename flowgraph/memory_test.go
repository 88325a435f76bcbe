package flowgraph_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
	"github.com/google/go-cmp/cmp"
)

// churn adds connections between the same two processes, each closed before
// the next opens, until there have been n; twins says whether the server is
// traced too.
func churn(g *flowgraph.Graph, from, n int, twins bool) {
	c, s := in(proc(1, "client"), 1), in(proc(2, "server"), 2)
	to := netip.MustParseAddrPort("10.0.0.2:80")
	for i := from; i < n; i++ {
		e := traceformat.Event{
			Direction: traceformat.Outgoing, Process: c, Time: at(float64(i)), Remote: to,
			Local: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), uint16(i)),
		}
		twin := e
		twin.Direction, twin.Process, twin.Local, twin.Remote = traceformat.Incoming, s, e.Remote, e.Local
		for _, kind := range []traceformat.Kind{traceformat.Open, traceformat.Close} {
			e.Kind, twin.Kind = kind, kind
			g.Add(e)
			if twins {
				g.Add(twin)
			}
			e.Time = e.Time.Add(time.Millisecond)
			e.Duration, twin.Time, twin.Duration = time.Millisecond, e.Time, time.Millisecond
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	for _, twins := range []bool{true, false} {
		t.Run(fmt.Sprintf("twins=%v", twins), func(t *testing.T) {
			const warm, n = 20_000, 200_000
			g := flowgraph.New(&flowgraph.Options{Reorder: 1000})
			churn(g, 0, warm, twins)
			g.Stats()
			before := heap()
			churn(g, warm, n, twins)
			s := g.Stats()
			if after := heap(); after > before+(1<<18) {
				t.Errorf("memory after %d more connections: got %d more bytes, want at most 256 KiB", n-warm, after-before)
			}
			if s.Connections != n || s.Edges != 1 || s.Open != 0 || s.Remembered > 1000 {
				t.Errorf("got %+v, want %d connections, none open, 1 edge, at most 1000 remembered", s, n)
			}
			if twins && s.Paired != n {
				t.Errorf("paired: got %d, want %d", s.Paired, n)
			}
			runtime.KeepAlive(g)
		})
	}
}

func TestForgetPaired(t *testing.T) {
	g := flowgraph.New(&flowgraph.Options{ForgetPaired: true})
	for i := range 1000 {
		addConnection(g, proc(1, "a"), proc(2, "b"), uint16(1000+i))
	}
	s := g.Stats()
	if s.Remembered != 0 || s.Connections != 1000 || s.Paired != 1000 {
		t.Errorf("got %+v, want 1000 connections, all paired, none remembered", s)
	}
}

// TestRivals has more connections with the same endpoints than are told apart.
func TestRivals(t *testing.T) {
	g := flowgraph.New(nil)
	for i := range 100 {
		g.Add(outgoing(proc(uint32(i), "a"), "10.0.0.1:1000", "10.0.0.2:80"))
	}
	s := g.Stats()
	if s.Connections != 100 || s.Edges != 100 || s.Forgotten != 92 || s.Remembered != 8 {
		t.Errorf("got %+v, want 100 connections and edges, 92 forgotten, 8 remembered", s)
	}
}

func TestStats(t *testing.T) {
	c := outgoing(proc(1, "a"), "10.0.0.1:1000", "10.0.0.2:80")
	s := incoming(proc(2, "b"), "10.0.0.2:80", "10.0.0.1:1000")
	rival := func(netns uint32) traceformat.Event {
		return incoming(in(proc(2, "b"), netns), "10.0.0.4:80", "10.0.0.3:1000")
	}
	g := build(nil, timed(c, 1), timed(c, 1), timed(s, 1), timed(closed(c), 2),
		failed(outgoing(proc(1, "a"), "10.0.0.1:0", "10.0.0.2:81")),
		outgoing(in(proc(3, "c"), 1), "10.0.0.3:1000", "10.0.0.4:80"), rival(2), rival(3),
		traceformat.Event{Process: proc(1, "a")}, traceformat.Event{Kind: 77, Local: c.Local, Remote: c.Remote})
	want := flowgraph.Stats{
		Events: 10, Invalid: 2, Duplicates: 1, Connections: 4, Paired: 1, OneSided: 3, Open: 3, Failed: 1, Ambiguous: 3,
		Remembered: 5, Nodes: 4, Edges: 3, Processes: 3, Externals: 1,
	}
	if diff := cmp.Diff(want, g.Stats()); diff != "" {
		t.Errorf("Stats (-want +got):\n%s\n%s", diff, fullText(g))
	}
	want.Nodes, want.Edges, want.Processes, want.Externals = 0, 0, 0, 0
	if diff := cmp.Diff(want, g.View(&flowgraph.ViewOptions{HideIsolated: true}).Stats()); diff != "" {
		t.Errorf("Stats of a view (-want +got):\n%s", diff)
	}
}

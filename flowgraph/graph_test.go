package flowgraph_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
	"github.com/google/go-cmp/cmp"
)

// epoch is the time from which the tests count.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return epoch.Add(time.Duration(seconds * float64(time.Second)))
}

func proc(pid uint32, command string) traceformat.Process {
	return traceformat.Process{PID: pid, Command: command}
}

func in(p traceformat.Process, netns uint32) traceformat.Process {
	p.NetNS = netns
	return p
}

// outgoing and incoming are Open events, at the process's own endpoint.
func outgoing(p traceformat.Process, local, remote string) traceformat.Event {
	return traceformat.Event{
		Direction: traceformat.Outgoing, Process: p,
		Local: netip.MustParseAddrPort(local), Remote: netip.MustParseAddrPort(remote),
	}
}

func incoming(p traceformat.Process, local, remote string) traceformat.Event {
	e := outgoing(p, local, remote)
	e.Direction = traceformat.Incoming
	return e
}

func timed(e traceformat.Event, seconds float64) traceformat.Event {
	e.Time = at(seconds)
	return e
}

func closed(e traceformat.Event) traceformat.Event {
	e.Kind = traceformat.Close
	return e
}

func failed(e traceformat.Event) traceformat.Event {
	e.Kind = traceformat.Fail
	return e
}

func owned(e traceformat.Event, o traceformat.Owner) traceformat.Event {
	e.Owner = o
	return e
}

func bytes(e traceformat.Event, sent, received uint64) traceformat.Event {
	e.BytesSent, e.BytesReceived = sent, received
	return e
}

func build(opts *flowgraph.Options, events ...traceformat.Event) *flowgraph.Graph {
	g := flowgraph.New(opts)
	for _, e := range events {
		g.Add(e)
	}
	return g
}

// edgeText returns an edge as one line with all its numbers.
func edgeText(e flowgraph.Edge) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s -> %s", e.Client, e.Server)
	for p := range e.Ports.All() {
		fmt.Fprintf(&b, " :%d", p)
	}
	fmt.Fprintf(&b, " x%d open=%d", e.Connections, e.Open)
	if e.Failed > 0 {
		fmt.Fprintf(&b, " failed=%d", e.Failed)
	}
	if e.Loopback > 0 {
		fmt.Fprintf(&b, " loopback=%d", e.Loopback)
	}
	if e.Sent|e.Received > 0 {
		fmt.Fprintf(&b, " bytes=%d/%d", e.Sent, e.Received)
	}
	if !e.First.IsZero() {
		fmt.Fprintf(&b, " %v..%v", e.First.Sub(epoch), e.Last.Sub(epoch))
	}
	return b.String()
}

func edgeTexts(g *flowgraph.Graph) []string {
	var s []string
	for e := range g.AllEdges() {
		s = append(s, edgeText(e))
	}
	slices.Sort(s)
	return s
}

// fullText returns everything that can be read of a graph.
func fullText(g *flowgraph.Graph) string {
	var b strings.Builder
	for n := range g.AllNodes() {
		addrs, more := n.Addrs()
		fmt.Fprintf(&b, "%d %q %+v %v %v %v\n", n.ID(), n, n.Process(), n.Endpoint(), addrs, more)
	}
	for e := range g.AllEdges() {
		fmt.Fprintln(&b, e.Client.ID(), e.Server.ID(), edgeText(e))
	}
	for e := range g.Failed() {
		fmt.Fprintln(&b, "failed", e.Client.ID(), e.Server.ID(), edgeText(e))
	}
	s := g.Stats()
	fmt.Fprintf(&b, "%+v\n", s)
	return b.String()
}

func TestEdges(t *testing.T) {
	curl, nginx, app, db := proc(10, "curl"), proc(20, "nginx"), proc(30, "app"), proc(40, "db")
	parent, worker := proc(50, "parent"), proc(51, "worker")
	c := outgoing(curl, "10.0.0.1:40000", "10.0.0.2:80")
	s := incoming(nginx, "10.0.0.2:80", "10.0.0.1:40000")
	tests := []struct {
		name   string
		events []traceformat.Event
		want   []string
	}{
		{"nothing", nil, nil},
		{"both halves", []traceformat.Event{c, s}, []string{"curl[10] -> nginx[20] :80 x1 open=1"}},
		{"client only", []traceformat.Event{c}, []string{"curl[10] -> 10.0.0.2:80 :80 x1 open=1"}},
		{"server only", []traceformat.Event{s}, []string{"10.0.0.1 -> nginx[20] :80 x1 open=1"}},
		{
			"client ports never split",
			[]traceformat.Event{
				s, incoming(nginx, "10.0.0.2:80", "10.0.0.1:40001"), c, outgoing(curl, "10.0.0.1:40001", "10.0.0.2:80"),
				outgoing(curl, "10.0.0.1:40002", "10.0.0.2:80"),
				outgoing(curl, "10.0.0.1:40002", "10.0.0.2:443"), incoming(nginx, "10.0.0.2:443", "10.0.0.1:40002"),
			},
			[]string{"curl[10] -> nginx[20] :80 :443 x4 open=4"},
		},
		{
			"resolved by service endpoint",
			[]traceformat.Event{
				outgoing(app, "10.0.0.3:5000", "10.0.0.2:80"), s, c,
			},
			[]string{"app[30] -> nginx[20] :80 x1 open=1", "curl[10] -> nginx[20] :80 x1 open=1"},
		},
		{
			"several accept at the service endpoint",
			[]traceformat.Event{
				outgoing(app, "10.0.0.3:5000", "10.0.0.2:80"), s, c, incoming(db, "10.0.0.2:80", "10.0.0.1:40001"),
			},
			[]string{
				"10.0.0.1 -> db[40] :80 x1 open=1", "app[30] -> 10.0.0.2:80 :80 x1 open=1",
				"curl[10] -> nginx[20] :80 x1 open=1",
			},
		},
		{
			"process connects to itself",
			[]traceformat.Event{outgoing(app, "127.0.0.1:5000", "127.0.0.1:80"), incoming(app, "127.0.0.1:80", "127.0.0.1:5000")},
			[]string{"app[30] -> app[30] :80 x1 open=1 loopback=1"},
		},
		{
			"socket connected to itself",
			[]traceformat.Event{outgoing(app, "127.0.0.1:5000", "127.0.0.1:5000")},
			[]string{"app[30] -> app[30] :5000 x1 open=1 loopback=1"},
		},
		{
			"socket connected to itself, told twice",
			[]traceformat.Event{outgoing(app, "127.0.0.1:5000", "127.0.0.1:5000"), incoming(app, "127.0.0.1:5000", "127.0.0.1:5000")},
			[]string{"app[30] -> app[30] :5000 x1 open=1 loopback=1"},
		},
		{
			"simultaneous open",
			[]traceformat.Event{outgoing(app, "10.0.0.3:5000", "10.0.0.4:6000"), outgoing(db, "10.0.0.4:6000", "10.0.0.3:5000")},
			[]string{"db[40] -> app[30] :5000 x1 open=1"},
		},
		{
			"unknown direction, known twin",
			[]traceformat.Event{
				{Process: curl, Local: c.Local, Remote: c.Remote}, s,
			},
			[]string{"curl[10] -> nginx[20] :80 x1 open=1"},
		},
		{
			"unknown direction, known service",
			[]traceformat.Event{
				{Process: app, Local: netip.MustParseAddrPort("10.0.0.3:22"), Remote: c.Remote}, s, c,
			},
			[]string{"app[30] -> nginx[20] :80 x1 open=1", "curl[10] -> nginx[20] :80 x1 open=1"},
		},
		{
			"unknown direction, lower port",
			[]traceformat.Event{
				{Process: app, Local: netip.MustParseAddrPort("10.0.0.3:22"), Remote: netip.MustParseAddrPort("10.0.0.4:5000")},
			},
			[]string{"10.0.0.4 -> app[30] :22 x1 open=1"},
		},
		{
			"loopback of two namespaces",
			[]traceformat.Event{
				outgoing(in(curl, 1), "127.0.0.1:5000", "127.0.0.1:80"), incoming(in(nginx, 2), "127.0.0.1:80", "127.0.0.1:5000"),
			},
			[]string{
				"127.0.0.1 -> nginx[20] :80 x1 open=1 loopback=1", "curl[10] -> 127.0.0.1:80 :80 x1 open=1 loopback=1",
			},
		},
		{
			"one namespace before another",
			[]traceformat.Event{
				outgoing(in(curl, 1), "10.0.0.1:5000", "10.0.0.2:80"), incoming(in(nginx, 2), "10.0.0.2:80", "10.0.0.1:5000"),
				incoming(in(app, 1), "10.0.0.2:80", "10.0.0.1:5000"),
			},
			[]string{"10.0.0.1 -> nginx[20] :80 x1 open=1", "curl[10] -> app[30] :80 x1 open=1"},
		},
		{
			"two other namespaces",
			[]traceformat.Event{
				outgoing(in(curl, 1), "10.0.0.1:5000", "10.0.0.2:80"), incoming(in(nginx, 2), "10.0.0.2:80", "10.0.0.1:5000"),
				incoming(in(app, 3), "10.0.0.2:80", "10.0.0.1:5000"),
			},
			[]string{
				"10.0.0.1 -> app[30] :80 x1 open=1", "10.0.0.1 -> nginx[20] :80 x1 open=1",
				"curl[10] -> 10.0.0.2:80 :80 x1 open=1",
			},
		},
		{
			"zones differ on both sides",
			[]traceformat.Event{
				outgoing(in(curl, 1), "[fe80::1%veth0]:5000", "[fe80::2%veth0]:80"),
				incoming(in(nginx, 2), "[fe80::2%eth9]:80", "[fe80::1%eth9]:5000"),
			},
			[]string{"curl[10] -> nginx[20] :80 x1 open=1"},
		},
		{
			"IPv4-mapped",
			[]traceformat.Event{c, incoming(nginx, "[::ffff:10.0.0.2]:80", "[::ffff:10.0.0.1]:40000")},
			[]string{"curl[10] -> nginx[20] :80 x1 open=1"},
		},
		{
			"closed by both",
			[]traceformat.Event{
				timed(c, 1), timed(s, 2), bytes(timed(closed(c), 3), 100, 20), bytes(timed(closed(s), 4), 21, 101),
			},
			[]string{"curl[10] -> nginx[20] :80 x1 open=0 bytes=100/20 1s..4s"},
		},
		{
			"closed by the server only",
			[]traceformat.Event{c, s, bytes(closed(s), 20, 100)},
			[]string{"curl[10] -> nginx[20] :80 x1 open=0 bytes=100/20"},
		},
		{
			"close without open",
			[]traceformat.Event{bytes(closed(c), 5, 6)},
			[]string{"curl[10] -> 10.0.0.2:80 :80 x1 open=0 bytes=5/6"},
		},
		{
			"snapshot and live",
			[]traceformat.Event{owned(timed(c, 5), traceformat.OwnerSnapshot), timed(c, 4), timed(s, 4)},
			[]string{"curl[10] -> nginx[20] :80 x1 open=1 4s..5s"},
		},
		{
			"same event twice",
			[]traceformat.Event{timed(c, 4), timed(c, 4), timed(s, 4), timed(s, 4)},
			[]string{"curl[10] -> nginx[20] :80 x1 open=1 4s..4s"},
		},
		{
			"basic lines with reused endpoints",
			[]traceformat.Event{c, s, c, s, c},
			[]string{"curl[10] -> nginx[20] :80 x3 open=3"},
		},
		{
			"owner corrected at the close",
			[]traceformat.Event{
				timed(c, 1), owned(timed(incoming(parent, "10.0.0.2:80", "10.0.0.1:40000"), 1), traceformat.OwnerListener),
				timed(closed(incoming(worker, "10.0.0.2:80", "10.0.0.1:40000")), 2),
			},
			[]string{"curl[10] -> worker[51] :80 x1 open=0 1s..2s"},
		},
		{
			"ports and processes reused",
			[]traceformat.Event{
				timed(c, 1), timed(s, 1), timed(closed(c), 2), timed(closed(s), 2),
				timed(outgoing(app, "10.0.0.1:40000", "10.0.0.2:80"), 3), timed(incoming(db, "10.0.0.2:80", "10.0.0.1:40000"), 3),
			},
			[]string{
				"app[30] -> db[40] :80 x1 open=1 3s..3s", "curl[10] -> nginx[20] :80 x1 open=0 1s..2s",
			},
		},
		{
			"reused after a lost close",
			[]traceformat.Event{
				timed(c, 1), timed(closed(c), 2),
				timed(outgoing(app, "10.0.0.1:40000", "10.0.0.2:80"), 30), timed(s, 30.001),
			},
			[]string{
				"app[30] -> nginx[20] :80 x1 open=1 30s..30.001s", "curl[10] -> nginx[20] :80 x1 open=0 1s..2s",
			},
		},
		{
			"failures are no edges",
			[]traceformat.Event{
				failed(c), c, s, failed(outgoing(curl, "10.0.0.1:0", "10.0.0.9:25")),
			},
			[]string{"curl[10] -> nginx[20] :80 x1 open=1 failed=1"},
		},
		{
			"owner unknown",
			[]traceformat.Event{outgoing(traceformat.Process{}, "10.0.0.1:40000", "10.0.0.2:80")},
			[]string{"10.0.0.1 -> 10.0.0.2:80 :80 x1 open=1"},
		},
		{
			"owner unknown, twin known",
			[]traceformat.Event{outgoing(traceformat.Process{}, "10.0.0.1:40000", "10.0.0.2:80"), s},
			[]string{"10.0.0.1 -> nginx[20] :80 x1 open=1"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for events := range orders(test.events) {
				if diff := cmp.Diff(test.want, edgeTexts(build(nil, events...))); diff != "" {
					t.Fatalf("edges in order %v (-want +got):\n%s", events, diff)
				}
			}
		})
	}
}

// orders yields every order of the events, up to 720 of them.
func orders(events []traceformat.Event) func(func([]traceformat.Event) bool) {
	return func(yield func([]traceformat.Event) bool) {
		s := slices.Clone(events)
		n := 0
		var permute func(k int) bool
		permute = func(k int) bool {
			if k == len(s) {
				n++
				return yield(s) && n < 720
			}
			for i := k; i < len(s); i++ {
				s[k], s[i] = s[i], s[k]
				if !permute(k + 1) {
					return false
				}
				s[k], s[i] = s[i], s[k]
			}
			return true
		}
		permute(0)
	}
}

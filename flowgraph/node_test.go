package flowgraph_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/graph/encoding"
)

// hostile are names that a process may choose.
var hostile = []string{
	"", `"q"`, "<b>", "<script>alert(1)</script>", "a\nb", "a|b", "\x1b[31m", "\xff\xfe", "\u202egpj", `\N\l`, "PID=1 CMD=x", "×",
	strings.Repeat("x", 5000),
}

func TestHostileNames(t *testing.T) {
	g := flowgraph.New(nil)
	for i, name := range hostile {
		p := traceformat.Process{
			PID: uint32(i), Command: name, Host: name, Container: name, Unit: name, Exe: name, Cmdline: name, StartTime: at(1),
		}
		addConnection(g, p, proc(99, name), 1000)
		n := g.Find(p)
		if n == nil || n.Process().Command != name || n.Process().Container != name {
			t.Fatalf("name %q: got node %v", name, n)
		}
		for _, a := range n.Attributes() {
			if a.Key == "label" && !strings.HasPrefix(a.Value, name) {
				t.Errorf("label of %q: got %q", name, a.Value)
			}
		}
	}
	if s := g.Stats(); s.Connections != uint64(len(hostile)) {
		t.Errorf("connections: got %d, want %d", s.Connections, len(hostile))
	}
	for _, by := range []func(*flowgraph.Node) string{flowgraph.ByCommand, flowgraph.ByHost, flowgraph.ByContainer} {
		for e := range g.View(&flowgraph.ViewOptions{Group: by}).AllEdges() {
			e.Attributes()
			e.Client.Attributes()
		}
	}
}

func TestProcessIsTheLatest(t *testing.T) {
	event := func(seconds float64, change func(*traceformat.Process)) traceformat.Event {
		e := timed(outgoing(traceformat.Process{PID: 7, StartTime: at(-5)}, "10.0.0.1:1000", "10.0.0.2:80"), seconds)
		change(&e.Process)
		return e
	}
	a := event(1, func(p *traceformat.Process) { p.Command, p.UID = "sh", traceformat.NewUID(5) })
	b := event(2, func(p *traceformat.Process) { p.Command, p.Exe, p.UID = "nginx", "/nginx", traceformat.NewUID(0) })
	c := event(3, func(p *traceformat.Process) { p.Command, p.UID = "sh", traceformat.NewUID(5) })
	d := event(2, func(p *traceformat.Process) { p.Command, p.CgroupID = "aaa", 44 })
	tests := []struct {
		events []traceformat.Event
		want   traceformat.Process
	}{
		{[]traceformat.Event{a, b}, traceformat.Process{Command: "nginx", Exe: "/nginx", UID: traceformat.NewUID(0)}},
		{[]traceformat.Event{a, b, c, d}, traceformat.Process{Command: "sh", Exe: "/nginx", UID: traceformat.NewUID(5), CgroupID: 44}},
		{[]traceformat.Event{b, d}, traceformat.Process{Command: "nginx", Exe: "/nginx", UID: traceformat.NewUID(0), CgroupID: 44}},
	}
	for _, test := range tests {
		test.want.PID, test.want.StartTime = 7, at(-5)
		for events := range orders(test.events) {
			g := build(nil, events...)
			if diff := cmp.Diff(test.want, g.Find(test.want).Process(), cmp.AllowUnexported(traceformat.UID{})); diff != "" {
				t.Fatalf("process (-want +got):\n%s", diff)
			}
			if n := g.Stats().Processes; n != 1 {
				t.Fatalf("processes: got %d, want 1", n)
			}
		}
	}
}

func TestProcessesAreToldApart(t *testing.T) {
	started := func(p traceformat.Process, s float64) traceformat.Process {
		p.StartTime = at(s)
		return p
	}
	onHost := func(p traceformat.Process, h string) traceformat.Process {
		p.Host = h
		return p
	}
	a := proc(7, "a")
	procs := []traceformat.Process{a, proc(7, "b"), proc(8, "a"), started(a, 1), started(a, 2), onHost(a, "x"), onHost(started(a, 1), "x")}
	g := flowgraph.New(nil)
	ids := make(map[int64]bool)
	for range 2 {
		for _, p := range procs {
			g.Add(outgoing(p, "10.0.0.1:1000", "10.0.0.2:80"))
			ids[g.Find(p).ID()] = true
		}
	}
	if n := g.Stats().Processes; int(n) != len(procs) || len(ids) != len(procs) {
		t.Errorf("got %d processes with %d ids, want %d", n, len(ids), len(procs))
	}
	for id := range ids {
		if id < 0 || id >= 1<<53 {
			t.Errorf("id %d is not within 53 bits", id)
		}
	}
}

func TestAddrs(t *testing.T) {
	events := []traceformat.Event{}
	for i := range 100 {
		events = append(events, outgoing(proc(1, "a"), fmt.Sprintf("10.0.0.%d:1000", 100-i), "10.1.0.0:80"))
	}
	g := build(nil, events...)
	addrs, truncated := g.Find(proc(1, "a")).Addrs()
	if len(addrs) != 64 || !truncated || addrs[0] != netip.MustParseAddr("10.0.0.1") || addrs[63] != netip.MustParseAddr("10.0.0.64") {
		t.Errorf("got %v, %v, want the 64 lowest of 100", addrs, truncated)
	}
	frozen, _ := g.View(nil).Node(g.Find(proc(1, "a")).ID()).(*flowgraph.Node).Addrs()
	if diff := cmp.Diff(addrs, frozen, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("addresses in a view (-graph +view):\n%s", diff)
	}
}

// A node says what is known now, though events wait to be worked out.
func TestAddrsAtOnce(t *testing.T) {
	g := flowgraph.New(nil)
	a := proc(1, "a")
	var n *flowgraph.Node
	for i := range 100 {
		g.Add(outgoing(a, fmt.Sprintf("10.0.0.%d:1000", i%50+1), "10.1.0.0:80"))
		if n == nil {
			n = g.Find(a)
		}
		if addrs, _ := n.Addrs(); len(addrs) != min(i+1, 50) {
			t.Fatalf("after %d events: %d addresses: %v", i+1, len(addrs), addrs)
		}
	}
}

func TestPortSet(t *testing.T) {
	g := flowgraph.New(nil)
	for p := uint16(200); p > 100; p-- {
		a := netip.MustParseAddr("10.0.0.1")
		b := netip.MustParseAddr("10.0.0.2")
		for range 2 {
			g.Add(traceformat.Event{Direction: traceformat.Outgoing, Process: proc(1, "a"), Local: netip.AddrPortFrom(a, 1000+p), Remote: netip.AddrPortFrom(b, p)})
			g.Add(traceformat.Event{Direction: traceformat.Incoming, Process: proc(2, "b"), Remote: netip.AddrPortFrom(a, 1000+p), Local: netip.AddrPortFrom(b, p)})
		}
	}
	for e := range g.AllEdges() {
		var ports []uint16
		for p := range e.Ports.All() {
			ports = append(ports, p)
		}
		if len(ports) != 64 || e.Ports.Len() != 64 || ports[0] != 101 || ports[63] != 164 || !e.Ports.Truncated() {
			t.Errorf("got %v (%d, truncated %v), want 101 to 164 and truncated", ports, e.Ports.Len(), e.Ports.Truncated())
		}
	}
}

func TestAttributes(t *testing.T) {
	p := traceformat.Process{
		PID: 20, Command: "postgres", StartTime: epoch, UID: traceformat.NewUID(0), Exe: "/bin/postgres",
		Cmdline: "postgres\x00-D\x00/data", Container: "db1", Unit: "pg.service", NetNS: 5, CgroupID: 6,
	}
	c := in(proc(10, "app"), 5)
	var events []traceformat.Event
	for i := range 12 {
		local := fmt.Sprintf("10.0.0.1:%d", 40000+i)
		events = append(events, timed(outgoing(c, local, "10.0.0.2:5432"), 1), timed(incoming(p, "10.0.0.2:5432", local), 1),
			bytes(timed(closed(outgoing(c, local, "10.0.0.2:5432")), 2), 1e6, 5e5))
	}
	events = append(events, outgoing(p, "10.0.0.2:999", "1.1.1.1:443"))
	g := build(nil, events...)
	want := [][]encoding.Attribute{
		{
			{Key: "label", Value: "app\n10"},
			{Key: "shape", Value: "ellipse"},
			{Key: "style", Value: "solid"},
			{Key: "tooltip", Value: "app[10]\nnetwork namespace: 5\naddress: 10.0.0.1"},
		},
		{
			{Key: "label", Value: "postgres\n20"},
			{Key: "shape", Value: "box"},
			{Key: "style", Value: "solid"},
			{Key: "tooltip", Value: "postgres[20]\nstarted: 2026-03-01T12:00:00Z\nuser id: 0\nexecutable: /bin/postgres\n" +
				"arguments: postgres -D /data\ncontainer: db1\nunit: pg.service\nnetwork namespace: 5\ncontrol group: 6\naddress: 10.0.0.2"},
			{Key: "peripheries", Value: "2"},
		},
		{
			{Key: "label", Value: "1.1.1.1:443"},
			{Key: "shape", Value: "box"},
			{Key: "style", Value: "dashed"},
			{Key: "tooltip", Value: "1.1.1.1:443\nexternal: no process is known\naddress: 1.1.1.1"},
		},
		{
			{Key: "label", Value: ":5432 postgresql ×12"},
			{Key: "penwidth", Value: "4.26"},
			{Key: "tooltip", Value: "app[10] → postgres[20]\nconnections: 12\nsent: 12000000 bytes\nreceived: 6000000 bytes\n" +
				"first: 2026-03-01T12:00:01Z\nlast: 2026-03-01T12:00:02Z\nport: 5432 postgresql"},
		},
		{
			{Key: "label", Value: ":443 https"},
			{Key: "penwidth", Value: "1.00"},
			{Key: "tooltip", Value: "postgres[20] → 1.1.1.1:443\nconnections: 1\nnot seen to close: 1\nport: 443 https"},
		},
	}
	for _, v := range []*flowgraph.View{g.View(nil), g.View(nil).View(nil)} {
		var got [][]encoding.Attribute
		for n := range v.AllNodes() {
			got = append(got, n.Attributes())
		}
		for e := range v.AllEdges() {
			got = append(got, e.Attributes())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("attributes (-want +got):\n%s", diff)
		}
	}
}

// TestTimes has times that nanoseconds cannot hold.
func TestTimes(t *testing.T) {
	e := outgoing(proc(1, "a"), "10.0.0.1:1000", "10.0.0.2:80")
	for _, at := range []time.Time{{}, time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		e.Time = at
		for x := range build(nil, e).AllEdges() {
			if !x.First.IsZero() || !x.Last.IsZero() {
				t.Errorf("event at %v: got edge from %v to %v, want zero times", at, x.First, x.Last)
			}
		}
	}
}

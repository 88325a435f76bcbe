package flowgraph_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
	gocmp "github.com/google/go-cmp/cmp"
)

// connection is what truly happened between two processes.
type connection struct {
	client, server traceformat.Process
	from, to       netip.AddrPort
	opened, closed time.Time // closed is zero while it is open
	sent, received uint64
	seen           [2]bool // which halves were reported
	listenerFirst  bool    // the accepting process was known only at the end
	snapshot       bool
}

// world makes connections between processes in namespaces, without using any
// two endpoints twice in one namespace.
type world struct {
	r     *rand.Rand
	procs []traceformat.Process
	conns []connection
}

func newWorld(seed uint64, n int, timed, snapshots bool) *world {
	r := rand.New(rand.NewPCG(seed, 99))
	w := &world{r: r}
	procs := 3 + r.IntN(10)
	for i := range procs {
		p := proc(uint32(100+i), string(rune('a'+i)))
		if seed%6 > 0 { // else all is bare
			p.NetNS = uint32(1 + i%3)
		}
		if timed {
			p.StartTime = at(-float64(i) - 1)
		}
		w.procs = append(w.procs, p)
	}
	for i := range n {
		c, s := r.IntN(procs), r.IntN(procs)
		conn := connection{client: w.procs[c], server: w.procs[s]}
		// Each process serves at two ports of its own address.
		conn.from = netip.AddrPortFrom(w.addr(c, s), uint16(30000+i))
		conn.to = netip.AddrPortFrom(w.addr(s, c), uint16(80+s*2+r.IntN(2)))
		if timed {
			conn.opened = at(float64(i))
			if r.IntN(3) > 0 {
				conn.closed = conn.opened.Add(time.Duration(1+r.IntN(5000)) * time.Millisecond)
				conn.sent, conn.received = uint64(1+r.IntN(1000)), uint64(r.IntN(1000))
			}
		}
		conn.seen = [2]bool{true, true}
		switch r.IntN(5) {
		case 0:
			conn.seen[0] = false
		case 1:
			conn.seen[1] = false
		}
		conn.listenerFirst = timed && !conn.closed.IsZero() && r.IntN(4) == 0
		conn.snapshot = snapshots && r.IntN(4) == 0
		w.conns = append(w.conns, conn)
	}
	return w
}

// addr returns the address at which a process meets a peer: a loopback one if
// they share a namespace.
func (w *world) addr(i, peer int) netip.Addr {
	if w.procs[i].NetNS == w.procs[peer].NetNS {
		return netip.MustParseAddr("127.0.0.1")
	}
	return netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + i)})
}

// events returns what is reported, in order.
func (w *world) events() []traceformat.Event {
	var events []traceformat.Event
	for i := range w.conns {
		c := &w.conns[i]
		for side, p := range []traceformat.Process{c.client, c.server} {
			if !c.seen[side] {
				continue
			}
			e := traceformat.Event{Direction: traceformat.Outgoing, Process: p, Local: c.from, Remote: c.to, Time: c.opened}
			sent, received := c.sent, c.received
			if side == 1 {
				e.Direction, e.Local, e.Remote = traceformat.Incoming, c.to, c.from
				sent, received = received, sent
				if c.listenerFirst {
					e.Owner = traceformat.OwnerListener
					e.Process = in(proc(50, "listener"), p.NetNS)
				}
			}
			events = append(events, e)
			if c.snapshot && !(side == 1 && c.listenerFirst) {
				e.Owner = traceformat.OwnerSnapshot
				e.Time = e.Time.Add(time.Millisecond)
				events = append(events, e)
			}
			if !c.closed.IsZero() {
				e.Kind, e.Owner, e.Process, e.Time = traceformat.Close, traceformat.OwnerDirect, p, c.closed
				e.Duration = c.closed.Sub(c.opened)
				e.BytesSent, e.BytesReceived = sent, received
				events = append(events, e)
			}
		}
	}
	return events
}

// model works out the edges from the truth, in the plainest way.
func (w *world) model() []string {
	type total struct {
		ports             map[uint16]bool
		conns, open, loop int
		sent, received    uint64
		first, last       time.Time
	}
	type service struct {
		netns uint32
		at    netip.AddrPort
	}
	acceptors := make(map[service]map[string]bool)
	for _, c := range w.conns {
		if c.seen[1] {
			for _, ns := range []uint32{c.server.NetNS, 0} {
				k := service{ns, c.to}
				if acceptors[k] == nil {
					acceptors[k] = make(map[string]bool)
				}
				acceptors[k][name(c.server)] = true
			}
		}
	}
	edges := make(map[[2]string]*total)
	for _, c := range w.conns {
		from, to := name(c.client), name(c.server)
		if !c.seen[0] && !c.seen[1] {
			continue
		}
		if !c.seen[0] {
			from = c.from.Addr().String()
			if c.from.Addr().IsLoopback() {
				from += fmt.Sprintf("@%d", c.server.NetNS)
			}
		}
		if !c.seen[1] {
			found := acceptors[service{c.client.NetNS, c.to}]
			if found == nil && !c.to.Addr().IsLoopback() {
				found = acceptors[service{0, c.to}]
			}
			if to = c.to.String(); len(found) == 1 {
				for only := range found {
					to = only
				}
			} else if c.to.Addr().IsLoopback() {
				to += fmt.Sprintf("@%d", c.client.NetNS)
			}
		}
		e := edges[[2]string{from, to}]
		if e == nil {
			e = &total{ports: make(map[uint16]bool), first: c.opened}
			edges[[2]string{from, to}] = e
		}
		e.ports[c.to.Port()] = true
		e.conns++
		if c.closed.IsZero() {
			e.open++
		}
		if c.to.Addr().IsLoopback() {
			e.loop++
		}
		e.sent, e.received = e.sent+c.sent, e.received+c.received
		last := c.opened
		if c.snapshot && (c.seen[0] || !c.listenerFirst) {
			last = last.Add(time.Millisecond)
		}
		if c.closed.After(last) {
			last = c.closed
		}
		if c.opened.Before(e.first) {
			e.first = c.opened
		}
		if last.After(e.last) {
			e.last = last
		}
	}
	var lines []string
	for k, e := range edges {
		var b strings.Builder
		fmt.Fprintf(&b, "%s -> %s", k[0], k[1])
		ports := make([]uint16, 0, len(e.ports))
		for p := range e.ports {
			ports = append(ports, p)
		}
		slices.Sort(ports)
		for _, p := range ports {
			fmt.Fprintf(&b, " :%d", p)
		}
		fmt.Fprintf(&b, " x%d open=%d", e.conns, e.open)
		if e.loop > 0 {
			fmt.Fprintf(&b, " loopback=%d", e.loop)
		}
		if e.sent|e.received > 0 {
			fmt.Fprintf(&b, " bytes=%d/%d", e.sent, e.received)
		}
		if !e.first.IsZero() {
			fmt.Fprintf(&b, " %v..%v", e.first.Sub(epoch), e.last.Sub(epoch))
		}
		lines = append(lines, b.String())
	}
	slices.Sort(lines)
	return lines
}

// modelTexts returns the graph's edges in the model's form, where external
// loopback nodes have their namespace in the name.
func modelTexts(g *flowgraph.Graph) []string {
	name := func(n *flowgraph.Node) string {
		if !n.External() || !n.Endpoint().Addr().IsLoopback() {
			return n.String()
		}
		for _, a := range n.Attributes() {
			if _, netns, ok := strings.Cut(a.Value, "network namespace: "); ok && a.Key == "tooltip" {
				netns, _, _ = strings.Cut(netns, "\n")
				return n.String() + "@" + netns
			}
		}
		return n.String() + "@0"
	}
	var lines []string
	for e := range g.AllEdges() {
		_, rest, _ := strings.Cut(edgeText(e), " -> "+e.Server.String())
		lines = append(lines, name(e.Client)+" -> "+name(e.Server)+rest)
	}
	slices.Sort(lines)
	return lines
}

// TestModel compares graphs of made-up worlds, whose events come in any
// order, with the model; and each with the others to the last detail.
func TestModel(t *testing.T) {
	for seed := range uint64(300) {
		timed, snapshots := seed%3 > 0, seed%3 > 1
		w := newWorld(seed, 1+int(seed)%40, timed, snapshots)
		events := w.events()
		want := w.model()
		first := ""
		for order := range 6 {
			opts := &flowgraph.Options{ForgetPaired: order%2 == 1}
			if snapshots {
				opts.Reorder = -1
			}
			g := flowgraph.New(opts)
			for i, e := range events {
				g.Add(e)
				if order == 3 && i%7 == 0 {
					g.Stats() // reading in between changes nothing
				}
			}
			if diff := gocmp.Diff(want, modelTexts(g)); diff != "" {
				t.Fatalf("world %d in order %d (-want +got):\n%s", seed, order, diff)
			}
			text := withoutStats(fullText(g))
			if first = cmp.Or(first, text); text != first {
				t.Fatalf("world %d in order %d differs (-first +this):\n%s", seed, order, gocmp.Diff(first, text))
			}
			w.r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		}
	}
}

// withoutStats leaves out what depends on what is remembered.
func withoutStats(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[:len(lines)-1], "\n")
}

// TestReuse has connections that use the same two endpoints one after the
// other, each between other processes, and shuffles what is reported.
func TestReuse(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 7))
		var events []traceformat.Event
		var want []string
		for i := range 4 {
			c, s := in(proc(uint32(10+i), "c"), 1), in(proc(uint32(20+i), "s"), uint32(1+seed%2))
			from, to := float64(3*i), float64(3*i)+1
			lag := 0.2 * r.Float64()
			events = append(events,
				timed(outgoing(c, "10.0.0.1:1000", "10.0.0.2:80"), from),
				timed(incoming(s, "10.0.0.2:80", "10.0.0.1:1000"), from+lag),
				during(timed(closed(outgoing(c, "10.0.0.1:1000", "10.0.0.2:80")), to), to-from),
				during(timed(closed(incoming(s, "10.0.0.2:80", "10.0.0.1:1000")), to), to-from))
			want = append(want, fmt.Sprintf("%s -> %s :80 x1 open=0 %v..%v", name(c), name(s), at(from).Sub(epoch), at(to).Sub(epoch)))
		}
		slices.Sort(want)
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		if diff := gocmp.Diff(want, edgeTexts(build(&flowgraph.Options{Reorder: -1}, events...))); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
}

func during(e traceformat.Event, seconds float64) traceformat.Event {
	e.Duration = time.Duration(seconds * float64(time.Second))
	return e
}

func name(p traceformat.Process) string { return fmt.Sprintf("%s[%d]", p.Command, p.PID) }

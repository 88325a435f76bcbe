package flowgraph

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/tcpgraph/traceformat"
)

// sums is what a total must give as the single connections do.
type sumsOf struct {
	Client, Server       string
	Connections, Open    uint64
	Sent, Received, Fail uint64
}

func edgesOf(g *Graph) (all []sumsOf) {
	for e := range g.AllEdges() {
		all = append(all, sumsOf{e.Client.String(), e.Server.String(), e.Connections, e.Open, e.Sent, e.Received, e.Failed})
	}
	return all
}

// end returns an event of a half of a connection from one process to another.
func end(kind traceformat.Kind, d traceformat.Direction, pid uint32, port uint16, at time.Duration) traceformat.Event {
	e := traceformat.Event{
		Kind: kind, Direction: d,
		Local: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port), Remote: netip.MustParseAddrPort("192.0.2.2:80"),
		Process: traceformat.Process{PID: pid, Command: "p", NetNS: 1},
		Time:    time.Unix(1e9, 0).Add(at).UTC(),
	}
	if d == traceformat.Incoming {
		e.Local, e.Remote = e.Remote, e.Local
		e.Process.NetNS = 2
	}
	return e
}

// TestTotal folds the same connections singly and as totals: two clients and
// two workers behind one endpoint, which no half alone could tell apart, with
// endpoints used again and again, in any order.
func TestTotal(t *testing.T) {
	const seconds = time.Second
	var single, totals []traceformat.Event
	port := uint16(1000)
	for i, pair := range [][2]uint32{{10, 20}, {10, 21}, {11, 20}, {11, 21}} {
		client, server := pair[0], pair[1]
		n := uint64(3 + i)
		first := port
		for j := range n + 1 {
			at := time.Duration(100*i+int(j)) * seconds
			for _, e := range []traceformat.Event{
				end(traceformat.Open, traceformat.Outgoing, client, port, at),
				end(traceformat.Open, traceformat.Incoming, server, port, at+1),
				end(traceformat.Close, traceformat.Outgoing, client, port, at+seconds/2),
				end(traceformat.Close, traceformat.Incoming, server, port, at+seconds/2),
			} {
				if e.Kind == traceformat.Close {
					e.Duration = seconds / 2
					e.BytesSent, e.BytesReceived = 10, 100
					if e.Direction == traceformat.Incoming {
						e.BytesSent, e.BytesReceived = 100, 10
					}
				}
				single = append(single, e)
				if j == 0 { // the first one is told of by itself
					totals = append(totals, e)
				}
			}
			port++
		}
		// The total has the endpoints of a connection that is told of by itself:
		// it is another all the same.
		at := time.Duration(100*i+int(n)+1) * seconds
		c := end(traceformat.Close, traceformat.Outgoing, client, first, at)
		s := end(traceformat.Close, traceformat.Incoming, server, first, at)
		c.Count, c.BytesSent, c.BytesReceived = n, 10*n, 100*n
		s.Count, s.BytesSent, s.BytesReceived = n, 100*n, 10*n
		totals = append(totals, c, s)
	}
	fold := func(events []traceformat.Event) *Graph {
		g := New(nil)
		for _, e := range events {
			g.Add(e)
		}
		return g
	}
	want := edgesOf(fold(single))
	if len(want) != 4 {
		t.Fatalf("got %d edges, want 4", len(want))
	}
	for range 50 {
		g := fold(totals)
		if diff := cmp.Diff(want, edgesOf(g)); diff != "" {
			t.Fatalf("totals (-single +totals):\n%s", diff)
		}
		if s := g.Stats(); s.Connections != s.Paired || s.Open != 0 {
			t.Fatalf("got %+v, want all paired and none open", s)
		}
		rand.Shuffle(len(totals), func(i, j int) { totals[i], totals[j] = totals[j], totals[i] })
	}
}

// TestTotalOfAny has counts as a hostile trace may have them.
func TestTotalOfAny(t *testing.T) {
	g := New(nil)
	for _, n := range []uint64{1, 1<<32 - 1, 1 << 32, 5} {
		e := end(traceformat.Close, traceformat.Outgoing, 1, 1000, time.Duration(n))
		e.Count = n
		g.Add(e)
	}
	open := end(traceformat.Open, traceformat.Outgoing, 1, 1001, 0)
	open.Count = 7 // says nothing: an Open is one connection
	g.Add(open)
	for e := range g.AllEdges() {
		if want := uint64(1 + 1<<32 - 1 + 1<<32 + 5 + 1); e.Connections != want || e.Open != 1 {
			t.Errorf("got %d connections, %d open, want %d, 1", e.Connections, e.Open, want)
		}
	}
}

// TestManyConnections counts beyond 32 bits, at once or one by one.
func TestManyConnections(t *testing.T) {
	for _, count := range []uint64{1 << 32, 1<<64 - 10, 1<<32 - 2} {
		g := New(&Options{ForgetPaired: true})
		for _, d := range []traceformat.Direction{traceformat.Outgoing, traceformat.Incoming} {
			e := end(traceformat.Close, d, uint32(d), 1000, 1)
			e.Count = count
			g.Add(e)
		}
		if s := g.Stats(); s.Edges != 1 || s.Connections != count {
			t.Errorf("a total of %d: got %+v", count, s)
		}
		const bare = 5
		for i := range uint16(bare) {
			for _, d := range []traceformat.Direction{traceformat.Outgoing, traceformat.Incoming} {
				e := end(traceformat.Open, d, uint32(d), 2000+i, 0)
				e.Time, e.Process.NetNS = time.Time{}, 0
				g.Add(e)
			}
		}
		s := g.Stats()
		if s.Edges != 1 || s.Connections != count+bare || s.Open != bare {
			t.Errorf("a total of %d and %d bare connections: got %+v", count, bare, s)
		}
		for e := range g.AllEdges() {
			if e.Connections != count+bare || e.Open != bare {
				t.Errorf("a total of %d and %d bare connections: got an edge of %d, %d open", count, bare, e.Connections, e.Open)
			}
		}
		for e := range g.Failed() {
			t.Errorf("a total of %d: told as failed: %+v", count, e)
		}
	}
}

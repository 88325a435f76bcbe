package flowgraph_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
)

// decode makes events from bytes, seven for each: few processes, addresses,
// ports, namespaces and times, so that they meet often.
func decode(b []byte) []traceformat.Event {
	addrs := []netip.Addr{
		{},
		netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"),
		netip.MustParseAddr("::1"), netip.MustParseAddr("fe80::1%a"), netip.MustParseAddr("fe80::1%b"),
		netip.MustParseAddr("::ffff:10.0.0.1"),
	}
	var events []traceformat.Event
	for ; len(b) >= 7 && len(events) < 200; b = b[7:] {
		e := traceformat.Event{
			Kind: traceformat.Kind(b[0] & 3), Direction: traceformat.Direction(b[0] >> 2 & 3), Owner: traceformat.Owner(b[0] >> 4 & 3),
			Local:   netip.AddrPortFrom(addrs[b[1]&7], uint16(b[1]>>3&3)),
			Remote:  netip.AddrPortFrom(addrs[b[2]&7], uint16(b[2]>>3&3)),
			Process: traceformat.Process{PID: uint32(b[3] & 3), NetNS: uint32(b[3] >> 2 & 3)},
		}
		if b[3]&64 != 0 {
			e.Process.Command = hostile[int(b[4])%len(hostile)]
		}
		if b[3]&128 != 0 {
			e.Process.StartTime = epoch
		}
		if b[4]&128 != 0 {
			e.Process.Host = "h"
		}
		if b[5] != 0 {
			e.Time = epoch.Add(time.Duration(int8(b[5])) * time.Second)
		}
		e.Duration = time.Duration(int8(b[6])) * time.Second / 2
		e.BytesSent, e.BytesReceived = uint64(b[6]), uint64(b[5])
		events = append(events, e)
	}
	return events
}

// FuzzAdd puts any events into a graph: it neither panics nor loses or
// invents a connection, what it says is consistent, and the same when a goroutine
// puts the connections together.
func FuzzAdd(f *testing.F) {
	r := rand.NewChaCha8([32]byte{1})
	for range 20 {
		b := make([]byte, 7*40)
		_, _ = r.Read(b)
		f.Add(b, uint8(b[0]))
	}
	f.Fuzz(func(t *testing.T, b []byte, how uint8) {
		opts := &flowgraph.Options{Reorder: int(how&3) - 1, ForgetPaired: how&4 != 0}
		g, parallel := flowgraph.New(opts), flowgraph.New(opts)
		parallel.Parallel()
		events := decode(b)
		valid := 0
		for i, e := range events {
			g.Add(e)
			parallel.Add(e)
			if e.Kind <= traceformat.Close && e.Local.IsValid() && e.Remote.IsValid() {
				valid++
			}
			if int(how>>3) == i {
				g.Stats()
				parallel.Stats()
			}
		}
		if diff := cmp.Diff(fullText(g), fullText(parallel)); diff != "" {
			t.Errorf("in parallel (-without +with):\n%s", diff)
		}
		s := g.Stats()
		var conns, open, failed uint64
		edges := 0
		for e := range g.AllEdges() {
			edges++
			conns, open, failed = conns+e.Connections, open+e.Open, failed+e.Failed
			if e.Connections == 0 || e.Open > e.Connections || e.Last.Before(e.First) {
				t.Errorf("inconsistent edge: %s", edgeText(e))
			}
			if g.Node(e.Client.ID()) != e.Client || g.Node(e.Server.ID()) != e.Server || !g.HasEdgeFromTo(e.Client.ID(), e.Server.ID()) {
				t.Errorf("edge is not found: %s", edgeText(e))
			}
			e.Attributes()
		}
		for e := range g.Failed() {
			failed += e.Failed
		}
		if conns != s.Connections || open != s.Open || failed != s.Failed || uint64(edges) != s.Edges || s.Paired+s.OneSided != conns {
			t.Errorf("edges have %d connections, %d open, %d failed; stats say %+v", conns, open, failed, s)
		}
		if int(conns) > valid || valid > 0 && conns == 0 {
			t.Errorf("got %d connections of %d events", conns, valid)
		}
		for n := range g.AllNodes() {
			n.Attributes()
		}
		v := g.View(&flowgraph.ViewOptions{Group: flowgraph.ByHost})
		var grouped uint64
		for e := range v.AllEdges() {
			grouped += e.Connections
		}
		if grouped != conns {
			t.Errorf("grouped: got %d connections, want %d", grouped, conns)
		}
	})
}

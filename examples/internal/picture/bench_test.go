package picture

import (
	"io"
	"math/rand/v2"
	"net/netip"
	"testing"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
)

// BenchmarkWriteDOT writes a graph of 2,000 processes and some 100,000 edges
// with all that is drawn of each. Beside the time it gives that of an edge.
func BenchmarkWriteDOT(b *testing.B) {
	p := (&Options{By: "process"}).Picture(manyEdges(2000, 110_000))
	edges := p.View.Edges().Len()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := p.writeDOT(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*edges), "ns/edge")
}

// manyEdges is a graph of connections between processes, both halves of each.
func manyEdges(processes, connections int) *flowgraph.Graph {
	r := rand.New(rand.NewPCG(1, 2))
	names := []string{"nginx", "postgres", "redis-server", "worker", "java", "envoy"}
	ports := []uint16{80, 5432, 6379, 443, 8080, 9092, 10000}
	process := func(n int) traceformat.Process {
		return traceformat.Process{PID: uint32(1000 + n), Command: names[n%len(names)]}
	}
	addr := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}) }
	g := flowgraph.New(nil)
	for n := range connections {
		client, server := r.IntN(processes), r.IntN(processes)
		e := traceformat.Event{
			Direction: traceformat.Outgoing,
			Process:   process(client),
			Local:     netip.AddrPortFrom(addr(client), uint16(20000+n%40000)),
			Remote:    netip.AddrPortFrom(addr(server), ports[server%len(ports)]),
		}
		g.Add(e)
		e.Direction, e.Process, e.Local, e.Remote = traceformat.Incoming, process(server), e.Remote, e.Local
		g.Add(e)
	}
	return g
}

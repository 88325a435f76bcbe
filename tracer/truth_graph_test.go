//go:build linux

package tracer_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer"
)

// pidEdge is an edge of the process graph, from client to server. The process 0
// is one that is not known.
type pidEdge struct{ client, server uint32 }

// replay writes what was reported as text, reads it back into a graph, and
// wants the graph that follows from the truth: for each pair of processes the
// number of their connections, and of their failures for each client.
func replay(t *testing.T, happened, reported []tracer.Event) {
	t.Helper()
	g := flowgraph.New(nil)
	for _, e := range reported {
		line := e.AppendTo(nil, traceformat.Format{Extended: true})
		parsed, err := traceformat.Parse(string(line))
		if err != nil {
			t.Fatal(err)
		}
		g.Add(parsed)
	}
	edges, failed := make(map[pidEdge]uint64), make(map[uint32]uint64)
	for e := range g.AllEdges() {
		edges[pidEdge{e.Client.Process().PID, e.Server.Process().PID}] += e.Connections
		failed[e.Client.Process().PID] += e.Failed
	}
	for e := range g.Failed() {
		failed[e.Client.Process().PID] += e.Failed
	}
	wantEdges, wantFailed := trueGraph(happened)
	for pid, n := range failed {
		if n == 0 {
			delete(failed, pid)
		}
	}
	if diff := cmp.Diff(wantEdges, edges); diff != "" {
		t.Errorf("connections between processes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantFailed, failed); diff != "" {
		t.Errorf("failed connects by process (-want +got):\n%s", diff)
	}
}

// trueGraph is the process graph of a case. It knows that within a case the
// same endpoints are used by one connection after the other, and by several at
// once only if each has a network namespace to itself.
func trueGraph(happened []traceformat.Event) (edges map[pidEdge]uint64, failed map[uint32]uint64) {
	type ends struct {
		netns         uint32 // of loopback addresses
		local, remote netip.AddrPort
		direction     traceformat.Direction
	}
	at := func(e *traceformat.Event) ends {
		k := ends{local: e.Local, remote: e.Remote, direction: e.Direction}
		if e.Local.Addr().IsLoopback() {
			k.netns = e.Process.NetNS
		}
		// The zone of a link-local address is each side's own.
		k.local = netip.AddrPortFrom(k.local.Addr().WithZone(""), k.local.Port())
		k.remote = netip.AddrPortFrom(k.remote.Addr().WithZone(""), k.remote.Port())
		return k
	}
	opened := make(map[ends][]uint32) // owners, the last ones that are known
	closed := make(map[ends]int)
	edges, failed = make(map[pidEdge]uint64), make(map[uint32]uint64)
	for i := range happened {
		switch e := &happened[i]; e.Kind {
		case traceformat.Open:
			opened[at(e)] = append(opened[at(e)], e.Process.PID)
		case traceformat.Close:
			k := at(e)
			opened[k][closed[k]] = e.Process.PID
			closed[k]++
		case traceformat.Fail:
			failed[e.Process.PID]++
		}
	}
	twin := func(k ends, direction traceformat.Direction, i int) (pid uint32, ok bool) {
		k.local, k.remote, k.direction = k.remote, k.local, direction
		if len(opened[k]) <= i {
			return 0, false
		}
		return opened[k][i], true
	}
	for k, pids := range opened {
		for i, pid := range pids {
			if k.direction == traceformat.Incoming {
				if _, ok := twin(k, traceformat.Outgoing, i); !ok {
					edges[pidEdge{0, pid}]++
				}
				continue
			}
			server, ok := twin(k, traceformat.Incoming, i)
			if !ok {
				// Opened from both sides: the lower port is the server's.
				if server, ok = twin(k, traceformat.Outgoing, i); ok && k.local.Port() < k.remote.Port() {
					continue
				}
			}
			edges[pidEdge{pid, server}]++
		}
	}
	return edges, failed
}

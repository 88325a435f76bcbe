package picture

import (
	"encoding/json"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
)

// refusals returns the graph of a process that connects, of two in one container
// that try in vain, of a third that does both, and of an attempt of nobody known.
func refusals() *flowgraph.Graph {
	s := newScene(1)
	addr := netip.MustParseAddr("10.0.0.1")
	fail := func(p traceformat.Process, server string) {
		s.port++
		s.events = append(s.events, traceformat.Event{
			Kind: traceformat.Fail, Direction: traceformat.Outgoing, Errno: 111, Process: p,
			Local: netip.AddrPortFrom(addr, s.port), Remote: netip.MustParseAddrPort(server),
		})
	}
	web := s.spawn("", "web", netip.MustParseAddr("10.0.0.2"), 1)[0]
	s.connect(s.spawn("", "wget", addr, 1)[0], web, 80, 1)
	both := s.spawn("", "both", addr, 1)[0]
	s.connect(both, web, 80, 1)
	fail(both.process, "192.0.2.1:80")
	for _, m := range s.spawn("", "curl", addr, 2) {
		m.process.Container = "box"
		fail(m.process, "192.0.2.1:80")
	}
	fail(traceformat.Process{}, "192.0.2.1:80")
	return graphOf(s.events)
}

// TestJSONFailed checks that who tried in vain is among the nodes.
func TestJSONFailed(t *testing.T) {
	const outside = "10.0.0.1"
	for _, tt := range []struct {
		options Options
		nodes   []string
		failed  []string // by whom
	}{
		{Options{}, []string{outside, "both", "curl", "curl", "web", "wget"}, []string{outside, "both", "curl", "curl"}},
		{Options{By: "command"}, []string{outside, "both", "curl ×2", "web", "wget"}, []string{outside, "both", "curl ×2"}},
		{Options{By: "container"}, []string{outside, "both", "box ×2", "web", "wget"}, []string{outside, "both", "box ×2"}},
		{Options{Hide: []string{"curl"}}, []string{outside, "both", "web", "wget"}, []string{outside, "both"}},
		{Options{Hide: []string{"web"}}, []string{outside, "both", "curl", "curl"}, []string{outside, "both", "curl", "curl"}},
		{Options{NoExternal: true}, []string{"both", "web", "wget"}, nil},
	} {
		tt.options.Format = "json"
		var got jsonGraph
		if err := json.Unmarshal(written(t, tt.options, refusals()), &got); err != nil {
			t.Fatal(err)
		}
		names := make(map[string]string)
		var nodes, failed []string
		for _, n := range got.Nodes {
			if names[n.ID] != "" {
				t.Errorf("%+v: two nodes have the id %s", tt.options, n.ID)
			}
			names[n.ID] = n.Name
			nodes = append(nodes, n.Name)
		}
		for _, e := range got.Edges {
			if names[e.Client] == "" || names[e.Server] == "" {
				t.Errorf("%+v: an edge from %q to %q", tt.options, names[e.Client], names[e.Server])
			}
		}
		for _, e := range got.Failed {
			failed = append(failed, names[e.Client])
		}
		slices.Sort(nodes)
		slices.Sort(failed)
		if diff := cmp.Diff(tt.nodes, nodes); diff != "" {
			t.Errorf("%+v: nodes (-want +got):\n%s", tt.options, diff)
		}
		if diff := cmp.Diff(tt.failed, failed); diff != "" {
			t.Errorf("%+v: who failed (-want +got):\n%s", tt.options, diff)
		}
	}
	// What does not tell of them does not have those who did nothing else.
	for _, format := range []string{"dot", "gexf"} {
		if n := (&Options{Format: format}).Picture(refusals()).View.Nodes().Len(); n != 3 {
			t.Errorf("-T %s has %d nodes, want 3", format, n)
		}
	}
}

package flowgraph_test

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/testgraph"
	"gonum.org/v1/gonum/graph/topo"
)

// testProcess is the process that stands for a node of a testgraph case.
func testProcess(id int64) traceformat.Process {
	return proc(uint32(1000+id), "p")
}

// addConnection adds both halves of a connection between two processes.
func addConnection(g *flowgraph.Graph, from, to traceformat.Process, port uint16) {
	a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(from.PID >> 8), byte(from.PID)}), port)
	b := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(to.PID >> 8), byte(to.PID)}), 80)
	g.Add(traceformat.Event{Direction: traceformat.Outgoing, Process: from, Local: a, Remote: b})
	g.Add(traceformat.Event{Direction: traceformat.Incoming, Process: to, Local: b, Remote: a})
}

// builder returns a testgraph.Builder over events. Weights are numbers of
// connections, of which there are one to three.
func builder(view bool) testgraph.Builder {
	return func(nodes []graph.Node, edges []testgraph.WeightedLine, _, _ float64) (graph.Graph, []graph.Node, []testgraph.Edge, float64, float64, bool) {
		g := flowgraph.New(nil)
		ids := make(map[int64]bool)
		for _, n := range nodes {
			ids[n.ID()] = true
			g.Add(failed(outgoing(testProcess(n.ID()), "10.9.9.9:0", "10.9.9.8:1")))
		}
		lines := make(map[[2]int64]bool)
		port := uint16(20000)
		for _, e := range edges {
			from, to := e.From().ID(), e.To().ID()
			ids[from], ids[to], lines[[2]int64{from, to}] = true, true, true
			for range 1 + (from+to+300)%3 {
				port++
				addConnection(g, testProcess(from), testProcess(to), port)
			}
		}
		type weightedDirected interface {
			graph.Graph
			WeightedEdge(uid, vid int64) graph.WeightedEdge
		}
		var r weightedDirected = g
		if view {
			r = g.View(nil)
		}
		var wantNodes []graph.Node
		for id := range ids {
			wantNodes = append(wantNodes, r.Node(g.Find(testProcess(id)).ID()))
		}
		var wantEdges []testgraph.Edge
		for l := range lines {
			from, to := g.Find(testProcess(l[0])).ID(), g.Find(testProcess(l[1])).ID()
			wantEdges = append(wantEdges, r.WeightedEdge(from, to))
		}
		return r, wantNodes, wantEdges, 0, math.Inf(1), true
	}
}

func TestGonum(t *testing.T) {
	for _, test := range []struct {
		name string
		view bool
	}{{"Graph", false}, {"View", true}} {
		b := builder(test.view)
		t.Run(test.name, func(t *testing.T) {
			t.Run("EdgeExistence", func(t *testing.T) { testgraph.EdgeExistence(t, b, true) })
			t.Run("NodeExistence", func(t *testing.T) { testgraph.NodeExistence(t, b) })
			t.Run("ReturnAdjacentNodes", func(t *testing.T) { testgraph.ReturnAdjacentNodes(t, b, true, true) })
			t.Run("ReturnAllNodes", func(t *testing.T) { testgraph.ReturnAllNodes(t, b, true) })
			t.Run("ReturnNodeSlice", func(t *testing.T) { testgraph.ReturnNodeSlice(t, b, true) })
			t.Run("ReturnAllEdges", func(t *testing.T) { testgraph.ReturnAllEdges(t, b, true) })
			t.Run("ReturnEdgeSlice", func(t *testing.T) { testgraph.ReturnEdgeSlice(t, b, true) })
			t.Run("ReturnAllWeightedEdges", func(t *testing.T) { testgraph.ReturnAllWeightedEdges(t, b, true) })
			t.Run("ReturnWeightedEdgeSlice", func(t *testing.T) { testgraph.ReturnWeightedEdgeSlice(t, b, true) })
			t.Run("Weight", func(t *testing.T) { testgraph.Weight(t, b) })
		})
	}
}

// TestAdjacency compares the gonum methods with a table of what was added,
// self edges included.
func TestAdjacency(t *testing.T) {
	const n = 12
	r := rand.New(rand.NewPCG(3, 4))
	g := flowgraph.New(nil)
	var want [n][n]int
	for i := range 60 {
		from, to := r.IntN(n), r.IntN(n)
		want[from][to]++
		addConnection(g, testProcess(int64(from)), testProcess(int64(to)), uint16(1000+i))
	}
	id := func(i int) int64 { return g.Find(testProcess(int64(i))).ID() }
	var got [n][n]int
	for from := range n {
		for to := range n {
			if e := g.WeightedEdge(id(from), id(to)); e != nil {
				got[from][to] = int(e.Weight())
			}
			if has := g.HasEdgeFromTo(id(from), id(to)); has != (want[from][to] > 0) {
				t.Errorf("HasEdgeFromTo(%d, %d): got %v", from, to, has)
			}
			w, ok := g.Weight(id(from), id(to))
			if wantOK := from == to || want[from][to] > 0; ok != wantOK {
				t.Errorf("Weight(%d, %d): got %v, %v", from, to, w, ok)
			}
		}
		in, out, wantIn, wantOut := 0, 0, 0, 0
		for e := range g.In(id(from)) {
			in += int(e.Connections)
		}
		for e := range g.Out(id(from)) {
			out += int(e.Connections)
		}
		for j := range n {
			wantIn, wantOut = wantIn+want[j][from], wantOut+want[from][j]
		}
		if in != wantIn || out != wantOut {
			t.Errorf("node %d: got %d in and %d out, want %d and %d", from, in, out, wantIn, wantOut)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("weights (-want +got):\n%s", diff)
	}
	topo.TarjanSCC(g) // self edges do not make it fail
	topo.TarjanSCC(g.View(&flowgraph.ViewOptions{HideSelf: true}))
}

func TestAbsent(t *testing.T) {
	empty := flowgraph.New(nil)
	g := build(nil, outgoing(proc(1, "a"), "10.0.0.1:1000", "10.0.0.2:80"))
	for _, g := range []*flowgraph.Graph{empty, g} {
		if g.Node(7) != nil || g.Edge(7, 8) != nil || g.WeightedEdge(7, 8) != nil ||
			g.HasEdgeBetween(7, 8) || g.HasEdgeFromTo(7, 8) {
			t.Error("there is something at ids that are not in the graph")
		}
		if g.From(7) != graph.Empty || g.To(7) != graph.Empty {
			t.Error("From or To of an absent node: got something else than graph.Empty")
		}
		for range g.In(7) {
			t.Error("In of an absent node: got an edge")
		}
		for range g.Out(7) {
			t.Error("Out of an absent node: got an edge")
		}
	}
	for _, p := range []traceformat.Process{{}, proc(2, "a"), {PID: 1, Command: "a", Host: "h"}} {
		if n := g.Find(p); n != nil {
			t.Errorf("Find(%v): got %v, want nil", p, n)
		}
	}
	it := g.Nodes()
	if it.Node() != nil {
		t.Error("Node before Next: got a node")
	}
	for it.Next() {
	}
	if it.Node() != nil || it.Next() || it.Len() != 0 {
		t.Error("iterator goes on behind its end")
	}
}

package flowgraph_test

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"sync"
	"testing"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
)

// halves returns both halves of connection i of a few processes to one another.
func halves(i int) (client, server traceformat.Event) {
	c, s := uint32(i%7), uint32(i%5)
	from, to := fmt.Sprintf("10.0.0.%d:%d", 10+c, 1000+i%30000), fmt.Sprintf("10.0.1.%d:%d", s, 80+i%3)
	return outgoing(proc(100+c, "client"), from, to), incoming(proc(200+s, "server"), to, from)
}

// graphOfHalves is the graph of the first n connections of halves.
func graphOfHalves(n int) *flowgraph.Graph {
	g := flowgraph.New(nil)
	for i := range n {
		c, s := halves(i)
		g.Add(c)
		g.Add(s)
	}
	return g
}

// TestViewStaysWhileTheGraphGrows reads a view on one goroutine while another
// changes the edges that it shows.
func TestViewStaysWhileTheGraphGrows(t *testing.T) {
	for _, forget := range []bool{true, false} {
		g := flowgraph.New(&flowgraph.Options{ForgetPaired: forget})
		add := func(from, to int) {
			for i := from; i < to; i++ {
				c, s := halves(i)
				if i%4 == 3 { // also what the edges did not have until then
					c, s = timed(c, float64(i)), timed(s, float64(i))
					c.Kind, s.Kind = traceformat.Close, traceformat.Close
				}
				g.Add(c)
				g.Add(s)
			}
		}
		add(0, 3)
		views := []*flowgraph.View{g.View(nil), g.View(nil).View(nil), g.View(&flowgraph.ViewOptions{Group: flowgraph.ByCommand})}
		var before [][]string
		for _, v := range views {
			before = append(before, viewTexts(v))
		}
		var readers sync.WaitGroup
		for i, v := range views {
			readers.Go(func() {
				for range 50 {
					if diff := cmp.Diff(before[i], viewTexts(v)); diff != "" {
						t.Errorf("forget=%v: view %d changed (-before +after):\n%s", forget, i, diff)
						return
					}
				}
			})
		}
		add(3, 2000)
		g.Stats()
		readers.Wait()
	}
}

// TestAddWhileReading adds events between the edges of an iteration.
func TestAddWhileReading(t *testing.T) {
	for _, parallel := range []bool{false, true} {
		g := flowgraph.New(&flowgraph.Options{ForgetPaired: true})
		if parallel {
			g.Parallel()
		}
		testAddWhileReading(t, g)
	}
}

func testAddWhileReading(t *testing.T, g *flowgraph.Graph) {
	t.Helper()
	n := 0
	add := func(times int) {
		for range times {
			c, s := halves(n)
			if n++; n > 100 {
				c, s = timed(c, float64(n)), timed(s, float64(n))
				c.Kind, s.Kind = traceformat.Close, traceformat.Close
			}
			g.Add(c)
			g.Add(s)
		}
	}
	add(100)
	want, got := len(slices.Collect(g.AllEdges())), 0
	for range g.AllEdges() {
		got++
		add(40)
		g.Stats()
	}
	if got != want {
		t.Errorf("edges: got %d, want the %d that there were at the beginning", got, want)
	}
	if s := g.Stats(); s.Connections != uint64(n) {
		t.Errorf("connections: got %d, want %d", s.Connections, n)
	}
}

func TestOrderedEdges(t *testing.T) {
	g := graphOfHalves(300)
	type lister interface {
		AllEdges() iter.Seq[flowgraph.Edge]
		OrderedEdges() iter.Seq[graph.Edge]
	}
	for _, v := range []lister{g, g.View(nil)} {
		var got []flowgraph.Edge
		for e := range v.OrderedEdges() {
			got = append(got, e.(flowgraph.Edge))
		}
		want := slices.Collect(v.AllEdges())
		if !slices.Equal(got, want) || len(got) != g.Edges().Len() {
			t.Errorf("got %d edges %v, want %d edges %v", len(got), got, len(want), want)
		}
		for _, n := range []int{1, 32, 33} {
			seen := 0
			for range v.OrderedEdges() {
				if seen++; seen == n {
					break
				}
			}
			if seen != n {
				t.Errorf("break after %d edges: got %d", n, seen)
			}
		}
	}
}

func TestListEdges(t *testing.T) {
	g := graphOfHalves(300)
	type lister interface {
		AllEdges() iter.Seq[flowgraph.Edge]
		ListEdges() iter.Seq2[[2]int64, []encoding.Attribute]
	}
	for _, v := range []lister{g, g.View(nil), g.View(&flowgraph.ViewOptions{Group: flowgraph.ByCommand})} {
		var want []flowgraph.Edge
		for e := range v.AllEdges() {
			want = append(want, e)
			var label, tooltip string
			for _, a := range e.Attributes() {
				switch a.Key {
				case "label":
					label = a.Value
				case "tooltip":
					tooltip = a.Value
				}
			}
			if got := string(e.AppendLabel([]byte("x"))); got != "x"+label {
				t.Errorf("AppendLabel: got %q, want x and %q", got, label)
			}
			if got := string(e.AppendTooltip([]byte("x"))); got != "x"+tooltip {
				t.Errorf("AppendTooltip: got %q, want x and %q", got, tooltip)
			}
		}
		n := 0
		for ends, attrs := range v.ListEdges() {
			e := want[n]
			if n++; ends != [2]int64{e.Client.ID(), e.Server.ID()} || !slices.Equal(attrs, e.Attributes()) {
				t.Errorf("edge %d: got %v with %q, want the edge from %v to %v with %q", n, ends, attrs, e.Client, e.Server, e.Attributes())
			}
		}
		if n != len(want) || n == 0 {
			t.Errorf("got %d edges, want %d", n, len(want))
		}
		for range v.ListEdges() {
			break
		}
	}
}

// TestEdgeChunks compares chunks of edges with all of them, which several
// goroutines read at the same time.
func TestEdgeChunks(t *testing.T) {
	g := graphOfHalves(300)
	for _, v := range []*flowgraph.View{g.View(nil), g.View(&flowgraph.ViewOptions{Group: flowgraph.ByCommand}), flowgraph.New(nil).View(nil)} {
		all := slices.Collect(v.AllEdges())
		var texts []string
		for ends, attrs := range v.ListEdges() {
			texts = append(texts, fmt.Sprint(ends, attrs))
		}
		for _, n := range []int{0, 1, 7, 32, 100, 1000, math.MaxInt} {
			chunks, lists := v.EdgeChunks(n), v.ListEdgeChunks(n)
			size := min(max(n, 1), 1000)
			if want := (len(all) + size - 1) / size; len(chunks) != want || len(lists) != want {
				t.Fatalf("%d edges in chunks of %d: got %d and %d, want %d", len(all), n, len(chunks), len(lists), want)
			}
			var reading sync.WaitGroup
			for i := range chunks {
				lo, hi := i*size, min((i+1)*size, len(all))
				reading.Go(func() {
					if got := slices.Collect(chunks[i]); !slices.Equal(got, all[lo:hi]) {
						t.Errorf("chunk %d of %d edges: got %v, want %v", i, n, got, all[lo:hi])
					}
				})
				reading.Go(func() {
					var got []string
					for ends, attrs := range lists[i] {
						got = append(got, fmt.Sprint(ends, attrs))
					}
					if !slices.Equal(got, texts[lo:hi]) {
						t.Errorf("listed chunk %d of %d edges: got %q, want %q", i, n, got, texts[lo:hi])
					}
				})
			}
			reading.Wait()
		}
	}
}

// TestSameLowPIDs has processes that are alike in the low bits of their PIDs, and
// others that share a PID.
func TestSameLowPIDs(t *testing.T) {
	var events []traceformat.Event
	for round := range 3 {
		for i := range 8 {
			for _, name := range []string{"a", "b"} {
				p := proc(uint32(7+i<<20), name)
				events = append(events, outgoing(p, fmt.Sprintf("10.0.0.1:%d", 1000+round*100+2*i+len(events)%2), "10.0.0.2:80"))
			}
		}
	}
	g := build(nil, events...)
	if s := g.Stats(); s.Processes != 16 || s.Connections != 48 {
		t.Errorf("got %+v, want 16 processes and 48 connections", s)
	}
	for e := range g.AllEdges() {
		if e.Connections != 3 {
			t.Errorf("edge from %v: got %d connections, want 3", e.Client, e.Connections)
		}
	}
}

// TestAddDoesNotAllocate adds connections between processes that are known.
func TestAddDoesNotAllocate(t *testing.T) {
	var events []traceformat.Event
	for i := range 256 {
		c, s := halves(i)
		events = append(events, c, s)
	}
	g := flowgraph.New(&flowgraph.Options{ForgetPaired: true})
	add := func() {
		for _, e := range events {
			g.Add(e)
		}
	}
	add()
	if n := testing.AllocsPerRun(20, add); n != 0 {
		t.Errorf("%d events of known processes: got %v allocations, want 0", len(events), n)
	}
}

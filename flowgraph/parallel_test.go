package flowgraph_test

import (
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
)

// anyEvents returns about n events of all kinds, from a few processes and
// endpoints, so that they meet often.
func anyEvents(seed byte, n int) []traceformat.Event {
	r := rand.NewChaCha8([32]byte{seed})
	b := make([]byte, 7*200)
	var events []traceformat.Event
	for len(events) < n {
		_, _ = r.Read(b)
		events = append(events, decode(b)...)
	}
	return events
}

// TestParallel compares graphs whose connections a goroutine puts together, from
// the beginning or from some event on, with graphs of the same events without it.
func TestParallel(t *testing.T) {
	var paired []traceformat.Event
	for i := range 5_000 {
		c, s := halves(i)
		paired = append(paired, c, s)
	}
	traces := map[string][]traceformat.Event{"pairs": paired, "few": anyEvents(1, 10), "some": anyEvents(2, 1024), "many": anyEvents(3, 10_000)}
	for name, events := range traces {
		for _, opts := range []flowgraph.Options{{}, {ForgetPaired: true}, {Reorder: 3}, {Reorder: -1}} {
			for _, from := range []int{0, 5, 4000} {
				for _, every := range []int{0, 1300} { // how often the graphs are read meanwhile
					a, b := flowgraph.New(&opts), flowgraph.New(&opts)
					for i, e := range events {
						if i == from {
							b.Parallel()
						}
						a.Add(e)
						b.Add(e)
						if every > 0 && i%every == every-1 {
							if x, y := a.Stats(), b.Stats(); x != y {
								t.Fatalf("%s, %+v, in parallel from %d on, after %d: got %+v, want %+v", name, opts, from, i, y, x)
							}
						}
					}
					if x, y := fullText(a), fullText(b); x != y {
						t.Fatalf("%s, %+v, in parallel from %d on, read every %d (-without +with):\n%s", name, opts, from, every,
							cmp.Diff(strings.Split(x, "\n"), strings.Split(y, "\n")))
					}
				}
			}
		}
	}
}

// TestParallelLeavesNothing drops a graph in the midst of its work.
func TestParallelLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		g := flowgraph.New(nil)
		g.Parallel()
		g.Parallel() // once more changes nothing
		for i := range 2000 {
			c, s := halves(i)
			g.Add(c)
			g.Add(s)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("goroutines: got %d, want the %d that there were before", runtime.NumGoroutine(), before)
		}
	}
}

// TestParallelWhileReading goes on with iterators that were made before, in
// parallel or not, while a goroutine adds to the edges that they yield.
func TestParallelWhileReading(t *testing.T) {
	g := flowgraph.New(&flowgraph.Options{ForgetPaired: true})
	n := 0
	add := func(times int) {
		for range times {
			c, s := halves(n)
			n++
			g.Add(c)
			g.Add(s)
		}
	}
	add(2000)
	before := g.AllEdges()
	want := len(slices.Collect(before))
	g.Parallel()
	add(2000)
	for name, all := range map[string]iter.Seq[flowgraph.Edge]{"before": before, "after": g.AllEdges()} {
		got := 0
		for e := range all {
			if got++; e.Connections == 0 || e.Ports.Len() == 0 {
				t.Errorf("an iterator of %s Parallel: an edge without a connection or a port: %s", name, edgeText(e))
			}
			add(100)
		}
		if got != want {
			t.Errorf("an iterator of %s Parallel: got %d edges, want %d", name, got, want)
		}
	}
	if s := g.Stats(); s.Connections != uint64(n) {
		t.Errorf("connections: got %d, want %d", s.Connections, n)
	}
}

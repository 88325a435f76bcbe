package workload_test

import (
	"testing"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/internal/bench/workload"
	"example.com/tcpgraph/traceformat"
)

// TestTrace checks that a trace is what its options say.
func TestTrace(t *testing.T) {
	for _, test := range []struct {
		name             string
		o                workload.Options
		paired, oneSided [2]uint64 // from, to
	}{
		{"both halves", workload.Options{Events: 100_000}, [2]uint64{50_000, 50_000}, [2]uint64{}},
		{"spread", workload.Options{Events: 100_000, Spread: 64}, [2]uint64{49_900, 50_100}, [2]uint64{}},
		{"shuffled", workload.Options{Events: 100_000, Shuffle: true}, [2]uint64{50_000, 50_000}, [2]uint64{}},
		{"one-sided", workload.Options{Events: 100_000, OneSided: 0.25}, [2]uint64{42_000, 44_000}, [2]uint64{13_000, 15_500}},
		{"full", workload.Options{Events: 100_000, Full: true, Spread: 64}, [2]uint64{24_900, 25_100}, [2]uint64{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := flowgraph.New(&flowgraph.Options{Reorder: -1})
			trace := workload.New(test.o)
			var e traceformat.Event
			for i := range trace.Len() {
				trace.Event(i, &e)
				g.Add(e)
			}
			s := g.Stats()
			if s.Paired < test.paired[0] || s.Paired > test.paired[1] || s.OneSided < test.oneSided[0] || s.OneSided > test.oneSided[1] {
				t.Errorf("got %+v, want paired in %v, one-sided in %v", s, test.paired, test.oneSided)
			}
			if test.o.Full && s.Open != 0 || s.Invalid+s.Duplicates+s.Externals != 0 {
				t.Errorf("got %+v, want no connection open, and no invalid or duplicate event or external node", s)
			}
		})
	}
}

package flowgraph_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
	"github.com/google/go-cmp/cmp"
)

// TestTraces shuffles the traces of the repository: the graph stays the same.
func TestTraces(t *testing.T) {
	files, err := filepath.Glob("../traceformat/testdata/*.trace")
	if err != nil || len(files) == 0 {
		t.Fatalf("no traces found: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var events []traceformat.Event
			for e, err := range traceformat.NewReader(f).All() {
				if err == nil {
					events = append(events, e)
				}
			}
			if len(events) == 0 {
				t.Fatal("no events")
			}
			opts := &flowgraph.Options{Reorder: -1, ForgetPaired: true}
			want := withoutStats(fullText(build(opts, events...)))
			r := rand.New(rand.NewPCG(5, 6))
			for range 50 {
				r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
				if diff := cmp.Diff(want, withoutStats(fullText(build(opts, events...)))); diff != "" {
					t.Fatalf("shuffled (-want +got):\n%s", diff)
				}
			}
		})
	}
}

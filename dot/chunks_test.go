package dot_test

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"

	"example.com/tcpgraph/dot"
)

// chunked returns what lists the edges of g, n at a time, and a count of those
// that were listed.
func chunked(g directed, n int) (chunks []dot.EdgeSeq, count *atomic.Int64) {
	chunks, count = []dot.EdgeSeq{}, new(atomic.Int64)
	for lo := 0; lo < len(g.edges); lo += n {
		some := g.edges[lo:min(lo+n, len(g.edges))]
		chunks = append(chunks, func(yield func([2]int64, []encoding.Attribute) bool) {
			for ends, attrs := range (listed{directed{&list{edges: some}}}).ListEdges() {
				count.Add(1)
				if !yield(ends, attrs) {
					return
				}
			}
		})
	}
	return chunks, count
}

// onProcessors runs f with as many processors.
func onProcessors(n int, f func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	f()
}

// TestEncodeChunks compares edges that come in chunks with a list of them.
func TestEncodeChunks(t *testing.T) {
	g := directed{newList(40)}
	for i := range g.nodes {
		g.nodes[i].(*node).name = fmt.Sprint("node ", i)
	}
	for i := range 5000 {
		e := &edge{from: g.nodes[i/125], to: g.nodes[i%40]}
		e.attrs = append(e.attrs, encoding.Attribute{Key: []string{"label", "tooltip"}[i/1000%2], Value: fmt.Sprintf(`"%d\`, i/1000)})
		g.edges = append(g.edges, e)
	}
	want := encode(t, listed{g}, nil)
	for _, processors := range []int{1, 2, 5} {
		onProcessors(processors, func() {
			for _, n := range []int{1, 8, 200, 500, 1000} {
				chunks, count := chunked(g, n)
				if n == 1000 {
					chunks = append(chunks, chunks[0]) // and one that is empty
					chunks[5] = func(func([2]int64, []encoding.Attribute) bool) {}
				}
				if diff := cmp.Diff(want, encode(t, g, &dot.Options{EdgeChunks: chunks})); diff != "" {
					t.Fatalf("on %d processors in chunks of %d (-list +chunks):\n%s", processors, n, diff)
				}
				if count.Load() != int64(len(g.edges)) {
					t.Errorf("on %d processors in chunks of %d: %d edges were listed, want %d", processors, n, count.Load(), len(g.edges))
				}
			}
		})
	}
	none := directed{&list{nodes: g.nodes}}
	if diff := cmp.Diff(encode(t, none, nil), encode(t, g, &dot.Options{EdgeChunks: []dot.EdgeSeq{}})); diff != "" {
		t.Errorf("no chunk (-without edges +with):\n%s", diff)
	}
}

// TestEncodeChunkErrors wants the first error, and nothing at work after it.
func TestEncodeChunkErrors(t *testing.T) {
	g := directed{newList(3)}
	for i := range 100_000 {
		g.edges = append(g.edges, &edge{from: g.nodes[i%3], to: g.nodes[i%2]})
	}
	for _, processors := range []int{1, 4} {
		onProcessors(processors, func() {
			full := errors.New("disk full")
			chunks, count := chunked(g, 1000)
			if err := dot.Encode(&limited{50_000, full}, g, &dot.Options{EdgeChunks: chunks}); !errors.Is(err, full) {
				t.Errorf("on %d processors, writer that fails: got error %v, want %v", processors, err, full)
			}
			n := count.Load()
			if n == int64(len(g.edges)) {
				t.Errorf("on %d processors, writer that fails: all edges were listed", processors)
			}
			runtime.Gosched()
			if m := count.Load(); m != n {
				t.Errorf("on %d processors, writer that fails: %d edges were listed after Encode returned", processors, m-n)
			}
			if err := dot.Encode(&limited{50_000, nil}, g, &dot.Options{EdgeChunks: chunks}); !errors.Is(err, io.ErrShortWrite) {
				t.Errorf("on %d processors, writer that stops: got error %v, want %v", processors, err, io.ErrShortWrite)
			}
			chunks[60] = nil
			const want = "dot: EdgeChunks has a nil chunk"
			if err := dot.Encode(io.Discard, g, &dot.Options{EdgeChunks: chunks}); err == nil || err.Error() != want {
				t.Errorf("on %d processors, nil chunk: got error %v, want %s", processors, err, want)
			}
		})
	}
	none := []iter.Seq2[[2]int64, []encoding.Attribute]{}
	for _, opts := range []*dot.Options{
		{EdgeChunks: none, EdgeAttributes: func(_ graph.Edge, attrs []dot.Attribute) []dot.Attribute { return attrs }},
		{EdgeChunks: none, LineAttributes: func(_ graph.Line, attrs []dot.Attribute) []dot.Attribute { return attrs }},
	} {
		const want = "dot: EdgeAttributes and LineAttributes are not called for EdgeChunks: put the attributes into the chunks"
		if err := dot.Encode(io.Discard, g, opts); err == nil || err.Error() != want {
			t.Errorf("EdgeAttributes or LineAttributes beside EdgeChunks: got error %v, want %s", err, want)
		}
	}
	// Chunks that do not end are left when nobody wants them any more.
	endless := func(yield func([2]int64, []encoding.Attribute) bool) {
		for yield([2]int64{0, 1}, nil) {
		}
	}
	onProcessors(4, func() {
		some, _ := chunked(g, 1000)
		chunks := []dot.EdgeSeq{some[0], endless, endless, endless}
		full := errors.New("disk full")
		if err := dot.Encode(&limited{100, full}, g, &dot.Options{EdgeChunks: chunks}); !errors.Is(err, full) {
			t.Errorf("endless chunks, writer that fails: got error %v, want %v", err, full)
		}
	})
}

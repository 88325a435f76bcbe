package flowgraph_test

import (
	"math/rand/v2"
	"testing"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
)

func on(host string, e traceformat.Event) traceformat.Event {
	e.Process.Host = host
	return e
}

// TestLoneHalves has halves that wait for their twins in all the ways that they
// can stop to be the only ones with their endpoints.
func TestLoneHalves(t *testing.T) {
	const client, server = "10.0.0.1:40000", "10.0.0.2:80"
	a, b := proc(1, "a"), proc(2, "b")
	open, twin := outgoing(a, client, server), incoming(b, server, client)
	late := timed(closed(open), 9)
	zoned := outgoing(a, "[fe80::1%eth0]:40000", "[fe80::2%eth0]:80")
	zonedTwin := incoming(b, "[fe80::2%eth1]:80", "[fe80::1%eth1]:40000")
	for _, test := range []struct {
		name             string
		events           []traceformat.Event
		paired, oneSided uint64
		remembered       [2]uint64 // with ForgetPaired or without
	}{
		{"one", []traceformat.Event{open}, 0, 1, [2]uint64{1, 1}},
		{"both", []traceformat.Event{open, twin}, 1, 0, [2]uint64{0, 2}},
		{"both, the server first", []traceformat.Event{twin, open}, 1, 0, [2]uint64{0, 2}},
		{"again", []traceformat.Event{open, twin, twin, open}, 2, 0, [2]uint64{0, 4}},
		{"twice one", []traceformat.Event{open, open}, 0, 2, [2]uint64{2, 2}},
		{"a close", []traceformat.Event{open, late}, 0, 1, [2]uint64{1, 1}},
		{"a twin that is not bare", []traceformat.Event{open, timed(twin, 3)}, 1, 0, [2]uint64{2, 2}},
		{"one that is not bare, and a twin", []traceformat.Event{timed(open, 3), twin}, 1, 0, [2]uint64{2, 2}},
		{"zones", []traceformat.Event{zoned, zonedTwin}, 1, 0, [2]uint64{0, 2}},
		{"other hosts", []traceformat.Event{on("h1", open), on("h2", twin)}, 1, 0, [2]uint64{0, 2}},
	} {
		for i, forget := range []bool{true, false} {
			g := build(&flowgraph.Options{ForgetPaired: forget}, test.events...)
			if s := g.Stats(); s.Paired != test.paired || s.OneSided != test.oneSided || s.Remembered != test.remembered[i] {
				t.Errorf("%s, forget=%v: got %+v, want %d paired, %d one-sided, %d remembered", test.name, forget, s, test.paired, test.oneSided, test.remembered[i])
			}
		}
	}
}

// TestManyLoneHalves adds and takes away halves at random, for the table of them
// to grow and to close its gaps.
func TestManyLoneHalves(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	g := flowgraph.New(&flowgraph.Options{ForgetPaired: true})
	waiting := make(map[int]bool)
	pairs := uint64(0)
	for range 30_000 {
		i := r.IntN(3000)
		c, s := halves(i)
		if waiting[i] {
			g.Add(s)
			delete(waiting, i)
			pairs++
		} else {
			g.Add(c)
			waiting[i] = true
		}
	}
	if s := g.Stats(); s.Paired != pairs || s.Remembered != uint64(len(waiting)) || s.OneSided != s.Remembered {
		t.Errorf("got %+v, want %d paired and %d one-sided", s, pairs, len(waiting))
	}
}

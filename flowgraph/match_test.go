package flowgraph_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
)

// TestSameAddresses has connections between the same two endpoints, as the
// private networks of several hosts have them, in all orders.
func TestSameAddresses(t *testing.T) {
	const client, server = "172.17.0.3:40000", "172.17.0.2:5432"
	const hour = 3600
	app := func(host string, netns uint32, seconds float64) traceformat.Event {
		return on(host, timed(outgoing(in(proc(netns, "app"), netns), client, server), seconds))
	}
	db := func(host string, netns uint32, seconds float64) traceformat.Event {
		return on(host, timed(incoming(in(proc(netns, "db"), netns), server, client), seconds))
	}
	untimed := func(e traceformat.Event) traceformat.Event {
		e.Time = time.Time{}
		return e
	}
	tests := []struct {
		name      string
		events    []traceformat.Event
		want      []string
		ambiguous uint64
	}{
		{
			"two hosts, no times",
			[]traceformat.Event{untimed(app("alpha", 1, 0)), untimed(db("alpha", 2, 0)), untimed(app("beta", 3, 0)), untimed(db("beta", 4, 0))},
			[]string{"app[1] -> db[2] :5432 x1 open=1", "app[3] -> db[4] :5432 x1 open=1"},
			0,
		},
		{
			"two hosts, the same namespace numbers",
			[]traceformat.Event{untimed(app("alpha", 1, 0)), untimed(db("alpha", 2, 0)), untimed(app("beta", 1, 0)), untimed(db("beta", 2, 0))},
			[]string{"app[1] -> db[2] :5432 x1 open=1", "app[1] -> db[2] :5432 x1 open=1"},
			0,
		},
		{
			"a third host has one half",
			[]traceformat.Event{app("alpha", 1, 0), db("alpha", 2, 0), db("beta", 4, 0)},
			[]string{"172.17.0.3 -> db[4] :5432 x1 open=1 0s..0s", "app[1] -> db[2] :5432 x1 open=1 0s..0s"},
			0,
		},
		{
			"one host, and two others between them",
			[]traceformat.Event{app("alpha", 1, 0), db("alpha", 2, 0), app("beta", 3, 0), db("gamma", 4, 0)},
			[]string{"app[1] -> db[2] :5432 x1 open=1 0s..0s", "app[3] -> db[4] :5432 x1 open=1 0s..0s"},
			0,
		},
		{
			"three hosts with a half each",
			[]traceformat.Event{app("alpha", 1, 0), db("beta", 2, 0), db("gamma", 3, 0)},
			[]string{
				"172.17.0.3 -> db[2] :5432 x1 open=1 0s..0s", "172.17.0.3 -> db[3] :5432 x1 open=1 0s..0s",
				"app[1] -> 172.17.0.2:5432 :5432 x1 open=1 0s..0s",
			},
			3,
		},
		{
			"namespaces of one host, used at different times",
			[]traceformat.Event{app("alpha", 1, 0), db("alpha", 2, 1), app("alpha", 3, 5*hour), db("alpha", 4, 5*hour+1)},
			[]string{"app[1] -> db[2] :5432 x1 open=1 0s..1s", "app[3] -> db[4] :5432 x1 open=1 5h0m0s..5h0m1s"},
			0,
		},
		{
			"four hosts, used at different times",
			[]traceformat.Event{app("alpha", 1, 0), db("beta", 2, 1), app("gamma", 3, 5*hour), db("delta", 4, 5*hour+1)},
			[]string{"app[1] -> db[2] :5432 x1 open=1 0s..1s", "app[3] -> db[4] :5432 x1 open=1 5h0m0s..5h0m1s"},
			0,
		},
		{
			"namespaces of one host, used at one time",
			[]traceformat.Event{app("alpha", 1, 0), db("alpha", 2, 0), app("alpha", 3, 1), db("alpha", 4, 1)},
			[]string{
				"172.17.0.3 -> db[2] :5432 x1 open=1 0s..0s", "172.17.0.3 -> db[4] :5432 x1 open=1 1s..1s",
				"app[1] -> 172.17.0.2:5432 :5432 x1 open=1 0s..0s", "app[3] -> 172.17.0.2:5432 :5432 x1 open=1 1s..1s",
			},
			4,
		},
		{
			"one namespace comes before one time",
			[]traceformat.Event{app("alpha", 1, 0), db("alpha", 1, 5*hour), db("alpha", 2, 0)},
			[]string{"172.17.0.3 -> db[2] :5432 x1 open=1 0s..0s", "app[1] -> db[1] :5432 x1 open=1 0s..5h0m0s"},
			0,
		},
		{
			"a snapshot may have found what opened long before",
			[]traceformat.Event{app("alpha", 1, 0), db("alpha", 2, 0), owned(db("alpha", 3, hour), traceformat.OwnerSnapshot)},
			[]string{
				"172.17.0.3 -> db[2] :5432 x1 open=1 0s..0s", "172.17.0.3 -> db[3] :5432 x1 open=1 1h0m0s..1h0m0s",
				"app[1] -> 172.17.0.2:5432 :5432 x1 open=1 0s..0s",
			},
			3,
		},
		{
			"a snapshot has not found what opens long after",
			[]traceformat.Event{app("alpha", 1, hour), db("alpha", 2, hour), owned(db("alpha", 3, 0), traceformat.OwnerSnapshot)},
			[]string{"172.17.0.3 -> db[3] :5432 x1 open=1 0s..0s", "app[1] -> db[2] :5432 x1 open=1 1h0m0s..1h0m0s"},
			0,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for events := range orders(test.events) {
				for _, reorder := range []int{0, -1} {
					g := build(&flowgraph.Options{Reorder: reorder}, events...)
					if diff := cmp.Diff(test.want, edgeTexts(g)); diff != "" {
						t.Fatalf("edges in order %v (-want +got):\n%s", events, diff)
					}
					if s := g.Stats(); s.Ambiguous != test.ambiguous {
						t.Fatalf("in order %v: got %d ambiguous, want %d", events, s.Ambiguous, test.ambiguous)
					}
				}
			}
		})
	}
}

// TestListenersDoNotLinger has connections one after the other whose accepts are
// told as the listener's, so that they are remembered after their end, between
// the same endpoints in other namespaces each time.
func TestListenersDoNotLinger(t *testing.T) {
	const client, server = "172.17.0.3:40000", "172.17.0.2:5432"
	const n = 6
	var events []traceformat.Event
	var want []string
	for i := range uint32(n) {
		c, s := in(proc(10+i, "app"), 10+i), in(proc(20+i, "db"), 20+i)
		from := 200 * float64(i)
		for _, e := range []traceformat.Event{outgoing(c, client, server), incoming(s, server, client)} {
			open := e
			if e.Direction == traceformat.Incoming {
				open = owned(incoming(in(proc(1, "listener"), 20+i), server, client), traceformat.OwnerListener)
			}
			events = append(events, timed(open, from), during(timed(closed(e), from+1), 1))
		}
		want = append(want, fmt.Sprintf("%s -> %s :5432 x1 open=0 %v..%v", name(c), name(s), at(from).Sub(epoch), at(from+1).Sub(epoch)))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, edgeTexts(build(nil, events...))); diff != "" {
		t.Errorf("in order (-want +got):\n%s", diff)
	}
	for seed := range uint64(50) {
		rand.New(rand.NewPCG(seed, 8)).Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		if diff := cmp.Diff(want, edgeTexts(build(&flowgraph.Options{Reorder: -1}, events...))); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
}

// TestReuseOnHosts uses the same two endpoints again and again on several hosts
// at once: in one namespace, or between two, of each.
func TestReuseOnHosts(t *testing.T) {
	const client, server = "172.17.0.3:40000", "172.17.0.2:5432"
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 9))
		var events []traceformat.Event
		var want []string
		for host := range uint32(4) {
			start := r.Float64()
			for i := range uint32(1 + seed%9) {
				c, s := in(proc(1000+100*host+i, "c"), 1), in(proc(2000+100*host+i, "s"), 1+host%2)
				from, lag := start+3*float64(i), 0.2*r.Float64()
				h := fmt.Sprintf("h%d", host)
				events = append(events,
					on(h, timed(outgoing(c, client, server), from)), on(h, timed(incoming(s, server, client), from+lag)),
					on(h, during(timed(closed(outgoing(c, client, server)), from+1), 1)),
					on(h, during(timed(closed(incoming(s, server, client)), from+1), 1)))
				want = append(want, fmt.Sprintf("%s -> %s :5432 x1 open=0 %v..%v", name(c), name(s), at(from).Sub(epoch), at(from+1).Sub(epoch)))
			}
		}
		slices.Sort(want)
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		if diff := cmp.Diff(want, edgeTexts(build(&flowgraph.Options{Reorder: -1}, events...))); diff != "" {
			t.Fatalf("seed %d, shuffled (-want +got):\n%s", seed, diff)
		}
		slices.SortStableFunc(events, func(a, b traceformat.Event) int { return a.Time.Compare(b.Time) })
		g := build(nil, events...)
		if diff := cmp.Diff(want, edgeTexts(g)); diff != "" {
			t.Fatalf("seed %d, by time (-want +got):\n%s", seed, diff)
		}
		if s := g.Stats(); s.Remembered != 0 || s.Forgotten != 0 {
			t.Fatalf("seed %d: got %+v, want nothing remembered or forgotten", seed, s)
		}
	}
}

// TestOneSideFirst has all that a client's host reports of many connections with
// the same endpoints before all that the server's does.
func TestOneSideFirst(t *testing.T) {
	const client, server = "10.0.0.1:40000", "10.0.0.2:80"
	for _, test := range []struct {
		n, conns, forgotten uint64
	}{
		{8, 8, 0},
		{300, 300, 0},
		{512, 512, 0},
	} {
		g := flowgraph.New(&flowgraph.Options{Reorder: -1})
		for _, open := range []traceformat.Event{on("a", outgoing(proc(1, "c"), client, server)), on("b", incoming(proc(2, "s"), server, client))} {
			for i := range test.n {
				from := float64(i) * 60
				g.Add(timed(open, from))
				g.Add(during(timed(closed(open), from+1), 1))
			}
		}
		if s := g.Stats(); s.Connections != test.conns || s.Paired != test.conns || s.Forgotten != test.forgotten {
			t.Errorf("%d connections: got %+v, want %d, all paired, and %d forgotten", test.n, s, test.conns, test.forgotten)
		}
	}
}

// TestAllRivals has more connections with the same endpoints than are remembered
// even where all are.
func TestAllRivals(t *testing.T) {
	const n = 5000
	for _, paired := range []bool{false, true} {
		g := flowgraph.New(&flowgraph.Options{Reorder: -1})
		for i := range n {
			c := outgoing(proc(1, "c"), "10.0.0.1:40000", "10.0.0.2:80")
			s := incoming(proc(2, "s"), "10.0.0.2:80", "10.0.0.1:40000")
			from := float64(i)
			g.Add(timed(c, from))
			g.Add(during(timed(closed(c), from+0.5), 0.5))
			if paired {
				g.Add(timed(s, from))
				g.Add(during(timed(closed(s), from+0.5), 0.5))
			}
		}
		s := g.Stats()
		if s.Connections != n || s.Open != 0 || s.Edges != 1 || s.Remembered > 1024 {
			t.Errorf("paired=%v: got %+v, want %d connections, none open, one edge, at most 1024 remembered", paired, s, n)
		}
		if want := n - s.Remembered; paired && (s.Paired != n || s.Forgotten != 0) || !paired && s.Forgotten != want {
			t.Errorf("paired=%v: got %+v, want what is no longer remembered to be counted if it has no mate", paired, s)
		}
	}
}

// TestForgotten remembers too few ended connections for two files one after the
// other.
func TestForgotten(t *testing.T) {
	g := flowgraph.New(&flowgraph.Options{Reorder: 10})
	for _, twin := range []bool{false, true} {
		for i := range 100 {
			c, s := halves(i)
			if e := during(timed(closed(c), float64(i)+1), 1); !twin {
				e.Count = uint64(i % 2 * 5) // a total is as many
				g.Add(e)
			} else {
				g.Add(during(timed(closed(s), float64(i)+1), 1))
			}
		}
	}
	if s := g.Stats(); s.Forgotten != 50*1+50*5+90 {
		t.Errorf("got %d forgotten, want %d: %+v", s.Forgotten, 50*1+50*5+90, s)
	}
}

// TestAnyPlaces has halves with the same endpoints at random places and times, at
// most one for each end in a namespace: whatever their order, the graph is one.
func TestAnyPlaces(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 10))
		var events []traceformat.Event
		for place := range uint32(12) {
			e := outgoing(in(proc(place, "c"), 1+place/2), "172.17.0.3:40000", "172.17.0.2:5432")
			if place%2 == 1 {
				e = incoming(in(proc(place, "s"), 1+place/2), "172.17.0.2:5432", "172.17.0.3:40000")
			}
			if r.IntN(4) > 0 {
				e = timed(e, r.Float64()*float64(60+seed*10))
			}
			if r.IntN(3) == 0 {
				e.Owner = traceformat.OwnerSnapshot
			}
			if r.IntN(5) < 3 && len(events) < 8 {
				events = append(events, on(string(rune('a'+place/2%3)), e))
			}
		}
		first := fullText(build(nil, events...))
		for order := range 20 {
			r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
			if diff := cmp.Diff(first, fullText(build(&flowgraph.Options{Reorder: -order % 2}, events...))); diff != "" {
				t.Fatalf("seed %d, order %v (-first +this):\n%s", seed, events, diff)
			}
		}
	}
}

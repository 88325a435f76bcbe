package flowgraph

import (
	"cmp"
	"slices"
)

// folds are the edges of a view of a view: each is one of the n edges of the old
// one, or from that number on, a sum of several. The rest of the old view is not
// kept, which would be as large.
type folds struct {
	old  edgeSource
	n    uint32
	refs []uint32
	sums []Edge
}

func (s *folds) edge(e uint32, x *Edge) {
	r := s.refs[e]
	if r >= s.n {
		*x = s.sums[r-s.n]
		return
	}
	s.old.edge(r, x)
}

// touch has the old view touch what is no sum.
func (s *folds) touch(numbers []uint32) uint32 {
	n := 0
	for _, e := range numbers {
		if r := s.refs[e]; r < s.n {
			numbers[n] = r
			n++
		}
	}
	return s.old.touch(numbers[:n])
}

// own makes the edge that ref stands for a sum, to which something can be added.
func (s *folds) own(ref *uint32) *Edge {
	if *ref < s.n {
		var x Edge
		s.old.edge(*ref, &x)
		*ref = s.n + uint32(len(s.sums))
		s.sums = append(s.sums, x)
	}
	return &s.sums[*ref-s.n]
}

// bundle makes the edges of w from those of the old view v that are shown.
func (b *viewing) bundle(w, v *View) *folds {
	s := &folds{old: v.edges, n: uint32(len(v.to))}
	w.start = make([]uint32, 1, len(w.nodes)+1)
	if len(b.groups) == 0 {
		w.to, s.refs = make([]uint32, 0, len(v.to)), make([]uint32, 0, len(v.to))
	}
	r := row{folds: s, at: make([]uint32, len(w.nodes))}
	places := b.places()
	for _, n := range w.nodes {
		r.edges = r.edges[:0]
		for len(places) > 0 && b.of[places[0]] == n {
			b.collect(&r, v, places[0])
			places = places[1:]
		}
		slices.SortFunc(r.edges, func(x, y bundled) int { return cmp.Compare(x.to, y.to) })
		for _, e := range r.edges {
			w.to, s.refs = append(w.to, e.to), append(s.refs, e.ref)
			w.nodes[e.to].in++
			n.out++
		}
		w.start = append(w.start, uint32(len(w.to)))
	}
	w.edges = s
	return s
}

// places returns the places of the old view that are shown, by the place of what
// shows them.
func (b *viewing) places() []uint32 {
	places := make([]uint32, 0, len(b.of))
	for i, n := range b.of {
		if n != nil {
			places = append(places, uint32(i))
		}
	}
	slices.SortStableFunc(places, func(x, y uint32) int { return cmp.Compare(b.of[x].number, b.of[y].number) })
	return places
}

// row is the edges from one node, in no order.
type row struct {
	folds *folds
	edges []bundled
	at    []uint32 // by server: where its edge is, if it is in this row
}

// bundled is an edge in the making: its server, and its reference in folds.
type bundled struct{ to, ref uint32 }

// collect adds the edges from a place of the old view to a row.
func (b *viewing) collect(r *row, v *View, place uint32) {
	from := b.of[place]
	for e := v.start[place]; e < v.start[place+1]; e++ {
		to := b.of[v.to[e]]
		if to == nil || b.opts.HideSelf && from == to {
			continue
		}
		if b.opts.KeepEdge != nil && !b.opts.KeepEdge(v.edge(place, e)) {
			continue
		}
		t := to.number
		if i := r.at[t]; int(i) < len(r.edges) && r.edges[i].to == t {
			var x Edge
			v.edges.edge(e, &x)
			r.folds.own(&r.edges[i].ref).merge(&x)
			continue
		}
		r.at[t] = uint32(len(r.edges))
		r.edges = append(r.edges, bundled{t, e})
	}
}

// hideIsolated takes the nodes without an edge out of the view.
func (v *View) hideIsolated() {
	was := make([]uint32, len(v.nodes)) // the new place by the old
	all, start := v.nodes[:0], v.start[:1]
	for i, n := range v.nodes {
		was[i] = uint32(len(all))
		n.number = unlisted
		if n.in+n.out > 0 {
			n.number = was[i]
			all, start = append(all, n), append(start, v.start[i+1])
		}
	}
	clear(v.nodes[len(all):])
	v.nodes, v.start = all, start
	for i, t := range v.to {
		v.to[i] = was[t]
	}
}

// failed returns the edges of failed attempts alone that are shown.
func (b *viewing) failed(v *View) []Edge {
	var list []Edge
	for e := range v.failed {
		if b.opts.KeepEdge != nil && !b.opts.KeepEdge(e) {
			continue
		}
		e.Client, e.Server = b.others[e.Client], b.others[e.Server]
		if e.Client == nil || e.Server == nil || b.opts.HideSelf && e.Client == e.Server {
			continue
		}
		list = append(list, e)
	}
	slices.SortStableFunc(list, func(x, y Edge) int {
		return cmp.Or(compareNodes(x.Client, y.Client), compareNodes(x.Server, y.Server))
	})
	out := list[:0]
	for _, e := range list {
		if n := len(out); n > 0 && out[n-1].Client == e.Client && out[n-1].Server == e.Server {
			out[n-1].merge(&e)
		} else {
			out = append(out, e)
		}
	}
	return out
}

// addFailed adds failed attempts between nodes that grouping has connected to
// their edges. The rest is a list of its own.
func (w *View) addFailed(failed []Edge, s *folds) {
	rest := failed[:0]
	for _, e := range failed {
		if f, t := e.Client.number, e.Server.number; f != unlisted && t != unlisted {
			lo := w.start[f]
			if i, ok := slices.BinarySearch(w.to[lo:w.start[f+1]], t); ok {
				s.own(&s.refs[lo+uint32(i)]).merge(&e)
				continue
			}
		}
		rest = append(rest, e)
	}
	w.failed = slices.Values(rest)
}

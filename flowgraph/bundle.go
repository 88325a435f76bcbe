package flowgraph

import (
	"cmp"
	"slices"
)

// link is an edge of an old view in a new one: its ends are places in the new
// view, and ref is its number in the old one.
type link struct{ from, to, ref uint32 }

// links returns the edges that are shown, sorted by their ends.
func (b *viewing) links(v *View) []link {
	links := make([]link, 0, len(v.to))
	for i := range v.nodes {
		from := b.of[i]
		if from == nil {
			continue
		}
		for e := v.start[i]; e < v.start[i+1]; e++ {
			to := b.of[v.to[e]]
			if to == nil || b.opts.HideSelf && from == to {
				continue
			}
			if b.opts.KeepEdge != nil && !b.opts.KeepEdge(v.edge(uint32(i), e)) {
				continue
			}
			links = append(links, link{from.number, to.number, e})
		}
	}
	if len(b.groups) > 0 {
		c := counting[link]{items: links, starts: make([]uint32, len(b.all)+1)}
		c.sort(func(l link) uint32 { return l.to })
		c.sort(func(l link) uint32 { return l.from })
		links = c.items
	}
	return links
}

// counting sorts by small numbers, stably.
type counting[T any] struct {
	items, spare []T
	starts       []uint32 // one more than there are numbers
}

func (c *counting[T]) sort(number func(T) uint32) {
	if c.spare == nil {
		c.spare = make([]T, len(c.items))
	}
	clear(c.starts)
	for _, x := range c.items {
		c.starts[number(x)+1]++
	}
	for i := range c.starts[1:] {
		c.starts[i+1] += c.starts[i]
	}
	for _, x := range c.items {
		k := number(x)
		c.spare[c.starts[k]] = x
		c.starts[k]++
	}
	c.items, c.spare = c.spare, c.items
}

// hideIsolated takes the nodes without a link out of the list.
func (b *viewing) hideIsolated(links []link) {
	used := make([]bool, len(b.all))
	for _, l := range links {
		used[l.from], used[l.to] = true, true
	}
	all := b.all[:0]
	for i, n := range b.all {
		n.number = unlisted
		if used[i] {
			n.number = uint32(len(all))
			all = append(all, n)
		}
	}
	was := make([]uint32, len(used)) // the new number by the old
	n := uint32(0)
	for i, u := range used {
		if was[i] = n; u {
			n++
		}
	}
	for i := range links {
		l := &links[i]
		l.from, l.to = was[l.from], was[l.to]
	}
	clear(b.all[len(all):])
	b.all = all
}

// folds are the edges of a view of a view: each is an edge of the old one, or
// from the number of those on, a sum of several.
type folds struct {
	old  *View
	refs []uint32
	sums []Edge
}

func (s *folds) edge(e uint32, x *Edge) {
	r := s.refs[e]
	if n := uint32(len(s.old.to)); r >= n {
		*x = s.sums[r-n]
		return
	}
	s.old.edges.edge(r, x)
}

// touch has the old view touch what is no sum.
func (s *folds) touch(numbers []uint32) uint32 {
	n := 0
	for _, e := range numbers {
		if r := s.refs[e]; r < uint32(len(s.old.to)) {
			numbers[n] = r
			n++
		}
	}
	return s.old.edges.touch(numbers[:n])
}

// own makes edge e a sum, to which something can be added.
func (s *folds) own(e uint32) *Edge {
	n := uint32(len(s.old.to))
	if s.refs[e] < n {
		var x Edge
		s.old.edges.edge(s.refs[e], &x)
		s.refs[e] = n + uint32(len(s.sums))
		s.sums = append(s.sums, x)
	}
	return &s.sums[s.refs[e]-n]
}

// bundle makes the edges of w, each of the links with the same ends.
func (w *View) bundle(links []link, old *View) *folds {
	s := &folds{old: old, refs: make([]uint32, 0, len(links))}
	w.start = make([]uint32, 1, len(w.nodes)+1)
	w.to = make([]uint32, 0, len(links))
	for i, l := range links {
		if i > 0 && l.from == links[i-1].from && l.to == links[i-1].to {
			var x Edge
			old.edges.edge(l.ref, &x)
			s.own(uint32(len(s.refs)) - 1).merge(&x)
			continue
		}
		for len(w.start) <= int(l.from) {
			w.start = append(w.start, uint32(len(w.to)))
		}
		w.to, s.refs = append(w.to, l.to), append(s.refs, l.ref)
		w.nodes[l.from].out++
		w.nodes[l.to].in++
	}
	for len(w.start) <= len(w.nodes) {
		w.start = append(w.start, uint32(len(w.to)))
	}
	w.edges = s
	return s
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
				s.own(lo + uint32(i)).merge(&e)
				continue
			}
		}
		rest = append(rest, e)
	}
	w.failed = slices.Values(rest)
}

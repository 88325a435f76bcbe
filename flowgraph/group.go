package flowgraph

import (
	"cmp"
	"slices"
	"strconv"
)

// viewing is the work of making a view.
type viewing struct {
	opts   ViewOptions
	groups map[groupKey]*Node
	of     map[*Node]*Node // what shows a node of the old view; nothing if hidden
	seen   map[*Node]bool  // nodes of the new view, when they have edges
	all    []*Node
	edges  []Edge
	failed []Edge
}

type groupKey struct {
	external bool
	key      string
}

// View returns a view of the view: what it shows, grouped and filtered
// further. Members of groups can then be groups themselves.
func (v *View) View(opts *ViewOptions) *View {
	b := viewing{
		groups: make(map[groupKey]*Node),
		of:     make(map[*Node]*Node),
		seen:   make(map[*Node]bool),
	}
	if opts != nil {
		b.opts = *opts
	}
	for _, n := range v.nodes {
		b.show(n, true)
	}
	for e := range v.failed {
		b.show(e.Client, false)
		b.show(e.Server, false)
	}
	b.label()
	for e := range v.AllEdges() {
		b.edge(e, &b.edges)
	}
	for _, e := range b.edges {
		b.seen[e.Client], b.seen[e.Server] = true, true
	}
	for e := range v.failed {
		b.edge(e, &b.failed)
	}
	if b.opts.HideIsolated {
		b.all = slices.DeleteFunc(b.all, func(n *Node) bool { return !b.seen[n] })
	}
	return b.view(v.stats)
}

// show finds what shows node n. A node of failed attempts alone is not listed.
func (b *viewing) show(n *Node, listed bool) {
	if b.of[n] != nil || b.opts.KeepNode != nil && !b.opts.KeepNode(n) {
		return
	}
	c := n.frozen()
	b.of[n] = c
	if b.opts.Group != nil {
		if key := b.opts.Group(n); key != "" {
			k := groupKey{n.External(), key}
			group := b.groups[k]
			if group == nil {
				group = &Node{key: key, members: []*Node{c}}
				b.groups[k] = group
				if listed {
					b.all = append(b.all, group)
				}
			} else if listed {
				group.members = append(group.members, c)
			}
			b.of[n] = group
			return
		}
	}
	if listed {
		b.all = append(b.all, c)
	}
}

// label gives the groups their ids and labels. Groups come in the order of
// their keys, so that even ids that collide are always the same.
func (b *viewing) label() {
	taken := make(map[int64]bool, len(b.all))
	for _, n := range b.all {
		taken[n.id] = true
	}
	keys := make([]groupKey, 0, len(b.groups))
	for k := range b.groups {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y groupKey) int {
		if c := cmp.Compare(x.key, y.key); c != 0 || x.external == y.external {
			return c
		}
		if x.external {
			return 1
		}
		return -1
	})
	for _, k := range keys {
		n := b.groups[k]
		n.id = textID(2, strconv.FormatBool(k.external), k.key)
		for taken[n.id] {
			n.id++
		}
		taken[n.id] = true
		slices.SortFunc(n.members, compareNodes)
		n.label = k.key
		if b.opts.Label != nil {
			n.label = b.opts.Label(k.key, slices.Clone(n.members))
		} else if len(n.members) > 1 {
			n.label += " ×" + strconv.Itoa(len(n.members))
		}
	}
	slices.SortFunc(b.all, compareNodes)
}

// edge adds an edge of the old view to a list, if it is shown.
func (b *viewing) edge(e Edge, list *[]Edge) {
	if b.opts.KeepEdge != nil && !b.opts.KeepEdge(e) {
		return
	}
	e.Client, e.Server = b.of[e.Client], b.of[e.Server]
	if e.Client == nil || e.Server == nil || b.opts.HideSelf && e.Client == e.Server {
		return
	}
	*list = append(*list, e)
}

// fold sorts edges by their ends and adds up those with the same.
func fold(edges []Edge) []Edge {
	slices.SortStableFunc(edges, func(x, y Edge) int {
		return cmp.Or(compareNodes(x.Client, y.Client), compareNodes(x.Server, y.Server))
	})
	out := edges[:0]
	for _, e := range edges {
		if n := len(out); n > 0 && out[n-1].Client == e.Client && out[n-1].Server == e.Server {
			out[n-1].merge(&e)
		} else {
			out = append(out, e)
		}
	}
	return out
}

// view makes the view of the nodes and edges. Failed attempts between nodes
// that have become connected by grouping are added to their edge.
func (b *viewing) view(stats Stats) *View {
	edges := fold(b.edges)
	place := make(map[[2]*Node]int, len(edges))
	for i, e := range edges {
		place[[2]*Node{e.Client, e.Server}] = i
	}
	failed := b.failed[:0]
	for _, e := range fold(b.failed) {
		if i, ok := place[[2]*Node{e.Client, e.Server}]; ok {
			edges[i].merge(&e)
		} else {
			failed = append(failed, e)
		}
	}
	v := &View{nodes: b.all, start: make([]uint32, 1, len(b.all)+1), failed: slices.Values(failed), stats: stats}
	number := make(map[*Node]uint32, len(b.all))
	for i, n := range b.all {
		number[n] = uint32(i)
	}
	for _, e := range edges {
		f, t := number[e.Client], number[e.Server]
		for len(v.start) <= int(f) {
			v.start = append(v.start, uint32(len(v.to)))
		}
		v.to = append(v.to, t)
		e.Client.out++
		e.Server.in++
	}
	for len(v.start) <= len(b.all) {
		v.start = append(v.start, uint32(len(v.to)))
	}
	v.edgeAt = func(i uint32) Edge { return edges[i] }
	v.turn()
	return v
}

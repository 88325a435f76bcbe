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
	of     []*Node         // by place in the old view: what shows the node; nil if hidden
	others map[*Node]*Node // the same for nodes that have failed attempts alone
	all    []*Node
}

type groupKey struct {
	external bool
	key      string
}

// unlisted is the number of a node that is not in the view.
const unlisted = ^uint32(0)

// View returns a view of the view: what it shows, grouped and filtered
// further. Members of groups can then be groups themselves.
func (v *View) View(opts *ViewOptions) *View {
	b := viewing{
		groups: make(map[groupKey]*Node),
		of:     make([]*Node, len(v.nodes)),
		others: make(map[*Node]*Node),
	}
	if opts != nil {
		b.opts = *opts
	}
	for i, n := range v.nodes {
		b.of[i] = b.show(n, true)
	}
	for e := range v.failed {
		for _, n := range [...]*Node{e.Client, e.Server} {
			if _, known := b.others[n]; known {
				continue
			}
			if i, listed := v.find(n.id); listed {
				b.others[n] = b.of[i]
			} else {
				b.others[n] = b.show(n, false)
			}
		}
	}
	b.label()
	for i, n := range b.all {
		n.number = uint32(i)
	}
	w := &View{nodes: b.all, stats: v.stats}
	folded := b.bundle(w, v)
	if b.opts.HideIsolated {
		w.hideIsolated()
	}
	w.addFailed(b.failed(v), folded)
	w.turn()
	return w
}

// show returns what shows node n, nil if it is hidden. A node of failed attempts
// alone is not listed.
func (b *viewing) show(n *Node, listed bool) *Node {
	if b.opts.KeepNode != nil && !b.opts.KeepNode(n) {
		return nil
	}
	c := n.frozen()
	c.number = unlisted
	shown := c
	if b.opts.Group != nil {
		if key := b.opts.Group(n); key != "" {
			k := groupKey{n.External(), key}
			group := b.groups[k]
			if group != nil {
				if listed {
					group.members = append(group.members, c)
				}
				return group
			}
			shown = &Node{key: key, members: []*Node{c}, number: unlisted}
			b.groups[k] = shown
		}
	}
	if listed {
		b.all = append(b.all, shown)
	}
	return shown
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

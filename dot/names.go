package dot

import (
	"errors"
	"fmt"
	"strconv"

	"gonum.org/v1/gonum/graph"
)

// identifier is what gonum calls dot.Node and dot.Graph.
type identifier interface{ DOTID() string }

// names holds the names of nodes that have a DOTID, quoted. Any other node is
// named by its ID, and the zero value is for graphs that have only such.
type names struct {
	first  int64            // the ID of dense[0]
	dense  []string         // by ID, where IDs lie close together
	sparse map[int64]string // by ID, elsewhere
}

// newNames returns the names of nodes, which are sorted by ID. It refuses nodes
// that DOT would merge and those that stand for a subgraph.
func newNames(nodes []graph.Node) (names, error) {
	var all names
	var owner map[string]int64 // of each DOTID
	for _, n := range nodes {
		switch n.(type) {
		case interface{ Subgraph() graph.Graph }, interface{ Subgraph() graph.Multigraph }:
			return names{}, fmt.Errorf("dot: node %d stands for a subgraph: %w; use Options.Cluster", n.ID(), errors.ErrUnsupported)
		}
		d, ok := n.(identifier)
		if !ok {
			continue
		}
		name := d.DOTID()
		if name == "" {
			continue
		}
		if owner == nil {
			owner = make(map[string]int64, len(nodes))
			all.reserve(nodes)
		}
		if other, ok := owner[name]; ok {
			return names{}, fmt.Errorf("dot: nodes %d and %d are both named %q; give each its own DOTID", other, n.ID(), name)
		}
		owner[name] = n.ID()
		all.set(n.ID(), string(appendQuoted(nil, name, escaper{})))
	}
	if owner == nil {
		return all, nil
	}
	for _, n := range nodes {
		id := n.ID()
		if all.get(id) != "" {
			continue
		}
		decimal := strconv.FormatInt(id, 10)
		if other, ok := owner[decimal]; ok {
			return names{}, fmt.Errorf("dot: node %d is named %q, which is the name of node %d, which has no DOTID", other, decimal, id)
		}
	}
	return all, nil
}

// reserve makes room for the names of nodes, of which there is at least one.
func (a *names) reserve(nodes []graph.Node) {
	a.first = nodes[0].ID()
	span := uint64(nodes[len(nodes)-1].ID()) - uint64(a.first)
	if span < 4*uint64(len(nodes)) {
		a.dense = make([]string, span+1)
		return
	}
	a.sparse = make(map[int64]string, len(nodes))
}

func (a *names) set(id int64, name string) {
	if a.sparse != nil {
		a.sparse[id] = name
		return
	}
	a.dense[id-a.first] = name
}

// get returns the name of a node, empty if its ID is all there is.
func (a *names) get(id int64) string {
	if i := uint64(id) - uint64(a.first); i < uint64(len(a.dense)) {
		return a.dense[i]
	}
	return a.sparse[id]
}

// append appends what the node with the given ID is called.
func (a *names) append(dst []byte, id int64) []byte {
	if name := a.get(id); name != "" {
		return append(dst, name...)
	}
	return appendInt(dst, id)
}

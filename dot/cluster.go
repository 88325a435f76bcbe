package dot

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/graph"
)

// cluster is a cluster with what is in it. The root, which has no path, is the
// graph itself.
type cluster struct {
	path     []string
	children map[string]*cluster
	nodes    []graph.Node
}

// nodes writes the clusters with their nodes, then the nodes outside.
func (e *encoder) nodes(nodes []graph.Node) error {
	root := &cluster{nodes: nodes}
	if e.opts.Cluster != nil {
		root.nodes = nil
		for _, n := range nodes {
			c := root.at(e.opts.Cluster(n))
			c.nodes = append(c.nodes, n)
		}
	}
	return e.inside(root)
}

// at returns the cluster at path below c, made if need be.
func (c *cluster) at(path []string) *cluster {
	for i, name := range path {
		child := c.children[name]
		if child == nil {
			child = &cluster{path: path[: i+1 : i+1]}
			if c.children == nil {
				c.children = make(map[string]*cluster)
			}
			c.children[name] = child
		}
		c = child
	}
	return c
}

// inside writes what is in c.
func (e *encoder) inside(c *cluster) error {
	for _, name := range slices.Sorted(maps.Keys(c.children)) {
		if err := e.cluster(c.children[name]); err != nil {
			return err
		}
	}
	for _, n := range c.nodes {
		if err := e.node(n); err != nil {
			return err
		}
	}
	return nil
}

// cluster writes c as a subgraph.
func (e *encoder) cluster(c *cluster) error {
	e.indent()
	e.buf = append(e.buf, "subgraph cluster_"...)
	e.buf = strconv.AppendInt(e.buf, int64(e.nextID), 10)
	e.buf = append(e.buf, " {\n"...)
	e.nextID++
	e.depth++

	attrs := append(e.attrs[:0], Text("label", c.path[len(c.path)-1]))
	if e.opts.ClusterAttributes != nil {
		attrs = e.opts.ClusterAttributes(c.path, attrs)
	}
	e.attrs = attrs
	if len(attrs) > 0 {
		e.indent()
		e.buf = append(e.buf, "graph"...)
		if err := e.endStatement(attrs, false); err != nil {
			return fmt.Errorf("dot: cluster %q: %w", c.path, err)
		}
	}
	if err := e.inside(c); err != nil {
		return err
	}
	e.depth--
	e.indent()
	e.buf = append(e.buf, "}\n"...)
	return e.flushIfFull()
}

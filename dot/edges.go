package dot

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/graph"
)

// link is what graph.Edge and graph.Line have in common.
type link interface {
	From() graph.Node
	To() graph.Node
}

// porter is what gonum calls dot.Porter.
type porter interface {
	FromPort() (port, compass string)
	ToPort() (port, compass string)
}

// edges writes every edge, from the graph's own list if it has one.
func (e *encoder) edges(nodes []graph.Node) error {
	if c := e.opts.EdgeChunks; c != nil {
		return e.chunks(c)
	}
	if l, ok := e.g.(EdgeLister); ok && e.opts.EdgeAttributes == nil {
		return e.listed(l)
	}
	if o, ok := e.g.(EdgeOrderer); ok {
		return e.ordered(o)
	}
	multi, isMulti := e.g.(graph.Multigraph)
	for _, n := range nodes {
		uid := n.ID()
		for _, vid := range e.sortedFrom(uid) {
			if !e.directed && vid < uid {
				continue // written from its other end
			}
			var err error
			if isMulti {
				err = e.linesBetween(multi, uid, vid)
			} else {
				err = e.edge(uid, vid, e.g.Edge(uid, vid))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// ordered writes the edges that the graph lists.
func (e *encoder) ordered(o EdgeOrderer) error {
	seq := o.OrderedEdges()
	if seq == nil {
		return errors.New("dot: OrderedEdges returned nil")
	}
	for edge := range seq {
		if edge == nil {
			return errors.New("dot: OrderedEdges has a nil edge")
		}
		from, to := edge.From(), edge.To()
		if from == nil || to == nil {
			return errors.New("dot: OrderedEdges has an edge without an end")
		}
		if err := e.edge(from.ID(), to.ID(), edge); err != nil {
			return err
		}
	}
	return nil
}

// listed writes the edges that the graph lists with their attributes.
func (e *encoder) listed(l EdgeLister) error {
	seq := l.ListEdges()
	if seq == nil {
		return errors.New("dot: ListEdges returned nil")
	}
	return e.list(seq)
}

func (e *encoder) list(seq EdgeSeq) error {
	const often = 128 // edges until it is asked whether to stop
	n := 0
	for ends, own := range seq {
		if n++; n%often == 0 {
			select {
			case <-e.stop:
				return errStopped
			default:
			}
		}
		if err := e.link(ends[0], ends[1], nil, appendTexts(e.attrs[:0], own)); err != nil {
			return err
		}
	}
	return nil
}

// sortedFrom returns the IDs of the nodes that uid leads to, in order. The
// slice is used again by the next call.
func (e *encoder) sortedFrom(uid int64) []int64 {
	e.targets = e.targets[:0]
	if it := e.g.From(uid); it != nil {
		for it.Next() {
			e.targets = append(e.targets, it.Node().ID())
		}
	}
	slices.Sort(e.targets)
	return e.targets
}

// linesBetween writes the lines from uid to vid.
func (e *encoder) linesBetween(g graph.Multigraph, uid, vid int64) error {
	e.lines = e.lines[:0]
	if it := g.Lines(uid, vid); it != nil {
		for it.Next() {
			e.lines = append(e.lines, it.Line())
		}
	}
	slices.SortFunc(e.lines, func(a, b graph.Line) int { return cmp.Compare(a.ID(), b.ID()) })
	for _, l := range e.lines {
		attrs := appendText(e.attrs[:0], l)
		if e.opts.LineAttributes != nil {
			attrs = e.opts.LineAttributes(l, attrs)
		}
		if err := e.link(uid, vid, l, attrs); err != nil {
			return err
		}
	}
	return nil
}

// edge writes the edge between uid and vid, which is nil if the graph has no
// more to say of it.
func (e *encoder) edge(uid, vid int64, edge graph.Edge) error {
	if edge == nil {
		return e.link(uid, vid, nil, nil)
	}
	attrs := appendText(e.attrs[:0], edge)
	if e.opts.EdgeAttributes != nil {
		attrs = e.opts.EdgeAttributes(edge, attrs)
	}
	return e.link(uid, vid, edge, attrs)
}

// link writes one edge statement.
func (e *encoder) link(uid, vid int64, l link, attrs []Attribute) error {
	e.attrs = attrs
	if !e.directed && l != nil && reversed(uid, vid, l) {
		uid, vid = vid, uid // so that head and tail are what l means by them
	}
	if uid != e.tail || e.tailText == nil {
		e.newTail(uid)
	}
	b := append(e.buf, e.tailText...)
	var err error
	if p, ok := l.(porter); ok {
		b, err = e.appendPorts(b[:len(b)-len(e.arrow())], vid, p)
	} else {
		b = e.names.append(b, vid)
	}
	if len(attrs) > 0 && err == nil {
		b, err = e.keys.appendAttributes(b, attrs, false)
	}
	e.buf = append(b, ";\n"...)
	if err != nil {
		return fmt.Errorf("dot: edge from %d to %d: %w", uid, vid, err)
	}
	return e.flushIfFull()
}

func (e *encoder) arrow() string {
	if e.directed {
		return " -> "
	}
	return " -- "
}

// newTail makes the text with which statements of edges from a node begin.
func (e *encoder) newTail(uid int64) {
	b := e.names.append(e.appendIndent(e.tailText[:0]), uid)
	e.tail, e.tailText = uid, append(b, e.arrow()...)
}

// reversed reports whether l runs from vid to uid.
func reversed(uid, vid int64, l link) bool {
	from, to := l.From(), l.To()
	return from != nil && to != nil && uid != vid && from.ID() == vid && to.ID() == uid
}

// appendPorts appends what follows the name of the tail of an edge with ports.
func (e *encoder) appendPorts(b []byte, vid int64, p porter) ([]byte, error) {
	port, compass := p.FromPort()
	b, err := appendPort(b, port, compass)
	if err != nil {
		return b, err
	}
	b = e.names.append(append(b, e.arrow()...), vid)
	port, compass = p.ToPort()
	return appendPort(b, port, compass)
}

// appendPort appends what follows the name of an end that has a port. The
// compass is not quoted: some readers know it only so.
func appendPort(b []byte, port, compass string) ([]byte, error) {
	if port != "" {
		b = appendQuoted(append(b, ':'), port, escaper{})
	}
	switch compass {
	case "":
	case "n", "ne", "e", "se", "s", "sw", "w", "nw", "c", "_":
		b = append(append(b, ':'), compass...)
	default:
		return b, fmt.Errorf("compass point %q is not one of n, ne, e, se, s, sw, w, nw, c and _", compass)
	}
	return b, nil
}

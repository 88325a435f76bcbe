package dot

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
)

// flushSize is how much text is collected before it is written.
const flushSize = 32 << 10

// encoder is the state of one call of Encode.
type encoder struct {
	w    io.Writer
	g    graph.Graph
	opts *Options

	directed bool
	record   bool // the default shape of nodes is a record
	names    names
	keys     keys

	buf     []byte
	full    int             // how much text is collected before it is written
	stop    <-chan struct{} // closed when no more edges are wanted; nil if that cannot be
	attrs   []Attribute     // scratch space
	targets []int64         // scratch space
	lines   []graph.Line
	depth   int // of nested clusters, the graph itself being 1

	// How the last edge's statement began, and of which node that was: mostly
	// it is that of the next one.
	tail     int64
	tailText []byte

	nextID int // of the next cluster
}

func (e *encoder) encode() error {
	nodes := sortedNodes(e.g)
	var err error
	if e.names, err = newNames(nodes); err != nil {
		return err
	}
	if err := e.header(); err != nil {
		return err
	}
	if err := e.nodes(nodes); err != nil {
		return err
	}
	if err := e.edges(nodes); err != nil {
		return err
	}
	e.buf = append(e.buf, "}\n"...)
	return e.flush()
}

// sortedNodes returns the nodes in the order of their IDs.
func sortedNodes(g graph.Graph) []graph.Node {
	nodes := slices.Clone(graph.NodesOf(g.Nodes()))
	slices.SortFunc(nodes, func(a, b graph.Node) int {
		return cmp.Compare(a.ID(), b.ID())
	})
	return nodes
}

// header opens the graph and writes its attributes and defaults.
func (e *encoder) header() error {
	if e.directed {
		e.buf = append(e.buf, "digraph "...)
	} else {
		e.buf = append(e.buf, "graph "...)
	}
	name := e.opts.Name
	if d, ok := e.g.(identifier); ok && name == "" {
		name = d.DOTID()
	}
	if name != "" {
		e.buf = appendQuoted(e.buf, name, escaper{})
		e.buf = append(e.buf, ' ')
	}
	e.buf = append(e.buf, "{\n"...)
	e.depth = 1

	var graphOwn, nodeOwn, edgeOwn encoding.Attributer
	if a, ok := e.g.(interface {
		DOTAttributers() (graph, node, edge encoding.Attributer)
	}); ok {
		graphOwn, nodeOwn, edgeOwn = a.DOTAttributers()
	}
	if err := e.defaults("graph", graphOwn, e.opts.Graph); err != nil {
		return err
	}
	if err := e.defaults("node", nodeOwn, e.opts.Node); err != nil {
		return err
	}
	e.record = isRecord(e.attrs, false)
	return e.defaults("edge", edgeOwn, e.opts.Edge)
}

// defaults writes an attribute statement and leaves its attributes in attrs.
func (e *encoder) defaults(keyword string, own encoding.Attributer, more []Attribute) error {
	e.attrs = e.attrs[:0]
	if !isNil(own) {
		e.attrs = appendText(e.attrs, own)
	}
	e.attrs = append(e.attrs, more...)
	if len(e.attrs) == 0 {
		return nil
	}
	e.indent()
	e.buf = append(e.buf, keyword...)
	// Any node may be a record and take the default label. In other shapes
	// the escapes for one do no harm.
	if err := e.endStatement(e.attrs, keyword == "node"); err != nil {
		return fmt.Errorf("dot: defaults of %s: %w", keyword, err)
	}
	return e.flushIfFull()
}

// node writes one node's statement.
func (e *encoder) node(n graph.Node) error {
	e.indent()
	e.buf = e.names.append(e.buf, n.ID())
	attrs := appendText(e.attrs[:0], n)
	if e.opts.NodeAttributes != nil {
		attrs = e.opts.NodeAttributes(n, attrs)
	}
	e.attrs = attrs
	if err := e.endStatement(attrs, isRecord(attrs, e.record)); err != nil {
		return fmt.Errorf("dot: node %d: %w", n.ID(), err)
	}
	return e.flushIfFull()
}

// endStatement writes the attributes and the end of a statement.
func (e *encoder) endStatement(attrs []Attribute, record bool) error {
	var err error
	e.buf, err = e.keys.appendAttributes(e.buf, attrs, record)
	e.buf = append(e.buf, ";\n"...)
	return err
}

func (e *encoder) indent() { e.buf = e.appendIndent(e.buf) }

func (e *encoder) appendIndent(b []byte) []byte {
	for range e.depth {
		b = append(b, '\t')
	}
	return b
}

func (e *encoder) flushIfFull() error {
	if len(e.buf) < e.full {
		return nil
	}
	return e.flush()
}

func (e *encoder) flush() error {
	n, err := e.w.Write(e.buf)
	if err == nil && n != len(e.buf) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return fmt.Errorf("dot: write: %w", err)
	}
	e.buf = e.buf[:0]
	return nil
}

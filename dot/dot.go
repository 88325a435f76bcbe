package dot

import (
	"errors"
	"io"
	"iter"
	"reflect"

	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
)

// Options says what to write beside the graph's own names and attributes. The
// zero value adds nothing.
//
// The functions, those in EdgeChunks aside, are called once for each thing that
// they describe, in the order of the output, from the goroutine that called
// [Encode]. Those that take attrs are given the attributes so far and return the
// ones to write: they may append, change, or drop. The slice is Encode's and is
// used again, so it must not be kept. Of two attributes with one key DOT uses the
// later.
type Options struct {
	// Name is the name of the graph. If it is empty the graph's DOTID is
	// used, and if it has none the graph is anonymous.
	Name string

	// Graph holds attributes of the graph itself; Node and Edge hold defaults
	// for its nodes and edges. They come after those of DOTAttributers.
	// Clusters inherit attributes of the graph, as Graphviz has it.
	Graph, Node, Edge []Attribute

	// NodeAttributes changes the attributes of one node.
	NodeAttributes func(n graph.Node, attrs []Attribute) []Attribute
	// EdgeAttributes changes the attributes of one edge.
	EdgeAttributes func(e graph.Edge, attrs []Attribute) []Attribute
	// LineAttributes changes the attributes of one line of a multigraph.
	LineAttributes func(l graph.Line, attrs []Attribute) []Attribute

	// EdgeChunks, unless it is nil, lists the edges in place of the graph, in the
	// same way as an [EdgeLister], but cut into pieces, which are written one
	// behind the other. Encode has as many goroutines at work on them as
	// GOMAXPROCS, which takes less time for a large graph. A piece is iterated
	// once at most, by one of these, while others are iterated: they must share
	// nothing that changes, and a panic in one cannot be recovered. Of each
	// goroutine the text of up to four pieces is in memory: a few hundred edges
	// are a good size. EdgeAttributes and LineAttributes must be nil.
	EdgeChunks []EdgeSeq

	// Cluster returns the path of the cluster that a node is drawn in,
	// outermost first: {"host a", "web"} is the cluster web inside the
	// cluster host a. An empty path is no cluster. Encode keeps the path.
	// Clusters are named cluster_0, cluster_1 and so on, in the order of
	// their paths.
	Cluster func(n graph.Node) []string
	// ClusterAttributes changes the attributes of the cluster at path, which
	// are a label, the last element of path, as text.
	ClusterAttributes func(path []string, attrs []Attribute) []Attribute
}

// EdgeOrderer is a graph that can list its own edges. [Encode] uses it where
// it is there, which spares a sort for each node and a look-up for each edge.
type EdgeOrderer interface {
	// OrderedEdges returns the edges, parallel ones included, each once: in
	// an undirected graph too. The order must be the same each time, so that
	// the output is.
	OrderedEdges() iter.Seq[graph.Edge]
}

// EdgeLister is a graph that can list its own edges with their attributes.
// [Encode] uses it where it is there and [Options.EdgeAttributes] is nil, before
// [EdgeOrderer]. It spares what it takes to make a graph.Edge of each edge.
type EdgeLister interface {
	// ListEdges returns the edges, parallel ones included, each once, as the
	// IDs of their ends and their attributes, which are text. The slice is
	// not kept: it may be used again for the next edge. The order must be the
	// same each time, so that the output is.
	ListEdges() EdgeSeq
}

// EdgeSeq lists edges as the IDs of their ends and their attributes, which are
// text.
type EdgeSeq = iter.Seq2[[2]int64, []encoding.Attribute]

// Encode writes g to w in the DOT language, with a newline at the end. A nil
// opts is the zero [Options]. The graph must not change until Encode returns.
//
// It stops at the first error and returns it: one of w, or one that names the
// node, edge or cluster that cannot be written. What has been written by then
// is not a whole graph.
func Encode(w io.Writer, g graph.Graph, opts *Options) error {
	if w == nil {
		return errors.New("dot: nil writer")
	}
	if isNil(g) {
		return errors.New("dot: nil graph")
	}
	if opts == nil {
		opts = &Options{}
	}
	if opts.EdgeChunks != nil && (opts.EdgeAttributes != nil || opts.LineAttributes != nil) {
		return errors.New("dot: EdgeAttributes and LineAttributes are not called for EdgeChunks: put the attributes into the chunks")
	}
	e := &encoder{w: w, g: g, opts: opts, directed: !isUndirected(g), full: flushSize}
	return e.encode()
}

func isUndirected(g graph.Graph) bool {
	switch g.(type) {
	case graph.Directed, graph.DirectedMultigraph:
		return false
	case graph.Undirected, graph.UndirectedMultigraph:
		return true
	}
	return false
}

// isNil reports whether v is nil or holds a nil pointer, whose methods would
// panic.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

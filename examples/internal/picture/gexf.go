package picture

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
	"gonum.org/v1/gonum/graph/formats/gexf12"
)

// writeGEXF writes the picture as data in GEXF 1.2, which Gephi and the usual
// libraries for graphs read. The weight of an edge is its connections.
func (p *Picture) writeGEXF(w io.Writer) error {
	c := gexf12.Content{Version: "1.2", Meta: &gexf12.Meta{Creator: "tcpgraph", Description: strings.Join(p.Notes, "\n")}}
	g := &c.Graph
	g.DefaultEdgeType, g.IDType, g.Mode = "directed", "string", "static"
	g.Attributes = []gexf12.Attributes{
		{Class: "node", Mode: "static", Attributes: nodeFields.declare()},
		{Class: "edge", Mode: "static", Attributes: edgeFields.declare()},
	}
	for n := range p.View.AllNodes() {
		g.Nodes.Nodes = append(g.Nodes.Nodes, gexf12.Node{ID: id(n), Label: visible(n.Name()), AttValues: nodeFields.values(n)})
	}
	g.Nodes.Count = len(g.Nodes.Nodes)
	for e := range p.View.AllEdges() {
		g.Edges.Edges = append(g.Edges.Edges, gexf12.Edge{
			ID: id(e.Client) + "-" + id(e.Server), Source: id(e.Client), Target: id(e.Server),
			Label: strings.TrimSpace(labelOf(&e)), Weight: e.Weight(), AttValues: edgeFields.values(e),
		})
	}
	g.Edges.Count = len(g.Edges.Edges)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write the graph: %w", err)
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", " ")
	if err := enc.Encode(c); err != nil {
		return fmt.Errorf("write the graph: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// fields are what is said of a node or of an edge beside its name. An empty value
// is not known and left out.
type fields[T any] []struct {
	name, typ string
	value     func(T) string
}

func (f fields[T]) declare() []gexf12.Attribute {
	var out []gexf12.Attribute
	for i, d := range f {
		out = append(out, gexf12.Attribute{ID: strconv.Itoa(i), Title: d.name, Type: d.typ})
	}
	return out
}

func (f fields[T]) values(of T) *gexf12.AttValues {
	var out gexf12.AttValues
	for i, d := range f {
		if v := visible(d.value(of)); v != "" {
			out.AttValues = append(out.AttValues, gexf12.AttValue{For: strconv.Itoa(i), Value: v})
		}
	}
	return &out
}

var nodeFields = fields[*flowgraph.Node]{
	{"external", "boolean", func(n *flowgraph.Node) string { return strconv.FormatBool(n.External()) }},
	{"members", "integer", func(n *flowgraph.Node) string { return strconv.Itoa(len(n.Members())) }},
	{"pid", "long", func(n *flowgraph.Node) string {
		return unlessZero(uint64(agreed(n, func(p traceformat.Process) uint32 { return p.PID })))
	}},
	{"command", "string", func(n *flowgraph.Node) string {
		return agreed(n, func(p traceformat.Process) string { return p.Command })
	}},
	{"host", "string", func(n *flowgraph.Node) string { h, _, _ := place(n); return h }},
	{"container", "string", func(n *flowgraph.Node) string { _, c, _ := place(n); return c }},
	{"netns", "long", func(n *flowgraph.Node) string { _, _, ns := place(n); return unlessZero(uint64(ns)) }},
	{"addresses", "string", func(n *flowgraph.Node) string {
		addrs, more := n.Addrs()
		s := strings.Trim(fmt.Sprint(addrs), "[]")
		if more {
			s += " and more"
		}
		return s
	}},
}

// agreed returns what the members of a node have in common, and the zero value if
// they differ.
func agreed[T comparable](n *flowgraph.Node, of func(traceformat.Process) T) (v T) {
	for i, m := range n.Members() {
		switch w := of(m.Process()); {
		case i == 0:
			v = w
		case v != w:
			var none T
			return none
		}
	}
	return v
}

var edgeFields = fields[flowgraph.Edge]{
	{"ports", "string", func(e flowgraph.Edge) string {
		var s []string
		for p := range e.Ports.All() {
			s = append(s, strconv.Itoa(int(p)))
		}
		if e.Ports.Truncated() {
			s = append(s, "and more")
		}
		return strings.Join(s, " ")
	}},
	{"connections", "long", func(e flowgraph.Edge) string { return strconv.FormatUint(e.Connections, 10) }},
	{"open", "long", func(e flowgraph.Edge) string { return strconv.FormatUint(e.Open, 10) }},
	{"failed", "long", func(e flowgraph.Edge) string { return strconv.FormatUint(e.Failed, 10) }},
	{"sent", "long", func(e flowgraph.Edge) string { return strconv.FormatUint(e.Sent, 10) }},
	{"received", "long", func(e flowgraph.Edge) string { return strconv.FormatUint(e.Received, 10) }},
	{"first", "string", func(e flowgraph.Edge) string { return unlessUnknown(e.First) }},
	{"last", "string", func(e flowgraph.Edge) string { return unlessUnknown(e.Last) }},
}

func unlessZero(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

func unlessUnknown(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

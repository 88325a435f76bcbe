package picture

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"example.com/tcpgraph/dot"
	"example.com/tcpgraph/flowgraph"
)

// hues are colours for the server ports that most edges go to, each as dark as
// grey is, which all others have. The labels say the same in words.
var hues = []string{"#3d7fbd", "#b0632a", "#3a8a58", "#9662b4", "#bd5270", "#2f8889"}

// lines says how the edges of a picture are drawn.
type lines struct {
	hue       map[uint16]string
	thin, fat float64 // the range of the widths that the edges ask for
}

func linesOf(v *flowgraph.View) *lines {
	l := &lines{hue: make(map[uint16]string), thin: 7, fat: 1}
	edges := make(map[uint16]int)
	for e := range v.AllEdges() {
		for p := range e.Ports.All() {
			edges[p]++
			break
		}
		w := e.PenWidth()
		l.thin, l.fat = min(l.thin, w), max(l.fat, w)
	}
	ports := make([]uint16, 0, len(edges))
	for p := range edges {
		ports = append(ports, p)
	}
	slices.SortFunc(ports, func(a, b uint16) int { return cmp.Or(cmp.Compare(edges[b], edges[a]), cmp.Compare(a, b)) })
	for i, p := range ports[:min(len(ports), len(hues))] {
		l.hue[p] = hues[i]
	}
	return l
}

// width returns how wide an edge is drawn: the widths that the edges ask for,
// spread over what is told apart by eye.
func (l *lines) width(e flowgraph.Edge) float64 {
	return 0.8 + 3.2*(e.PenWidth()-l.thin)/max(l.fat-l.thin, 1.5)
}

// attributes returns those of an edge.
func (l *lines) attributes(e flowgraph.Edge, attrs []dot.Attribute, labels bool) []dot.Attribute {
	out := attrs[:0]
	for _, a := range attrs {
		switch a.Key {
		case "label":
			if !labels {
				continue
			}
			// Spaces keep the text off the line.
			a.Value = " " + edgeLabel(e, a.Value) + " "
		case "penwidth":
			a.Value = strconv.FormatFloat(l.width(e), 'f', 2, 64)
		}
		out = append(out, a)
	}
	for p := range e.Ports.All() {
		if c := l.hue[p]; c != "" {
			out = append(out, dot.Text("color", c), dot.Text("fontcolor", c))
		}
		break
	}
	return out
}

// attribute returns an attribute of an edge.
func attribute(e flowgraph.Edge, key string) string {
	for _, a := range e.Attributes() {
		if a.Key == key {
			return a.Value
		}
	}
	return ""
}

// labelOf returns the ports of an edge and the count of its connections.
func labelOf(e flowgraph.Edge) string { return attribute(e, "label") }

// edgeLabel adds to the ports and the count what did not succeed.
func edgeLabel(e flowgraph.Edge, label string) string {
	if e.Failed > 0 {
		label += fmt.Sprintf(" (%d failed)", e.Failed)
	}
	return label
}

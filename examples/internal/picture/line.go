package picture

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"example.com/tcpgraph/flowgraph"
	"gonum.org/v1/gonum/graph/encoding"
)

// hues are colours for the server ports that most edges go to, each as dark as
// grey is, which all others have. The labels say the same in words.
var hues = []string{"#3d7fbd", "#b0632a", "#3a8a58", "#9662b4", "#bd5270", "#2f8889"}

// lines says how the edges of a picture are drawn.
type lines struct {
	ports     []uint16 // those that have a hue of their own, in that order
	thin, fat float64  // the range of the widths that the edges ask for
}

func linesOf(v *flowgraph.View) *lines {
	l := &lines{thin: 7, fat: 1}
	edges := make([]uint32, 1<<16) // by port
	for e := range v.AllEdges() {
		if p, ok := e.Ports.First(); ok {
			edges[p]++
		}
		w := e.PenWidth()
		l.thin, l.fat = min(l.thin, w), max(l.fat, w)
	}
	for p, n := range edges {
		if n > 0 {
			l.ports = append(l.ports, uint16(p))
		}
	}
	slices.SortFunc(l.ports, func(a, b uint16) int { return cmp.Or(cmp.Compare(edges[b], edges[a]), cmp.Compare(a, b)) })
	l.ports = slices.Clip(l.ports[:min(len(l.ports), len(hues))])
	return l
}

// hue returns the colour of an edge, empty if it has none of its own.
func (l *lines) hue(e *flowgraph.Edge) string {
	if p, ok := e.Ports.First(); ok {
		if i := slices.Index(l.ports, p); i >= 0 {
			return hues[i]
		}
	}
	return ""
}

// width returns how wide an edge is drawn: the widths that the edges ask for,
// spread over what is told apart by eye.
func (l *lines) width(e *flowgraph.Edge) float64 {
	return 0.8 + 3.2*(e.PenWidth()-l.thin)/max(l.fat-l.thin, 1.5)
}

// drawing is a view that lists its edges as they are drawn.
type drawing struct {
	*flowgraph.View
	lines  *lines
	labels bool
}

// ListEdges takes the place of the view's: see dot.EdgeLister.
func (d drawing) ListEdges() iter.Seq2[[2]int64, []encoding.Attribute] {
	return func(yield func([2]int64, []encoding.Attribute) bool) {
		var attrs []encoding.Attribute
		var text []byte
		for e := range d.AllEdges() {
			attrs, text = d.lines.attributes(&e, d.labels, attrs[:0], text[:0])
			if !yield([2]int64{e.Client.ID(), e.Server.ID()}, attrs) {
				return
			}
		}
	}
}

// attributes appends those of an edge to attrs. What is behind text is working
// space.
func (l *lines) attributes(e *flowgraph.Edge, labels bool, attrs []encoding.Attribute, text []byte) ([]encoding.Attribute, []byte) {
	// The values are parts of one string: a graph can have a million edges.
	if labels {
		text = append(text, ' ') // spaces keep the text off the line
		text = appendLabel(text, e)
		text = append(text, ' ')
	}
	label := len(text)
	text = appendHundredths(text, l.width(e))
	width := len(text)
	text = e.AppendTooltip(text)
	s := string(text)
	if labels {
		attrs = append(attrs, encoding.Attribute{Key: "label", Value: s[:label]})
	}
	attrs = append(attrs,
		encoding.Attribute{Key: "penwidth", Value: s[label:width]},
		encoding.Attribute{Key: "tooltip", Value: s[width:]})
	if c := l.hue(e); c != "" {
		attrs = append(attrs, encoding.Attribute{Key: "color", Value: c}, encoding.Attribute{Key: "fontcolor", Value: c})
	}
	return attrs, text
}

// appendHundredths appends a number that is not negative, with two decimals.
func appendHundredths(b []byte, x float64) []byte {
	n := uint64(x*100 + 0.5)
	b = strconv.AppendUint(b, n/100, 10)
	return append(b, '.', byte('0'+n/10%10), byte('0'+n%10))
}

// labelOf returns the ports of an edge, the count of its connections, and what
// did not succeed.
func labelOf(e *flowgraph.Edge) string { return string(appendLabel(nil, e)) }

func appendLabel(b []byte, e *flowgraph.Edge) []byte {
	b = e.AppendLabel(b)
	if e.Failed > 0 {
		b = fmt.Appendf(b, " (%d failed)", e.Failed)
	}
	return b
}

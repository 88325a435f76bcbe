package picture

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"example.com/tcpgraph/dot"
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
	const few = 10_000             // that are not worth a goroutine
	var adding sync.Mutex
	var counting sync.WaitGroup
	for _, some := range v.EdgeChunks(max(few, v.Edges().Len()/runtime.GOMAXPROCS(0)+1)) {
		counting.Go(func() {
			thin, fat, byPort := 7.0, 1.0, make(map[uint16]uint32)
			for e := range some {
				if p, ok := e.Ports.First(); ok {
					byPort[p]++
				}
				w := e.PenWidth()
				thin, fat = min(thin, w), max(fat, w)
			}
			adding.Lock()
			defer adding.Unlock()
			l.thin, l.fat = min(l.thin, thin), max(l.fat, fat)
			for p, n := range byPort {
				edges[p] += n
			}
		})
	}
	counting.Wait()
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

// list lists the edges of a view as they are drawn.
func (l *lines) list(v *flowgraph.View, labels bool) []dot.EdgeSeq {
	all := make([]dot.EdgeSeq, 0, 1) // nil would have the view list them
	for _, some := range v.EdgeChunks(256) {
		all = append(all, func(yield func([2]int64, []encoding.Attribute) bool) {
			var attrs []encoding.Attribute
			var text []byte
			for e := range some {
				attrs, text = l.attributes(&e, labels, attrs[:0], text[:0])
				if !yield([2]int64{e.Client.ID(), e.Server.ID()}, attrs) {
					return
				}
			}
		})
	}
	return all
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

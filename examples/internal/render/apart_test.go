package render

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// overlapping returns two boxes that overlap, "" if there are none.
func overlapping(boxes []rect, space float64) string {
	for i, a := range boxes {
		for _, b := range boxes[:i] {
			if math.Abs(a.x-b.x) < a.w+b.w-2*space-0.1 && math.Abs(a.y-b.y) < a.h+b.h-2*space-0.1 {
				return fmt.Sprintf("%+v and %+v", a, b)
			}
		}
	}
	return ""
}

func TestSeparate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, spread := range map[string]float64{"in one place": 0, "close": 100, "apart": 1e5} {
		for _, n := range []int{0, 1, 2, 1000} {
			boxes := make([]rect, n)
			area := 0.0
			for i := range boxes {
				boxes[i] = rect{fmt.Sprint(i), spread * r.NormFloat64(), spread * r.NormFloat64(), 20 + 80*r.Float64(), 10 + 20*r.Float64()}
				area += 4 * boxes[i].w * boxes[i].h
			}
			before := fmt.Sprint(boxes)
			separate(boxes)
			if two := overlapping(boxes, 0); two != "" {
				t.Errorf("%d %s: %s overlap", n, name, two)
			}
			if n < 2 && fmt.Sprint(boxes) != before {
				t.Errorf("%d %s: moved", n, name)
			}
			far := 0.0
			for _, b := range boxes {
				far = max(far, math.Abs(b.x), math.Abs(b.y))
			}
			if n == 1000 && spread < 1e5 && far > 10*math.Sqrt(area) {
				t.Errorf("%d %s: as far as %.0f away, of boxes that would fill a square of %.0f", n, name, far, math.Sqrt(area))
			}
		}
	}
}

// TestPlace has the Graphviz in the program draw what it can not move apart
// itself.
func TestPlace(t *testing.T) {
	const nodes = 120
	for _, engine := range []string{"sfdp", "neato"} {
		g := fmt.Sprintf("digraph { graph [layout=%q, overlap=\"prism\", splines=\"line\"]\n\tnode [shape=\"box\"]\n", engine)
		r := rand.New(rand.NewPCG(1, 2))
		for i := range nodes {
			g += fmt.Sprintf("\t%d [label=\"a name } of %d\", tooltip=\" d=\\\"M0,0\"]\n\t%d -> %d\n\t%d -> %d\n", i-5, i, i-5, r.IntN(nodes)-5, i-5, r.IntN(nodes)-5)
		}
		svg, err := place(t.Context(), []byte(g+"}\n"))
		if err != nil {
			t.Fatal(err)
		}
		boxes := boxesOf(svg)
		if len(boxes) != nodes {
			t.Fatalf("%s: %d nodes are drawn, want %d", engine, len(boxes), nodes)
		}
		if two := overlapping(boxes, 9); two != "" {
			t.Errorf("%s: %s overlap", engine, two)
		}
		if n := strings.Count(string(svg), `class="edge"`); n < nodes {
			t.Errorf("%s: %d lines are drawn, want %d at least", engine, n, nodes)
		}
		if s, err := parseSVG(svg); err != nil || s.width > 8000 || s.height > 8000 {
			t.Errorf("%s: %v, %v × %v, want 8000 × 8000 at most", engine, err, s.width, s.height)
		}
	}
}

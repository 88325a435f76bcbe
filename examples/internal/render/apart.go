package render

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"html"
	"math"
	"regexp"
	"slices"
)

// The Graphviz in the program has been built without the library that its
// overlap=prism needs. What it does instead takes 20 times as long as placing the
// nodes, and strews 500 of them over a sheet of 150,000 points. So it only places
// them, here they are moved apart, and then it draws the lines.

// springs is an engine that places nodes with no regard to their sizes, and
// overlap what asks for their being moved apart.
var (
	springs = regexp.MustCompile(`\blayout="(?:sfdp|neato)"`)
	overlap = []byte(`overlap="prism"`)
)

// place lays a graph out.
func place(ctx context.Context, graph []byte) ([]byte, error) {
	if !springs.Match(graph) || !bytes.Contains(graph, overlap) {
		return layOut(ctx, graph)
	}
	loose := bytes.Replace(graph, overlap, []byte(`overlap="true"`), 1)
	svg, err := layOut(ctx, loose)
	if err != nil {
		return nil, err
	}
	boxes := boxesOf(svg)
	separate(boxes)
	end := bytes.LastIndexByte(loose, '}')
	if end < 0 {
		return svg, nil
	}
	fixed := springs.ReplaceAll(loose[:end:end], []byte(`layout="nop"`))
	for _, b := range boxes {
		fixed = fmt.Appendf(fixed, "%s [pos=\"%.2f,%.2f\"]\n", b.id, b.x, -b.y)
	}
	return layOut(ctx, append(fixed, '}', '\n'))
}

// rect is a node where it is drawn: its middle, and half its width and height
// with some space around it.
type rect struct {
	id         string
	x, y, w, h float64
}

// nodeShape is a node in SVG as Graphviz writes it: its identifier, and the points
// of its outline. One of two outlines is the inner one; the space makes up for it.
var nodeShape = regexp.MustCompile(`class="node">\s*<title>((?:-|&#45;)?[0-9]+)</title>(?s:.*?)\s(?:points|d)="([^"]+)"`)

func boxesOf(svg []byte) []rect {
	const space = 9
	var boxes []rect
	for _, m := range nodeShape.FindAllSubmatch(svg, -1) {
		least, most := point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
		for _, p := range points(numbers(string(bytes.Map(letterToSpace, m[2]))), point{}) {
			least = point{min(least.x, p.x), min(least.y, p.y)}
			most = point{max(most.x, p.x), max(most.y, p.y)}
		}
		if least.x <= most.x {
			boxes = append(boxes, rect{html.UnescapeString(string(m[1])), (least.x + most.x) / 2, (least.y + most.y) / 2, (most.x-least.x)/2 + space, (most.y-least.y)/2 + space})
		}
	}
	return boxes
}

// separate moves boxes until no two overlap, by little where that will do.
func separate(boxes []rect) {
	if len(boxes) < 2 {
		return
	}
	// First all of them, to where they fill a third of the area.
	area, least, most := 0.0, point{boxes[0].x, boxes[0].y}, point{boxes[0].x, boxes[0].y}
	for i, b := range boxes {
		area += 4 * b.w * b.h
		least = point{min(least.x, b.x), min(least.y, b.y)}
		most = point{max(most.x, b.x), max(most.y, b.y)}
		boxes[i].x += 1e-3 * float64(i%97) // no two in one place
		boxes[i].y += 1e-3 * float64(i%89)
	}
	grow(boxes, max(1, math.Sqrt(3*area/max(1, (most.x-least.x)*(most.y-least.y)))))
	for round := 1; push(boxes); round++ {
		if round%20 == 0 {
			grow(boxes, 1.05)
		}
	}
}

func grow(boxes []rect, factor float64) {
	for i := range boxes {
		boxes[i].x *= factor
		boxes[i].y *= factor
	}
}

// push moves each two boxes that overlap apart, along the shorter way, and reports
// whether there were any.
func push(boxes []rect) (pushed bool) {
	slices.SortFunc(boxes, func(a, b rect) int { return cmp.Or(cmp.Compare(a.x-a.w, b.x-b.w), cmp.Compare(a.id, b.id)) })
	const enough = 0.01
	for i := range boxes {
		a := &boxes[i]
		right := a.x + a.w
		for j := i + 1; j < len(boxes) && boxes[j].x-boxes[j].w < right; j++ {
			b := &boxes[j]
			dx, dy := a.w+b.w-math.Abs(a.x-b.x), a.h+b.h-math.Abs(a.y-b.y)
			switch {
			case dx <= enough || dy <= enough:
				continue
			case dx < dy:
				d := math.Copysign(dx/2, a.x-b.x)
				a.x += d
				b.x -= d
			default:
				d := math.Copysign(dy/2, a.y-b.y)
				a.y += d
				b.y -= d
			}
			pushed = true
		}
	}
	return pushed
}

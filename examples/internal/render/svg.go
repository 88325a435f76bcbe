package render

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// sheet is what Graphviz has drawn. Lengths are in points, and y goes down.
type sheet struct {
	width, height float64
	shapes        []shape
}

// shape is a text, or else a path.
type shape struct {
	path         []segment
	closed       bool
	fill, stroke ink
	lineWidth    float64
	dash         []float64

	text   string
	at     point
	size   float64
	anchor float64 // where at is in the text: 0 its start, 0.5 its middle, 1 its end
}

type point struct{ x, y float64 }

// segment is a line to its end, or a curve if it has control points.
type segment struct {
	c1, c2, end point
	curve       bool
}

// ink is a colour, or nothing.
type ink struct {
	r, g, b uint8
	on      bool
}

// parseSVG reads the part of SVG that Graphviz writes for our graphs: a canvas
// that is moved, and on it polygons, polylines, paths and texts.
func parseSVG(svg []byte) (*sheet, error) {
	s := new(sheet)
	var move point
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return s, s.check()
		}
		if err != nil {
			return nil, fmt.Errorf("read the layout: %w", err)
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		attr := make(map[string]string, len(el.Attr))
		for _, a := range el.Attr {
			attr[a.Name.Local] = a.Value
		}
		switch el.Name.Local {
		case "svg":
			if box := numbers(attr["viewBox"]); len(box) == 4 {
				s.width, s.height = box[2], box[3]
			}
		case "g":
			if _, t, ok := strings.Cut(attr["transform"], "translate("); ok {
				if to := numbers(strings.TrimSuffix(t, ")")); len(to) == 2 {
					move = point{to[0], to[1]}
				}
			}
		case "polygon", "polyline":
			s.add(attr, points(numbers(attr["points"]), move), false, el.Name.Local == "polygon")
		case "path":
			s.add(attr, points(numbers(strings.Map(letterToSpace, attr["d"])), move), true, false)
		case "text":
			var text string
			if err := d.DecodeElement(&text, &el); err != nil {
				return nil, fmt.Errorf("read the layout: %w", err)
			}
			s.addText(attr, text, move)
		}
	}
}

// maxLength is that of a sheet's side, far above what can be looked at.
const maxLength = 1e6

func (s *sheet) check() error {
	if !(s.width > 0 && s.width < maxLength && s.height > 0 && s.height < maxLength) {
		return errors.New("the layout has no size that can be drawn")
	}
	return nil
}

func (s *sheet) add(attr map[string]string, pts []point, curves, closed bool) {
	if len(pts) < 2 {
		return
	}
	sh := shape{fill: inkOf(attr["fill"]), stroke: inkOf(attr["stroke"]), lineWidth: 1, closed: closed}
	if w := numbers(attr["stroke-width"]); len(w) == 1 {
		sh.lineWidth = w[0]
	}
	if o := numbers(attr["stroke-opacity"]); len(o) == 1 && o[0] == 0 {
		sh.stroke.on = false
	}
	sh.dash = numbers(attr["stroke-dasharray"])
	sh.path = append(sh.path, segment{end: pts[0]})
	for rest := pts[1:]; len(rest) > 0; {
		if curves && len(rest) >= 3 {
			sh.path = append(sh.path, segment{rest[0], rest[1], rest[2], true})
			rest = rest[3:]
			continue
		}
		sh.path = append(sh.path, segment{end: rest[0]})
		rest = rest[1:]
	}
	s.shapes = append(s.shapes, sh)
}

func (s *sheet) addText(attr map[string]string, text string, move point) {
	sh := shape{text: text, fill: ink{on: true}, size: 14}
	if attr["fill"] != "" {
		sh.fill = inkOf(attr["fill"])
	}
	if n := numbers(attr["x"] + " " + attr["y"]); len(n) == 2 {
		sh.at = point{n[0] + move.x, n[1] + move.y}
	}
	if size := numbers(attr["font-size"]); len(size) == 1 {
		sh.size = size[0]
	}
	switch attr["text-anchor"] {
	case "middle":
		sh.anchor = 0.5
	case "end":
		sh.anchor = 1
	}
	s.shapes = append(s.shapes, sh)
}

func letterToSpace(r rune) rune {
	if r == 'M' || r == 'C' || r == 'L' {
		return ' '
	}
	return r
}

// numbers reads numbers between spaces and commas.
func numbers(s string) []float64 {
	var out []float64
	for f := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' || r == ',' }) {
		n, err := strconv.ParseFloat(f, 64)
		if err != nil || !(math.Abs(n) <= maxLength) {
			return nil
		}
		out = append(out, n)
	}
	return out
}

func points(n []float64, move point) []point {
	var out []point
	for ; len(n) >= 2; n = n[2:] {
		out = append(out, point{n[0] + move.x, n[1] + move.y})
	}
	return out
}

// inkOf reads #rrggbb, black and white; everything else is nothing.
func inkOf(s string) ink {
	switch s {
	case "black":
		return ink{on: true}
	case "white":
		return ink{255, 255, 255, true}
	}
	hex, ok := strings.CutPrefix(s, "#")
	n, err := strconv.ParseUint(hex, 16, 32)
	if !ok || err != nil || len(hex) != 6 {
		return ink{}
	}
	return ink{uint8(n >> 16), uint8(n >> 8), uint8(n), true}
}

package render

import (
	"bytes"
	"fmt"
	"math"

	"github.com/fogleman/gg"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
)

const (
	// textScale is how much smaller than asked for the Go font is set, since it
	// is wider than Helvetica, for which Graphviz makes room.
	textScale = 0.96
	// scalePNG is 96 dots an inch, as screens have.
	scalePNG = 96.0 / 72
	// maxPixels is how large a bitmap may be. A larger picture is reduced.
	maxPixels = 60e6
)

// paintPNG paints a sheet as a bitmap without a background.
func paintPNG(s *sheet) ([]byte, error) {
	scale := min(scalePNG, math.Sqrt(maxPixels/(s.width*s.height)))
	ttf, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	faces := make(map[float64]font.Face)
	c := gg.NewContext(int(math.Ceil(s.width*scale)), int(math.Ceil(s.height*scale)))
	c.Scale(scale, scale)
	for i := range s.shapes {
		sh := &s.shapes[i]
		if sh.text == "" {
			sh.paint(c, scale)
			continue
		}
		face := faces[sh.size]
		if face == nil {
			face, err = opentype.NewFace(ttf, &opentype.FaceOptions{Size: sh.size * scale * textScale, DPI: 72})
			if err != nil {
				return nil, err
			}
			faces[sh.size] = face
		}
		c.SetFontFace(face)
		c.SetRGB255(int(sh.fill.r), int(sh.fill.g), int(sh.fill.b))
		width, _ := c.MeasureString(sh.text)
		// Text is set in dots: gg does not scale it.
		c.Push()
		c.Identity()
		c.DrawString(sh.text, sh.at.x*scale-sh.anchor*width, sh.at.y*scale)
		c.Pop()
	}
	var b bytes.Buffer
	if err := c.EncodePNG(&b); err != nil {
		return nil, fmt.Errorf("write the bitmap: %w", err)
	}
	return b.Bytes(), nil
}

func (sh *shape) paint(c *gg.Context, scale float64) {
	for i, seg := range sh.path {
		switch {
		case i == 0:
			c.MoveTo(seg.end.x, seg.end.y)
		case seg.curve:
			c.CubicTo(seg.c1.x, seg.c1.y, seg.c2.x, seg.c2.y, seg.end.x, seg.end.y)
		default:
			c.LineTo(seg.end.x, seg.end.y)
		}
	}
	if sh.closed {
		c.ClosePath()
	}
	if sh.fill.on {
		c.SetRGB255(int(sh.fill.r), int(sh.fill.g), int(sh.fill.b))
		c.FillPreserve()
	}
	if sh.stroke.on {
		c.SetRGB255(int(sh.stroke.r), int(sh.stroke.g), int(sh.stroke.b))
		c.SetLineWidth(sh.lineWidth * scale)
		c.SetDash(scaled(sh.dash, scale)...)
		c.StrokePreserve()
	}
	c.ClearPath()
}

func scaled(lengths []float64, scale float64) []float64 {
	out := make([]float64, len(lengths))
	for i, l := range lengths {
		out[i] = l * scale
	}
	return out
}

package render

import (
	"fmt"
	"html"
	"regexp"
	"strconv"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// svgText is a text in SVG as Graphviz writes it.
var svgText = regexp.MustCompile(`<text ([^<>]*font-size="([0-9.]+)"[^<>]*)>([^<>]*)</text>`)

// fitText gives the texts of an SVG the widths that Graphviz has made room for,
// for Helvetica. Where it is shown there may be only wider fonts.
func fitText(svg []byte) ([]byte, error) {
	f, err := sfnt.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	var buf sfnt.Buffer
	return svgText.ReplaceAllFunc(svg, func(el []byte) []byte {
		m := svgText.FindSubmatch(el)
		size, err := strconv.ParseFloat(string(m[2]), 64)
		width := size * textScale * advance(f, &buf, html.UnescapeString(string(m[3])))
		if err != nil || width <= 0 {
			return el
		}
		return fmt.Appendf(nil, `<text %s textLength="%.2f" lengthAdjust="spacingAndGlyphs">%s</text>`, m[1], width, m[3])
	}), nil
}

// advance returns how wide a text is in a font of size 1.
func advance(f *sfnt.Font, buf *sfnt.Buffer, text string) float64 {
	const unit = 1000
	var sum fixed.Int26_6
	for _, r := range text {
		g, err := f.GlyphIndex(buf, r)
		if err != nil {
			continue
		}
		if a, err := f.GlyphAdvance(buf, g, fixed.I(unit), font.HintingNone); err == nil {
			sum += a
		}
	}
	return float64(sum) / 64 / unit
}

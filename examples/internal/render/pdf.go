package render

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"strings"
	"unicode/utf16"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// paintPDF paints a sheet as one page of PDF, with its font in it.
func paintPDF(s *sheet) ([]byte, error) {
	f, err := newPDFFont()
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	for i := range s.shapes {
		sh := &s.shapes[i]
		if sh.text == "" {
			sh.printPath(&page, s.height)
		} else if err := f.print(&page, sh, s.height); err != nil {
			return nil, err
		}
	}
	var w pdfWriter
	w.WriteString("%PDF-1.7\n%\x80\x80\x80\x80\n")
	w.object("<< /Type /Catalog /Pages 2 0 R >>")
	w.object("<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
	// A page's side is at most 14400 units; larger ones count in larger units.
	unit := max(1, s.width/14400, s.height/14400)
	w.object(fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %.2f %.2f] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
		s.width/unit, s.height/unit))
	w.stream("", append(fmt.Appendf(nil, "%.6f 0 0 %.6f 0 0 cm\n", 1/unit, 1/unit), page.Bytes()...))
	w.object("<< /Type /Font /Subtype /Type0 /BaseFont /GoRegular /Encoding /Identity-H /DescendantFonts [6 0 R] /ToUnicode 9 0 R >>")
	w.object(fmt.Sprintf("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /GoRegular /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor 7 0 R /CIDToGIDMap /Identity /DW 1000 /W [%s] >>", f.widths()))
	w.object("<< /Type /FontDescriptor /FontName /GoRegular /Flags 4 /FontBBox [-440 -432 2000 1060] /ItalicAngle 0 /Ascent 948 /Descent -432 /CapHeight 721 /StemV 80 /FontFile2 8 0 R >>")
	w.stream(fmt.Sprintf("/Length1 %d ", len(goregular.TTF)), goregular.TTF)
	w.stream("", f.unicode())
	return w.finish()
}

func (sh *shape) printPath(w *bytes.Buffer, height float64) {
	for i, seg := range sh.path {
		switch {
		case i == 0:
			fmt.Fprintf(w, "%.2f %.2f m\n", seg.end.x, height-seg.end.y)
		case seg.curve:
			fmt.Fprintf(w, "%.2f %.2f %.2f %.2f %.2f %.2f c\n", seg.c1.x, height-seg.c1.y, seg.c2.x, height-seg.c2.y, seg.end.x, height-seg.end.y)
		default:
			fmt.Fprintf(w, "%.2f %.2f l\n", seg.end.x, height-seg.end.y)
		}
	}
	if sh.closed {
		w.WriteString("h ")
	}
	if sh.fill.on {
		fmt.Fprintf(w, "%s rg ", sh.fill.pdf())
	}
	paint := "n"
	switch {
	case sh.fill.on && sh.stroke.on:
		paint = "B"
	case sh.fill.on:
		paint = "f"
	case sh.stroke.on:
		paint = "S"
	}
	if sh.stroke.on {
		fmt.Fprintf(w, "%s RG %.2f w [%s] 0 d ", sh.stroke.pdf(), sh.lineWidth, strings.Trim(fmt.Sprint(sh.dash), "[]"))
	}
	fmt.Fprintf(w, "%s\n", paint)
}

// pdf returns a colour as three numbers from 0 to 1.
func (c ink) pdf() string {
	return fmt.Sprintf("%.3f %.3f %.3f", float64(c.r)/255, float64(c.g)/255, float64(c.b)/255)
}

// pdfFont is the Go font, and which of its glyphs are used for what.
type pdfFont struct {
	font  *sfnt.Font
	buf   sfnt.Buffer
	used  map[sfnt.GlyphIndex]rune
	order []sfnt.GlyphIndex
	width map[sfnt.GlyphIndex]float64 // in thousandths of the size
}

func newPDFFont() (*pdfFont, error) {
	f, err := sfnt.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	return &pdfFont{font: f, used: make(map[sfnt.GlyphIndex]rune), width: make(map[sfnt.GlyphIndex]float64)}, nil
}

func (f *pdfFont) print(w *bytes.Buffer, sh *shape, height float64) error {
	var glyphs []byte
	var width float64
	for _, r := range sh.text {
		g, err := f.font.GlyphIndex(&f.buf, r)
		if err != nil {
			return fmt.Errorf("set %q: %w", sh.text, err)
		}
		if _, ok := f.used[g]; !ok {
			a, err := f.font.GlyphAdvance(&f.buf, g, fixed.I(1000), font.HintingNone)
			if err != nil {
				return fmt.Errorf("set %q: %w", sh.text, err)
			}
			f.used[g], f.width[g] = r, float64(a)/64
			f.order = append(f.order, g)
		}
		width += f.width[g]
		glyphs = fmt.Appendf(glyphs, "%04X", g)
	}
	size := sh.size * textScale
	fmt.Fprintf(w, "%s rg BT /F %.2f Tf %.2f %.2f Td <%s> Tj ET\n",
		sh.fill.pdf(), size, sh.at.x-sh.anchor*width*size/1000, height-sh.at.y, glyphs)
	return nil
}

// widths returns the value of W: the width of each glyph.
func (f *pdfFont) widths() string {
	var b bytes.Buffer
	for _, g := range f.order {
		fmt.Fprintf(&b, "%d [%.0f] ", g, f.width[g])
	}
	return b.String()
}

// unicode returns the map from glyphs to text, for search and for copying.
func (f *pdfFont) unicode() []byte {
	var b bytes.Buffer
	b.WriteString("/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n" +
		"/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n" +
		"/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n" +
		"1 begincodespacerange <0000> <FFFF> endcodespacerange\n")
	const block = 100 // the most that a bfchar section may have
	for rest := f.order; len(rest) > 0; {
		n := min(block, len(rest))
		fmt.Fprintf(&b, "%d beginbfchar\n", n)
		for _, g := range rest[:n] {
			fmt.Fprintf(&b, "<%04X> <", g)
			for _, u := range utf16.Encode([]rune{f.used[g]}) {
				fmt.Fprintf(&b, "%04X", u)
			}
			b.WriteString(">\n")
		}
		b.WriteString("endbfchar\n")
		rest = rest[n:]
	}
	b.WriteString("endcmap CMapName currentdict /CMap defineresource pop end end\n")
	return b.Bytes()
}

// pdfWriter writes numbered objects, from 1, and where they are.
type pdfWriter struct {
	bytes.Buffer
	offsets []int
	err     error
}

func (w *pdfWriter) object(body string) {
	w.offsets = append(w.offsets, w.Len())
	fmt.Fprintf(w, "%d 0 obj\n%s\nendobj\n", len(w.offsets), body)
}

func (w *pdfWriter) stream(dict string, data []byte) {
	var z bytes.Buffer
	c := zlib.NewWriter(&z)
	if _, err := c.Write(data); err != nil {
		w.err = err
	}
	if err := c.Close(); err != nil {
		w.err = err
	}
	w.object(fmt.Sprintf("<< %s/Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream", dict, z.Len(), z.Bytes()))
}

func (w *pdfWriter) finish() ([]byte, error) {
	table := w.Len()
	fmt.Fprintf(w, "xref\n0 %d\n0000000000 65535 f \n", len(w.offsets)+1)
	for _, at := range w.offsets {
		fmt.Fprintf(w, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(w, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(w.offsets)+1, table)
	return w.Bytes(), w.err
}

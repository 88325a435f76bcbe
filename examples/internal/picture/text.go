package picture

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLabel is how many characters of a name are drawn; the tooltip has the whole.
const maxLabel = 48

// shorten cuts a text for a label.
func shorten(s string) string {
	n := 0
	for i := range s {
		if n++; n > maxLabel {
			return s[:i] + "…"
		}
	}
	return s
}

// visible writes out what not every reader of text can hold, or what would hide
// or reorder its neighbours: controls, line breaks but "\n" and tabs among them,
// as <U+0007>, and bytes that are not UTF-8 as <0xFF>.
func visible(s string) string {
	if strings.IndexFunc(s, unfit) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, "<0x%02X>", s[i])
		case unfit(r):
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

func unfit(r rune) bool {
	switch r {
	case '\n', '\t':
		return false
	case utf8.RuneError, 0xFFFE, 0xFFFF, '\u2028', '\u2029':
		return true
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}

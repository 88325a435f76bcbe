package dot

import (
	"errors"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// Escape returns s escaped for use inside the value of an [EscString]
// attribute, where it is shown as it is. A newline becomes \n, which centres the
// line before it; to align it left, escape line by line and put \l after each.
// Graphviz takes the backslashes out of tooltips twice, so text with a backslash
// belongs in a [Text] tooltip.
func Escape(s string) string {
	return string(appendEscaped(nil, s, escaper{}))
}

// EscapeRecord is [Escape] for the label of a record: the characters that
// separate fields and name ports are escaped too, and spaces are kept.
func EscapeRecord(s string) string {
	return string(appendEscaped(nil, s, escaper{record: true}))
}

// EscapeHTML returns s escaped for use as text inside the value of an [HTML]
// attribute. A newline in it is made visible, as other controls are: HTML-like
// labels break lines with <BR/>.
func EscapeHTML(s string) string {
	var dst []byte
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '<' && looksReplaced(s[i:]), c == '\n':
			dst = appendReplaced(dst, rune(c), "&lt;", "&gt;")
			i++
		case c == '<', c == '>', c == '&', c == '"', c == '\'', c == '{', c == '|', c == '}':
			dst = appendEntity(dst, c)
			i++
		case c == '\\':
			dst = append(dst, `\\`...)
			i++
		default:
			var n int
			dst, n = appendRune(dst, s[i:], "&lt;", "&gt;")
			i += n
		}
	}
	return string(dst)
}

// escaper says what appendEscaped escapes beside what it always does.
type escaper struct {
	quote  bool // quotes, for use between quotes
	record bool // what has a meaning in the label of a record
	markup bool // quotes and angle brackets, as entities
}

// appendEscaped appends s so that it reads as text in a string of Graphviz.
func appendEscaped(dst []byte, s string, esc escaper) []byte {
	opening, closing := "<", ">"
	if esc.record {
		opening, closing = `\<`, `\>`
	}
	if esc.markup {
		opening, closing = "&lt;", "&gt;"
	}
	for i := 0; i < len(s); {
		if !esc.record && !esc.markup {
			n := plainLen(s[i:])
			dst = append(dst, s[i:i+n]...)
			i += n
			if i == len(s) {
				break
			}
		}
		switch c := s[i]; {
		case c == '<' && looksReplaced(s[i:]):
			dst = appendReplaced(dst, '<', opening, closing)
			i++
		case esc.markup && (c == '"' || c == '<' || c == '>'):
			dst = appendEntity(dst, c)
			i++
		case c == '"' && esc.quote, c == '\\', isRecordSyntax(c) && esc.record:
			dst = append(dst, '\\', c)
			i++
		case c == '&':
			dst = appendEntity(dst, c)
			i++
		case c == '\n':
			dst = append(dst, `\n`...)
			i++
		default:
			var n int
			dst, n = appendRune(dst, s[i:], opening, closing)
			i += n
		}
	}
	return dst
}

// plainLen returns how many bytes s begins with that mean nothing in any string
// but a record's label: printable ASCII without `"`, `&`, `<` and `\`. It looks at
// eight at a time.
func plainLen(s string) int {
	n := 0
	for ; len(s)-n >= 8; n += 8 {
		if m := notPlain(eight(s[n : n+8])); m != 0 {
			return n + bits.TrailingZeros64(m)/8
		}
	}
	if n == len(s) {
		return n
	}
	// The last eight bytes, or if there are fewer, those and blanks.
	x, from := uint64(each*' '), 0
	if len(s) >= 8 {
		from = len(s) - 8
		x = eight(s[from:])
	} else {
		for i := len(s) - 1; i >= 0; i-- {
			x = x<<8 | uint64(s[i])
		}
	}
	if m := notPlain(x); m != 0 {
		return from + bits.TrailingZeros64(m)/8
	}
	return len(s)
}

const each = 0x0101010101010101 // in each of eight bytes

// eight returns the first eight bytes of s, the first one lowest.
func eight(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// notPlain returns the highest bit of the first of eight bytes that is not plain,
// perhaps with bits above it; 0 if all are plain.
func notPlain(x uint64) uint64 {
	// The highest bit of v - each, where v has it not, is set by a byte of v
	// that is 0, or by a borrow from one before it.
	quote, amp, less, slash := x^each*'"', x^each*'&', x^each*'<', x^each*'\\'
	m := x | // not ASCII
		(x - each*' ') | // a control: where x has not the highest bit, by itself or a borrow
		(x + each) | // DEL
		(quote-each)&^quote | (amp-each)&^amp | (less-each)&^less | (slash-each)&^slash
	return m & (each << 7)
}

func isRecordSyntax(c byte) bool {
	switch c {
	case '{', '}', '|', '<', '>', ' ':
		return true
	}
	return false
}

// appendQuoted appends s as a quoted string that reads as text.
func appendQuoted(dst []byte, s string, esc escaper) []byte {
	esc.quote = true
	dst = append(dst, '"')
	dst = appendEscaped(dst, s, esc)
	return append(dst, '"')
}

// appendEntity appends c as the entity that stands for it, if it needs one.
func appendEntity(dst []byte, c byte) []byte {
	switch c {
	case '<':
		return append(dst, "&lt;"...)
	case '>':
		return append(dst, "&gt;"...)
	case '&':
		return append(dst, "&amp;"...)
	case '"':
		return append(dst, "&quot;"...)
	case '\'':
		return append(dst, "&#39;"...)
	case '{': // these three divide records, whose labels can be HTML-like too
		return append(dst, "&#123;"...)
	case '|':
		return append(dst, "&#124;"...)
	case '}':
		return append(dst, "&#125;"...)
	}
	return append(dst, c)
}

// percentEncode returns s with what no URL may hold percent-encoded: spaces,
// controls, bytes that are not ASCII, and "<>^`{|}, with the backslash or not.
func percentEncode(s string, backslash bool) string {
	var dst []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c > ' ' && c <= '~' && !strings.ContainsRune("\"<>^`{|}", rune(c)) && (c != '\\' || !backslash) {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%', upperHex[c>>4], upperHex[c&0xF])
	}
	return string(dst)
}

// appendEscString appends s as a quoted string in which escapes keep their
// meaning.
func appendEscString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		// A backslash goes with what follows it: \\ is not the beginning of
		// an escaped quote, and nothing must escape the quote at the end.
		switch c, rest := s[i], s[i+1:]; {
		case c == '\\' && (rest == "" || rest[0] == '\\'):
			dst = append(dst, `\\`...)
			i += min(2, len(s)-i)
		case c == '\\' && (rest[0] == '"' || rest[0] == '\n'):
			i++ // what follows is given a backslash of its own
		case c == '"':
			dst = append(dst, `\"`...)
			i++
		case c == '\n':
			dst = append(dst, `\n`...)
			i++
		default:
			var n int
			dst, n = appendRune(dst, s[i:], "<", ">")
			i += n
		}
	}
	return append(dst, '"')
}

// appendHTML appends s, which checkHTML has passed, as an HTML string.
func appendHTML(dst []byte, s string) []byte {
	dst = append(dst, '<')
	for i := 0; i < len(s); {
		if s[i] == '\n' || s[i] == '\r' || s[i] == '\t' { // between tags
			dst = append(dst, s[i])
			i++
			continue
		}
		var n int
		dst, n = appendRune(dst, s[i:], "&lt;", "&gt;")
		i += n
	}
	return append(dst, '>')
}

// checkHTML returns an error if DOT would not find the end of the HTML string.
func checkHTML(s string) error {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '<':
			depth++
			if strings.HasPrefix(s[i:], "<!--") {
				return errors.New("HTML-like value has a comment; take it out")
			}
		case '>':
			depth--
		}
		if depth < 0 {
			break
		}
	}
	if depth != 0 {
		return errors.New("HTML-like value has unbalanced angle brackets; write &lt; and &gt; in text (see EscapeHTML)")
	}
	return nil
}

// appendRune appends the first character of s, made visible if need be, and
// returns how many bytes of s it is.
func appendRune(dst []byte, s, opening, closing string) ([]byte, int) {
	r, n := rune(s[0]), 1
	if r >= utf8.RuneSelf {
		r, n = utf8.DecodeRuneInString(s)
	}
	switch {
	case r == utf8.RuneError && n == 1:
		dst = append(dst, opening...)
		dst = append(dst, '0', 'x', upperHex[s[0]>>4], upperHex[s[0]&0xF])
		return append(dst, closing...), 1
	case isUnfit(r):
		return appendReplaced(dst, r, opening, closing), n
	}
	return append(dst, s[:n]...), n
}

// isUnfit reports whether XML or a reader of DOT cannot hold r, or r would hide
// or reorder what is beside it. It lists code points, and asks no Unicode table, so that the
// output does not change from one version of Go to the next.
func isUnfit(r rune) bool {
	switch {
	case r < ' ':
		return true
	case r < 0x7F:
		return false
	case r <= 0x9F, // DEL and C1
		r == 0x061C, r == 0x200E, r == 0x200F, // direction marks
		0x2028 <= r && r <= 0x202E, // separators, embeddings, overrides
		0x2066 <= r && r <= 0x2069, // isolates
		r == utf8.RuneError,        // gonum's decoder does not read it
		r == 0xFFFE, r == 0xFFFF:
		return true
	}
	return false
}

// appendReplaced appends r, which is below 0x10000, in its visible form.
func appendReplaced(dst []byte, r rune, opening, closing string) []byte {
	dst = append(dst, opening...)
	dst = append(dst, 'U', '+', upperHex[r>>12&0xF], upperHex[r>>8&0xF], upperHex[r>>4&0xF], upperHex[r&0xF])
	return append(dst, closing...)
}

// looksReplaced reports whether s begins like what appendRune makes visible.
func looksReplaced(s string) bool {
	return strings.HasPrefix(s, "<U+") || strings.HasPrefix(s, "<0x")
}

const upperHex = "0123456789ABCDEF"

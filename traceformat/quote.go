package traceformat

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// text is what a line is parsed from: memory that never changes, so that
// results may share it, or a buffer that is used again.
type text interface{ string | []byte }

// appendCommand appends a process name for the end of a line.
func appendCommand(dst []byte, s string) []byte {
	if printable(s) && (s == "" || s[0] != '"') {
		return append(dst, s...)
	}
	return strconv.AppendQuote(dst, s)
}

// appendValue appends the value of a key, which ends at a space.
func appendValue(dst []byte, s string) []byte {
	if printable(s) && strings.IndexByte(s, ' ') < 0 && strings.IndexByte(s, '"') < 0 {
		return append(dst, s...)
	}
	return strconv.AppendQuote(dst, s)
}

// appendPrintable appends s for a message, quoted only where it must be.
func appendPrintable(dst []byte, s string) []byte {
	if printable(s) {
		return append(dst, s...)
	}
	return strconv.AppendQuote(dst, s)
}

// printable reports whether s is valid UTF-8 of runes that strconv.IsPrint
// calls printable. There are no control, format or bidirectional override
// characters in such text, so a terminal shows it as it is.
func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= 0x7f {
			return printableRunes(s[i:])
		}
	}
	return true
}

// printableRunes is printable for text that is not all printable ASCII.
func printableRunes(s string) bool {
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 || !strconv.IsPrint(r) {
			return false
		}
		s = s[n:]
	}
	return true
}

// quotedEnd returns the index after the Go quoted string that begins at s[i],
// or -1 if it does not end. What is between the quotes is not looked at.
func quotedEnd[T text](s T, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

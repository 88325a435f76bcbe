package traceformat

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// SyntaxError is a line that is not an event. It concerns that line only: a
// [Reader] that returned one goes on with the next line.
type SyntaxError struct {
	// File is [Reader.File], empty if it was not set.
	File string
	// Line counts from 1. It is zero where a line was parsed by itself.
	Line int
	// Text is the beginning of the line as it stands in the trace, at most
	// 200 bytes of it. It is hostile: print it with %q.
	Text string
	// Msg says what is wrong. What it cites of the line is quoted.
	Msg string
}

// Error returns "traceformat: ", the position as far as it is known, and Msg,
// all of it printable.
func (e *SyntaxError) Error() string {
	b := []byte("traceformat: ")
	switch {
	case e.File != "" && e.Line > 0:
		b = appendPrintable(b, e.File)
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(e.Line), 10)
		b = append(b, ": "...)
	case e.File != "":
		b = appendPrintable(b, e.File)
		b = append(b, ": "...)
	case e.Line > 0:
		b = append(b, "line "...)
		b = strconv.AppendInt(b, int64(e.Line), 10)
		b = append(b, ": "...)
	}
	return string(append(b, e.Msg...))
}

const (
	maxErrorText  = 200 // bytes of SyntaxError.Text
	maxErrorQuote = 60  // bytes of what a message cites, before quoting
)

// badLine returns the error for line. It copies what it keeps.
func badLine[T text](line T, format string, args ...any) *SyntaxError {
	return &SyntaxError{
		Text: string(line[:clip(line, maxErrorText)]),
		Msg:  fmt.Sprintf(format, args...),
	}
}

// quoteClip quotes s for a message, and marks it with an ellipsis where it had
// to be cut.
func quoteClip[T text](s T) string {
	n := clip(s, maxErrorQuote)
	q := strconv.Quote(string(s[:n]))
	if n < len(s) {
		q += "…"
	}
	return q
}

// clip returns the length to cut s to so that it has at most limit bytes and no
// rune is cut in two.
func clip[T text](s T, limit int) int {
	if len(s) <= limit {
		return len(s)
	}
	for n := limit; n > limit-utf8.UTFMax; n-- {
		if utf8.RuneStart(s[n]) {
			return n
		}
	}
	return limit
}

package traceformat

import (
	"bytes"
	"strings"
)

// Parse parses one line, with or without the newline at its end. It does not
// allocate unless a value is quoted or has a time: the strings of the result
// share the line's memory.
//
// The error is a *[SyntaxError] without a position. An empty line and a
// comment, which a [Reader] skips, are errors here.
func Parse(line string) (e Event, err error) {
	line = trimEOL(line)
	if strings.IndexByte(line, '\n') >= 0 {
		return e, errLines(line)
	}
	if err = parseLine(nil, line, &e); err != nil {
		e = Event{}
	}
	return e, err
}

// Parser parses lines that are held in a buffer which is used again. It keeps
// one copy of each name that it has met, within fixed bounds (about a
// megabyte), so that in the steady state it does not allocate. The zero value
// is ready to use. A Parser must not be used by several goroutines at the same
// time; the events that it returns may be.
type Parser struct{ intern interner }

// Parse is [Parse] for bytes. The result shares no memory with line.
func (p *Parser) Parse(line []byte) (e Event, err error) {
	line = trimEOL(line)
	if bytes.IndexByte(line, '\n') >= 0 {
		return e, errLines(line)
	}
	if err = parseLine(&p.intern, line, &e); err != nil {
		e = Event{}
	}
	return e, err
}

func errLines[T text](s T) error {
	return badLine(s, "%s is more than one line", quoteClip(s))
}

// trimEOL cuts "\n", "\r\n" or "\r" off the end of s.
func trimEOL[T text](s T) T {
	if len(s) > 0 && s[len(s)-1] == '\n' {
		s = s[:len(s)-1]
	}
	if len(s) > 0 && s[len(s)-1] == '\r' {
		s = s[:len(s)-1]
	}
	return s
}

// parseLine parses a line without its newline into e, which must be zero. On an
// error e holds what was parsed until then.
func parseLine[T text](in *interner, s T, e *Event) error {
	// Nearly every line has two IPv4 endpoints. Any other, and any mistake,
	// is for parseEndpoint.
	remote, i := scan4(s, 0)
	n := 0
	if i >= 0 {
		e.Direction, n = arrowAt(s, i)
	}
	if n == 0 {
		var err error
		if remote, i, err = parseEndpoint(in, s, 0, "remote"); err != nil {
			return err
		}
		if e.Direction, n = arrowAt(s, i); n == 0 {
			return badLine(s, "no arrow after the remote endpoint in %s", quoteClip(s))
		}
	}
	i += n
	local, next := scan4(s, i)
	if next < 0 || next == len(s) || s[next] != '|' {
		var err error
		if local, next, err = parseEndpoint(in, s, i, "local"); err != nil {
			return err
		}
		if next == len(s) || s[next] != '|' {
			return badLine(s, "no | after the local endpoint in %s", quoteClip(s))
		}
	}
	e.Remote, e.Local = remote, local
	return parseMetadata(in, s, next+1, e)
}

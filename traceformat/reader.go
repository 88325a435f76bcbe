package traceformat

import (
	"bytes"
	"fmt"
	"io"
	"iter"
)

// MaxLine is the greatest length of a line in bytes, without its newline.
const MaxLine = 1 << 20

// The Reader's buffer: at first, and the most, in which a line of MaxLine fits
// with a byte-order mark before it and a carriage return and newline after it.
const (
	readSize    = 64 << 10
	maxReadSize = MaxLine + 8
)

// Reader reads events from a stream of lines. It skips empty lines, comments
// (lines that begin with '#') and a UTF-8 byte-order mark at the beginning, and
// gives a *[SyntaxError] for each line that is no event, among them lines
// longer than [MaxLine].
//
// It reads in blocks, hands each event out as soon as its line is there, and
// needs memory for one block or the longest line, whichever is more. A Reader
// must not be used by several goroutines at the same time.
type Reader struct {
	// File is the name of the stream in errors. It may be empty.
	File string

	r       io.Reader
	parser  Parser
	buf     []byte
	unread  []byte // part of buf that was read and not yet cut into lines
	scanned int    // bytes of unread that are known to hold no newline
	line    int    // number of the last line that was cut
	err     error  // why nothing more can be read

	// tooLong is the error for the line that is being skipped, if one is.
	tooLong *SyntaxError
}

// NewReader returns a Reader of r.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// All returns an iterator over the events that are left. A line that is no
// event yields a zero Event and a *[SyntaxError], and the iteration goes on.
// Any other error comes from the underlying reader, is yielded once, and ends
// the iteration. The end of the stream is no error. After an early break, a
// further All goes on with the next line.
func (r *Reader) All() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			var e Event
			ok, err := r.next(&e)
			switch {
			case ok:
				if !yield(e, err) {
					return
				}
			case r.err == nil:
				r.fill()
			default:
				if r.err != io.EOF {
					yield(Event{}, r.final())
				}
				return
			}
		}
	}
}

// Read stores the next event in e. Its error is a *[SyntaxError] if the line is
// no event, and the next Read goes on with the next line; [io.EOF] at the end
// of the stream; else it wraps what the underlying reader returned. The last
// two are final. On an error e is zero.
//
// A last line without a newline counts at the end of the stream, but not where
// reading fails: there it may be half a line.
func (r *Reader) Read(e *Event) error {
	for {
		if ok, err := r.next(e); ok {
			return err
		}
		if r.err != nil {
			return r.final()
		}
		r.fill()
	}
}

// final returns the error that ends the stream.
func (r *Reader) final() error {
	if r.err == io.EOF {
		return io.EOF
	}
	return fmt.Errorf("traceformat: read line %d: %w", r.line+1, r.err)
}

// next stores in e the next event of what has been read, or returns the error
// of its next bad line. It reports false if no whole line is left there.
func (r *Reader) next(e *Event) (ok bool, err error) {
	*e = Event{}
	for {
		line, ok := r.cut()
		if !ok {
			return false, nil
		}
		switch {
		case r.tooLong != nil:
			err, r.tooLong = r.tooLong, nil
		case len(line) > MaxLine:
			err = errTooLong(line)
		case len(line) == 0 || line[0] == '#':
			continue
		default:
			err = parseLine(&r.parser.intern, line, e)
		}
		if err != nil {
			*e = Event{}
			if s, ok := err.(*SyntaxError); ok {
				s.File, s.Line = r.File, r.line
			}
		}
		return true, err
	}
}

// cut cuts the next line, without its newline, off r.unread. At the end of the
// stream what is left there is a line.
func (r *Reader) cut() (line []byte, ok bool) {
	if n := bytes.IndexByte(r.unread[r.scanned:], '\n'); n >= 0 {
		n += r.scanned
		line, r.unread = r.unread[:n], r.unread[n+1:]
	} else {
		r.scanned = len(r.unread)
		if r.err != io.EOF || len(r.unread) == 0 && r.tooLong == nil {
			return nil, false
		}
		line, r.unread = r.unread, nil
	}
	r.scanned = 0
	r.line++
	if r.line == 1 {
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	return trimEOL(line), true
}

// fill reads once, behind what is left in r.unread. It sets r.err where nothing
// more can be read.
func (r *Reader) fill() {
	if len(r.unread) == maxReadSize && r.tooLong == nil {
		r.tooLong = errTooLong(r.unread)
	}
	if r.tooLong != nil {
		r.unread = nil
	}
	if len(r.unread) == len(r.buf) {
		size := min(max(readSize, 2*len(r.buf)), maxReadSize)
		buf := make([]byte, size)
		copy(buf, r.unread)
		r.buf = buf
	} else {
		copy(r.buf, r.unread)
	}
	have := len(r.unread)
	r.scanned = have
	for range 100 {
		n, err := r.r.Read(r.buf[have:])
		if n < 0 || n > len(r.buf)-have {
			n, err = 0, fmt.Errorf("invalid count %d from Read", n)
		}
		r.unread, r.err = r.buf[:have+n], err
		if n > 0 || err != nil {
			return
		}
	}
	r.err = io.ErrNoProgress
}

// errTooLong returns the error for a line that is too long and begins with b.
func errTooLong(b []byte) *SyntaxError {
	return badLine(b, "the line is longer than %d bytes: %s", MaxLine, quoteClip(b))
}

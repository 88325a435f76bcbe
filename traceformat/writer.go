package traceformat

import (
	"fmt"
	"io"
)

const writeSize = 64 << 10 // bytes that a Writer collects before it writes

// Writer writes events as lines. It collects whole lines and writes them when
// there are about 64 KiB of them, or on Flush: a program that passes events on
// as they happen calls Flush whenever no further event is waiting. No line is
// ever split between two writes.
//
// A Writer must not be used by several goroutines at the same time.
type Writer struct {
	w      io.Writer
	format Format
	buf    []byte
	err    error // of w, final
}

// NewWriter returns a Writer of lines in the format f to w.
func NewWriter(w io.Writer, f Format) *Writer { return &Writer{w: w, format: f} }

// Write adds the line of e. It refuses an event that no line can stand for (see
// [Event.MarshalText]), that is longer than [MaxLine], or that is not an Open
// event though the format is basic: such a line would be read as the opening of
// a connection. The next event can be written as if nothing had been.
//
// An error of the underlying writer is final: this and every later Write and
// Flush return it, and lines are lost.
func (w *Writer) Write(e Event) error {
	if w.err != nil {
		return w.err
	}
	if err := e.check(); err != nil {
		return fmt.Errorf("traceformat: write event: %w", err)
	}
	if !w.format.Extended && e.Kind != Open {
		return fmt.Errorf("traceformat: write event: the basic form has no %v events, use the extended one", e.Kind)
	}
	start := len(w.buf)
	w.buf = e.appendTo(w.buf, w.format)
	if n := len(w.buf) - start; n > MaxLine {
		w.buf = w.buf[:start]
		return fmt.Errorf("traceformat: write event: the line has %d bytes, more than %d", n, MaxLine)
	}
	w.buf = append(w.buf, '\n')
	if len(w.buf) < writeSize {
		return nil
	}
	return w.Flush()
}

// Flush writes the lines that were collected, in one call of the underlying
// writer, and none if there are none.
func (w *Writer) Flush() error {
	if w.err != nil || len(w.buf) == 0 {
		return w.err
	}
	n, err := w.w.Write(w.buf)
	if err == nil && n != len(w.buf) {
		err = io.ErrShortWrite
	}
	w.buf = w.buf[:0]
	if err != nil {
		w.err = fmt.Errorf("traceformat: write: %w", err)
	}
	return w.err
}

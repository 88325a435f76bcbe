package traceformat

import (
	"io"
	"iter"
)

// How far Prefetch parses ahead: in batches of some 70 KB, which a processor's
// own cache holds, and few of them.
const (
	prefetchBatch   = 256
	prefetchBatches = 8
)

// parsed is what All yields.
type parsed struct {
	event Event
	err   error
}

// Prefetch is [Reader.All] with the reading and the parsing on a goroutine of
// its own, at most about two thousand events ahead. It yields the same in the
// same order, and from a live stream as soon: it never waits for more events
// while there is one to yield.
//
// It takes less time where there are idle processors and the caller takes
// longer over an event than parsing does; but more processor time, since every
// event goes from one processor's cache to another's. Measure before you
// choose it over All.
//
// The iterator owns the Reader: nothing else may use it from the first event
// on, not even after an early break. A break returns at once; the goroutine
// ends then too, or as soon as a Read of the underlying reader that is under
// way returns.
func (r *Reader) Prefetch() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		full := make(chan []parsed, prefetchBatches)
		free := make(chan []parsed, prefetchBatches)
		done := make(chan struct{})
		defer close(done)
		for range prefetchBatches {
			free <- nil
		}
		go r.prefetch(full, free, done)
		for batch := range full {
			for i := range batch {
				if !yield(batch[i].event, batch[i].err) {
					return
				}
			}
			free <- batch[:0]
		}
	}
}

// prefetch sends what is left to full, which it closes, in the batches that it
// receives from free.
func (r *Reader) prefetch(full chan<- []parsed, free <-chan []parsed, done <-chan struct{}) {
	defer close(full)
	for {
		var batch []parsed
		select {
		case <-done:
			return
		case batch = <-free:
		}
		if batch == nil {
			batch = make([]parsed, 0, prefetchBatch)
		}
		batch, more := r.parseBatch(batch)
		full <- batch // never blocks: there are no more batches than it holds
		if !more {
			return
		}
	}
}

// parseBatch fills an empty batch as far as it can without waiting for input
// once it has something in it. It reports false at the end of the stream.
func (r *Reader) parseBatch(batch []parsed) (_ []parsed, more bool) {
	for len(batch) < cap(batch) {
		n := len(batch)
		batch = batch[:n+1]
		ok, err := r.next(&batch[n].event)
		batch[n].err = err
		switch {
		case ok:
		case r.err == io.EOF:
			return batch[:n], false
		case r.err != nil:
			batch[n].err = r.final()
			return batch, false
		case n > 0:
			return batch[:n], true
		default:
			batch = batch[:n]
			r.fill()
		}
	}
	return batch, true
}

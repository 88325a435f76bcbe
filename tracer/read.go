//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"iter"
	"os"
)

// errReading is the error of a second reader.
var errReading = errors.New("tracer: the events are being read already: use the channel or one iterator, not both")

// Batches iterates over the events as they come, some at a time: it waits until
// there is one, and yields it with all that came until then. The first batch is
// what was open before and can be empty, later ones are not. The slice is
// overwritten by the next batch.
//
// It is the cheapest way to the events, as nothing goes from one goroutine to
// another: what a program does between two batches, such as flushing a writer,
// it does at least once every ten milliseconds or so of a busy machine.
//
// The iteration ends after [Tracer.Stop], when everything was delivered, and
// after [Tracer.Close]; an error is yielded last, with no events. A loop that
// breaks off leaves the rest for a later one. There can be one reader at a time
// only: while another loop runs, or after a call of [Tracer.Events], the only
// thing that is yielded is an error.
func (t *Tracer) Batches() iter.Seq2[[]Event, error] {
	return func(yield func([]Event, error) bool) {
		if t.started.Load() {
			yield(nil, errReading)
			return
		}
		if err := t.read(func(batch []Event) bool { return yield(batch, nil) }); err != nil {
			yield(nil, err)
		}
	}
}

// Events returns the channel on which the events come. It is closed after
// [Tracer.Stop], when everything was delivered, after [Tracer.Close], and when
// reading fails; see [Tracer.Err]. A consumer that falls behind fills the
// kernel's buffer, and what has no room there is counted in [Stats].
func (t *Tracer) Events() <-chan Event {
	t.startOnce.Do(func() {
		t.started.Store(true)
		go t.feed()
	})
	return t.events
}

// Err returns why the channel of events was closed: nil after Stop and Close,
// and before it is closed.
func (t *Tracer) Err() error {
	select {
	case <-t.done:
		return t.err
	default:
		return nil
	}
}

// feed is the goroutine that sends on the channel and alone closes it.
func (t *Tracer) feed() {
	defer close(t.done)
	defer close(t.events)
	t.err = t.read(func(batch []Event) bool {
		for i := range batch {
			if !t.send(&batch[i]) {
				return false
			}
		}
		return true
	})
}

// send delivers an event; it reports whether to go on.
func (t *Tracer) send(e *Event) bool {
	// A select of one case costs half of one of two.
	select {
	case t.events <- *e:
		return true
	default:
	}
	select {
	case t.events <- *e:
		return true
	case <-t.quit:
		return false
	}
}

// errBreak is that the reader has had enough.
var errBreak = errors.New("break")

// read gives the events to a function until that returns false or all are given.
func (t *Tracer) read(deliver func([]Event) bool) error {
	if !t.reading.CompareAndSwap(false, true) {
		return errReading
	}
	defer t.reading.Store(false)
	if t.exhausted.Load() {
		return nil
	}
	err := t.pump.run(deliver)
	if errors.Is(err, errBreak) {
		return nil
	}
	t.exhausted.Store(true)
	if err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("tracer: %w", err)
	}
	return nil
}

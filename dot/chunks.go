package dot

import (
	"errors"
	"math"
	"runtime"
	"sync"
)

// text is what a chunk of edges came to.
type text struct {
	b   []byte
	err error
}

// ahead is how many chunks each goroutine may be ahead of the writing.
const ahead = 2

// chunks writes edges that are listed in chunks, by as many goroutines as there
// are processors, which take turns: one has the first, the next the second. When
// it returns none of them is left.
func (e *encoder) chunks(chunks []EdgeSeq) error {
	workers := min(runtime.GOMAXPROCS(0), len(chunks))
	if workers < 2 {
		for _, c := range chunks {
			if err := e.chunk(c); err != nil {
				return err
			}
		}
		return nil
	}
	if err := e.flush(); err != nil {
		return err
	}
	stop := make(chan struct{})
	var running sync.WaitGroup
	defer running.Wait()
	defer close(stop)
	texts := make([]chan text, workers)
	for i := range texts {
		texts[i] = make(chan text, ahead)
		running.Go(func() { e.twin(stop).turns(chunks, i, workers, texts[i]) })
	}
	for i := range chunks {
		t := <-texts[i%workers]
		if t.err != nil {
			return t.err
		}
		e.buf = t.b
		if err := e.flush(); err != nil {
			return err
		}
	}
	e.buf = nil
	return nil
}

// errStopped says that an edge was not written, since nobody wants it any more.
var errStopped = errors.New("stopped")

// twin returns an encoder for edges, which collects what it writes.
func (e *encoder) twin(stop <-chan struct{}) *encoder {
	return &encoder{opts: e.opts, directed: e.directed, names: e.names, depth: e.depth, full: math.MaxInt, stop: stop}
}

// turns sends the text of every so many chunks, from the first on, until it is
// stopped or one cannot be written.
func (e *encoder) turns(chunks []EdgeSeq, first, step int, texts chan<- text) {
	// When a text has been sent, those from ahead+1 before it on are written, and
	// their memory is free.
	var spare [ahead + 1][]byte
	for n := 0; first < len(chunks); first += step {
		err := e.chunk(chunks[first])
		if err == errStopped {
			return
		}
		select {
		case texts <- text{e.buf, err}:
		case <-e.stop:
			return
		}
		if err != nil {
			return
		}
		e.buf, spare[n] = spare[n][:0], e.buf
		n = (n + 1) % len(spare)
	}
}

func (e *encoder) chunk(c EdgeSeq) error {
	if c == nil {
		return errors.New("dot: EdgeChunks has a nil chunk")
	}
	return e.list(c)
}

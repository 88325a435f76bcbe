//go:build linux

package tracer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf/ringbuf"
)

// collector reads the ring buffer while nobody is given the events yet, lest it
// becomes full: a snapshot can take a while.
type collector struct {
	ring    *ringbuf.Reader
	records [][]byte
	err     error
	stop    atomic.Bool
	done    chan struct{}
}

func collect(ring *ringbuf.Reader) *collector {
	c := &collector{ring: ring, done: make(chan struct{})}
	go c.run()
	return c
}

func (c *collector) run() {
	defer close(c.done)
	var r ringbuf.Record
	for !c.stop.Load() {
		// Nobody wakes it: see the pump.
		c.ring.SetDeadline(time.Now().Add(drainEvery))
		switch err := c.ring.ReadInto(&r); {
		case err == nil:
			c.records = append(c.records, bytes.Clone(r.RawSample))
		case !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, ringbuf.ErrFlushed):
			c.err = fmt.Errorf("read the ring buffer: %w", err)
			return
		}
	}
}

// finish ends the reading and returns what was read. There can be more.
func (c *collector) finish() ([][]byte, error) {
	c.stop.Store(true)
	if err := c.ring.Flush(); err != nil {
		return nil, fmt.Errorf("flush the ring buffer: %w", err)
	}
	<-c.done
	return c.records, c.err
}

//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cilium/ebpf/ringbuf"
)

// How the reader waits. While events keep coming it looks every drainEvery
// without being woken, since waking it costs more than all the rest of an
// event. After a look in vain it asks to be woken by the next one. The request
// can cross with an event on its way, so it looks once more after settleFor;
// and every idleFor at the latest, for connections that nobody accepts.
const (
	drainEvery = 5 * time.Millisecond
	settleFor  = 15 * time.Millisecond
	idleFor    = time.Second
)

// pump moves events from the ring buffer to the channel.
type pump struct {
	*Tracer
	scanner scanner
	record  ringbuf.Record
	event   Event
}

var past = time.Unix(1, 0)

func (p *pump) run() error {
	defer p.kernel.setWaiting(false)
	wait := time.NewTimer(0)
	defer wait.Stop()
	settled := false
	for {
		select {
		case <-p.quit:
			return nil
		case <-p.stop:
			return p.finish()
		default:
		}
		n, err := p.drain(past)
		if err != nil {
			return err
		}
		if err := p.scanner.scanIfDue(); err != nil {
			return err
		}
		if n > 0 {
			settled = false
			wait.Reset(drainEvery)
			select {
			case <-wait.C:
			case <-p.stop:
			case <-p.quit:
			}
			continue
		}
		pause := settleFor
		if settled {
			pause = idleFor
		}
		p.kernel.setWaiting(true)
		n, err = p.drain(time.Now().Add(pause))
		p.kernel.setWaiting(false)
		if err != nil {
			return err
		}
		settled = n == 0
	}
}

// drain delivers events until there is none, for which it waits until the
// deadline. It returns how many records it read.
func (p *pump) drain(deadline time.Time) (n int, err error) {
	p.ring.SetDeadline(deadline)
	for {
		err := p.ring.ReadInto(&p.record)
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, ringbuf.ErrFlushed) {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("read the ring buffer: %w", err)
		}
		if n++; n == 1 {
			p.ring.SetDeadline(past)
		}
		ok, err := p.decoder.decode(p.record.RawSample, &p.event)
		if err != nil {
			return n, err
		}
		if !ok {
			continue
		}
		p.received.Add(1)
		if !p.send(&p.event) {
			return n, os.ErrClosed
		}
	}
}

// finish detaches and delivers what is left.
func (p *pump) finish() error {
	if err := p.kernel.detach(); err != nil {
		return err
	}
	if _, err := p.kernel.scan(0); err != nil {
		return err
	}
	_, err := p.drain(past)
	return err
}

// scanner looks for incoming connections that nobody accepts.
type scanner struct {
	kernel *kernel
	after  time.Duration
	seen   uint64    // connections that had begun to wait at the last scan
	next   time.Time // when to scan
}

// scanIfDue scans some time after connections began to wait for their accept.
// Busy servers make that all the time, so scans are kept to a small part of it.
func (s *scanner) scanIfDue() error {
	now := time.Now()
	if now.Before(s.next) {
		return nil
	}
	seen := s.kernel.waited()
	pending := seen != s.seen
	s.next = now.Add(s.after)
	if !pending {
		return nil
	}
	left, err := s.kernel.scan(s.after)
	if err != nil {
		return err
	}
	if left == 0 {
		s.seen = seen
	}
	s.next = time.Now().Add(s.after + 50*time.Since(now))
	return nil
}

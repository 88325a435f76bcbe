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
// event. After a look in vain it asks to be woken by the next one, and looks
// again, for what came before it asked. The request can cross with an event on its
// way all the same, so it looks once more after settleFor; and every idleFor at the
// latest, for connections that nobody accepts.
const (
	drainEvery = 10 * time.Millisecond
	settleFor  = 15 * time.Millisecond
	idleFor    = time.Second
)

// batchSize is how many events are delivered at once at most: so many that what
// is done once a batch costs little, and so few that they stay in the cache.
const batchSize = 128

// pump moves events from the ring buffer to whoever reads them.
type pump struct {
	*Tracer
	scanner scanner
	adder   aggregator
	record  ringbuf.Record
	before  []Event  // the snapshot, until it is delivered
	early   [][]byte // records that came meanwhile, until they are
	begun   bool
	batch   []Event // read, and not delivered yet
	totals  []total // the same
	deliver func([]Event) bool
}

func newPump(t *Tracer, before []Event, early [][]byte, o *Options) *pump {
	return &pump{
		Tracer:  t,
		scanner: scanner{kernel: t.kernel, after: o.Unaccepted},
		adder:   newAggregator(t.kernel, o.Aggregate),
		before:  before,
		early:   early,
		batch:   make([]Event, 0, batchSize),
	}
}

var past = time.Unix(1, 0)

// run delivers events until there are no more, which is no error, or until
// errBreak.
func (p *pump) run(deliver func([]Event) bool) error {
	p.deliver = deliver
	defer p.kernel.setWaiting(false)
	select {
	case <-p.quit:
		return nil
	default:
	}
	if !p.begun {
		p.begun = true
		before := p.before
		p.before = nil
		if !deliver(before) {
			return errBreak
		}
	}
	for len(p.early) > 0 {
		b := p.early[0]
		p.early = p.early[1:]
		if err := p.add(b); err != nil {
			return err
		}
	}
	if err := p.flush(); err != nil {
		return err
	}
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
		totals, err := p.adder.step(time.Now())
		if err != nil {
			return err
		}
		p.totals = append(p.totals, totals...)
		if err := p.deliverTotals(); err != nil {
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
			if p.adder.every > 0 {
				pause = min(pause, max(time.Until(p.adder.next), 0))
			}
		}
		p.kernel.setWaiting(true)
		n, err = p.drain(past)
		if n == 0 && err == nil {
			n, err = p.drain(time.Now().Add(pause))
		}
		p.kernel.setWaiting(false)
		if err != nil {
			return err
		}
		settled = n == 0
	}
}

// drain delivers the events that there are; for the first one it waits until the
// deadline. It returns how many records it read. It does not look for more than
// it saw: to find none takes a system call, and as soon as there is one the
// runtime wakes threads of its own.
func (p *pump) drain(deadline time.Time) (n int, err error) {
	p.ring.SetDeadline(deadline)
	for {
		err := p.ring.ReadInto(&p.record)
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, ringbuf.ErrFlushed) {
			return n, p.flush()
		}
		if err != nil {
			return n, errors.Join(p.flush(), fmt.Errorf("read the ring buffer: %w", err))
		}
		if n++; n == 1 {
			p.ring.SetDeadline(past)
		}
		if err := p.add(p.record.RawSample); err != nil {
			return n, err
		}
		if p.record.Remaining == 0 {
			return n, p.flush()
		}
	}
}

// add adds a record to the batch, and delivers that if it is full.
func (p *pump) add(record []byte) error {
	i := len(p.batch)
	p.batch = p.batch[:i+1] // in place: an event is large
	ok, err := p.decoder.decode(record, &p.batch[i])
	if !ok || err != nil {
		p.batch = p.batch[:i]
	}
	if err != nil || len(p.batch) == batchSize {
		err = errors.Join(p.flush(), err)
	}
	return err
}

// flush delivers the batch.
func (p *pump) flush() error {
	if len(p.batch) == 0 {
		return nil
	}
	p.received.Add(uint64(len(p.batch)))
	ok := p.deliver(p.batch)
	p.batch = p.batch[:0]
	if !ok {
		return errBreak
	}
	return nil
}

// deliverTotals delivers the events of the totals that were taken from the
// kernel. If the reader has had enough, the rest waits for the next one.
func (p *pump) deliverTotals() error {
	for len(p.totals) > 0 {
		var err error
		p.batch, err = p.decoder.decodeTotal(&p.totals[0], p.batch)
		p.totals = p.totals[1:]
		if err == nil && len(p.batch) > batchSize-2 { // for the next one's two
			err = p.flush()
		}
		if err != nil {
			return err
		}
	}
	return p.flush()
}

// finish detaches and delivers what is left.
func (p *pump) finish() error {
	if err := p.kernel.detach(); err != nil {
		return err
	}
	if _, err := p.kernel.scan(0); err != nil {
		return err
	}
	totals, err := p.adder.finish()
	if err != nil {
		return err
	}
	p.totals = append(p.totals, totals...)
	for n := 1; n > 0; {
		if n, err = p.drain(past); err != nil {
			return err
		}
	}
	return p.deliverTotals()
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

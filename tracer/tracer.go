//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cilium/ebpf/ringbuf"

	"example.com/tcpgraph/bpf"
)

// Tracer is a running trace. Its methods may be called by several goroutines,
// but its events go to one reader: a channel or an iterator.
type Tracer struct {
	kernel  *kernel
	decoder *decoder
	ring    *ringbuf.Reader
	pump    *pump

	snapshot uint64
	received atomic.Uint64

	stop      chan struct{} // closed by Stop: report what is left, then end
	quit      chan struct{} // closed by Close: end now
	stopOnce  sync.Once
	quitOnce  sync.Once
	reading   atomic.Bool // somebody is being given the events
	exhausted atomic.Bool // all were given

	events    chan Event
	startOnce sync.Once
	started   atomic.Bool
	done      chan struct{} // closed after events
	err       error         // set before done is closed
	close     error         // set by the call to Close that came first

	last atomic.Pointer[Lost] // once the maps are closed
}

// Open attaches to the kernel and takes the snapshot of what is open already.
// When it returns, no connection that opens from then on is missed. A nil opts
// is the zero Options.
//
// The error wraps [os.ErrPermission] when privileges are missing, and
// [errors.ErrUnsupported] when the kernel is too old, lacks BTF, or lacks what
// the options ask for; its text says what to do.
func Open(opts *Options) (*Tracer, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	t, err := open(&o)
	if err != nil {
		return nil, fmt.Errorf("tracer: %w", explain(err))
	}
	return t, nil
}

func open(o *Options) (t *Tracer, err error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	if err := checkKernel(); err != nil {
		return nil, err
	}
	if err := checkPrivileges(); err != nil {
		return nil, err
	}
	k, err := load(o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.Close())
		}
	}()
	if err := k.attach(o.AcceptHook); err != nil {
		return nil, err
	}
	k.spec, k.cache = nil, nil // some MB, with the kernel's types
	d, err := newDecoder()
	if err != nil {
		return nil, err
	}
	ring, err := ringbuf.NewReader(k.table(bpf.TcpgraphMapEvents))
	if err != nil {
		return nil, fmt.Errorf("open the ring buffer: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ring.Close())
		}
	}()
	early := collect(ring)
	records, err := k.takeSnapshot(o)
	meanwhile, collectErr := early.finish()
	if err = errors.Join(err, collectErr); err != nil {
		return nil, err
	}
	t = &Tracer{
		kernel:  k,
		decoder: d,
		ring:    ring,
		events:  make(chan Event, o.Buffer),
		stop:    make(chan struct{}),
		quit:    make(chan struct{}),
		done:    make(chan struct{}),
	}
	before := d.decodeSnapshot(records)
	t.snapshot = uint64(len(before))
	t.received.Store(t.snapshot)
	t.pump = newPump(t, before, meanwhile, o)
	return t, nil
}

// Stats returns the counts so far. It may be called after Close.
func (t *Tracer) Stats() Stats {
	s := t.kernel.stats()
	s.Received = t.received.Load()
	s.Snapshot = t.snapshot
	if last := t.last.Load(); last != nil {
		s.Lost = *last
	} else {
		s.Lost = t.kernel.lost()
	}
	return s
}

// Stop detaches from the kernel, without waiting. What happened before is still
// delivered, incoming connections that nobody has accepted among it, and then
// the channel of events is closed. Close is to be called all the same.
func (t *Tracer) Stop() {
	t.stopOnce.Do(func() {
		close(t.stop)
		_ = t.ring.Flush() // wakes the reader; it fails only after Close
	})
}

// Close ends the trace and frees everything. Events that were not received yet
// are discarded; call [Tracer.Stop] and empty the channel first to have them.
// Further calls wait for the first and return the same. It may be called by the
// body of a loop over [Tracer.Batches], which then ends.
func (t *Tracer) Close() error {
	t.quitOnce.Do(func() {
		close(t.quit)
		err := t.ring.Close() // ends a Read that waits
		if t.started.Load() {
			<-t.done
		}
		last := t.kernel.lost()
		t.last.Store(&last)
		t.close = errors.Join(err, t.kernel.Close())
	})
	return t.close
}

//go:build linux

package tracer

import (
	"fmt"
	"io"
	"time"

	"example.com/tcpgraph/bpf"
)

// aggregateMaps are used only if connections are added up.
var aggregateMaps = []string{bpf.TcpgraphMapFlows, bpf.TcpgraphMapTotals, bpf.TcpgraphMapTold, bpf.TcpgraphMapLocals}

// aggregator makes events of the totals that the kernel keeps. Each total is of
// an epoch; it is read an epoch later, when no program adds to it any more.
type aggregator struct {
	kernel *kernel
	every  time.Duration // 0: nothing is added up
	next   time.Time
	epoch  uint32
}

// step begins an epoch if it is time to. It returns the totals that are final.
func (a *aggregator) step(now time.Time) ([]total, error) {
	if a.every == 0 || now.Before(a.next) {
		return nil, nil
	}
	a.next = now.Add(a.every)
	if err := a.kernel.sweep(a.every); err != nil {
		return nil, err
	}
	epoch := a.epoch
	a.epoch++
	if err := a.kernel.variable(bpf.TcpgraphVarCurrentEpoch).Set(a.epoch); err != nil {
		return nil, fmt.Errorf("set current_epoch: %w", err)
	}
	return a.kernel.takeTotals(func(e uint32) bool { return e != epoch && e != a.epoch })
}

// finish reports connections that have not ended, and returns all totals. The
// hooks must be detached.
func (a *aggregator) finish() ([]total, error) {
	if a.every == 0 {
		return nil, nil
	}
	if err := a.kernel.sweep(0); err != nil {
		return nil, err
	}
	return a.kernel.takeTotals(func(uint32) bool { return true })
}

// sweep has the connections reported that are at least that old, and in no
// total.
func (k *kernel) sweep(after time.Duration) error {
	if err := k.variable(bpf.TcpgraphVarAggregateAfter).Set(uint64(after)); err != nil {
		return fmt.Errorf("set aggregate_after: %w", err)
	}
	r, err := k.sweeps.Open()
	if err != nil {
		return fmt.Errorf("look for connections that last: %w", err)
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err != nil {
		return fmt.Errorf("look for connections that last: %w", err)
	}
	return nil
}

// total is an entry of the map of totals.
type total struct {
	key bpf.TcpgraphTotalKey
	sum bpf.TcpgraphTotal
}

// takeTotals removes the totals of some epochs and returns them.
func (k *kernel) takeTotals(ofEpoch func(uint32) bool) (found []total, err error) {
	m := k.table(bpf.TcpgraphMapTotals)
	var t total
	entries := m.Iterate()
	for entries.Next(&t.key, &t.sum) {
		if ofEpoch(t.key.Epoch) {
			found = append(found, t)
		}
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("read the totals: %w", err)
	}
	for i := range found {
		if err := m.Delete(&found[i].key); err != nil {
			return nil, fmt.Errorf("delete a total: %w", err)
		}
	}
	return found, nil
}

// decodeTotal appends the events of a total, one for each end that is known.
func (d *decoder) decodeTotal(t *total, events []Event) ([]Event, error) {
	for i := range t.sum.Sides {
		s := &t.sum.Sides[i]
		if s.Opened == 0 {
			continue
		}
		r := bpf.TcpgraphEvent{
			Type:     uint8(bpf.TcpgraphRecordTypeREC_CLOSE),
			How:      s.How,
			Time:     s.Closed,
			Sent:     s.Sent,
			Received: s.Received,
			Owner:    s.Owner,
		}
		r.Tuple.Netns, r.Tuple.Ifindex = s.Netns, s.Ifindex
		if i == 0 {
			r.Direction = uint8(bpf.TcpgraphDirectionDIR_OUTGOING)
			r.Tuple.Local, r.Tuple.LocalPort = t.key.Client, t.sum.ClientPort
			r.Tuple.Remote, r.Tuple.RemotePort = t.key.Server, t.key.Port
		} else {
			r.Direction = uint8(bpf.TcpgraphDirectionDIR_INCOMING)
			r.Tuple.Local, r.Tuple.LocalPort = t.key.Server, t.key.Port
			r.Tuple.Remote, r.Tuple.RemotePort = t.key.Client, t.sum.ClientPort
		}
		var e Event
		if err := d.convert(&r, &e); err != nil {
			return nil, err
		}
		e.Count = t.sum.Count
		events = append(events, e)
	}
	return events, nil
}

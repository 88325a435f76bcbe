//go:build linux

package tracer

import (
	"fmt"
	"time"

	"example.com/tcpgraph/bpf"
)

// aggregateMaps are used only if connections are added up.
var aggregateMaps = []string{bpf.TcpgraphMapFlows, bpf.TcpgraphMapTotals, bpf.TcpgraphMapTold, bpf.TcpgraphMapLocals}

// sweepEvery is how often the kernel's table of connections is gone through at
// least, which also bounds what it holds of those that are done: some 12 MB at
// 40,000 a second. Its 262,144 buckets take some milliseconds each time.
const sweepEvery = time.Second

// aggregator makes events of the totals that the kernel keeps. Each total is of
// an epoch; it is read an epoch later, when no program adds to it any more.
type aggregator struct {
	kernel *kernel
	every  time.Duration // 0: nothing is added up
	next   time.Time     // when to sweep
	turn   time.Time     // when the next epoch begins
	epoch  uint32
}

func newAggregator(k *kernel, every time.Duration) aggregator {
	now := time.Now()
	return aggregator{kernel: k, every: every, next: now.Add(min(every, sweepEvery)), turn: now.Add(every)}
}

// step does what it is time for. It returns the totals that are final.
func (a *aggregator) step(now time.Time) ([]total, error) {
	if a.every == 0 || now.Before(a.next) {
		return nil, nil
	}
	a.next = now.Add(min(a.every, sweepEvery))
	if err := a.kernel.sweep(a.every); err != nil {
		return nil, err
	}
	if now.Before(a.turn) {
		return nil, nil
	}
	a.turn = now.Add(a.every)
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
// total, and deletes those of which all is reported.
func (k *kernel) sweep(after time.Duration) error {
	if err := k.variable(bpf.TcpgraphVarAggregateAfter).Set(uint64(after)); err != nil {
		return fmt.Errorf("set aggregate_after: %w", err)
	}
	if _, err := k.prog(bpf.TcpgraphProgSweepFlows).Run(nil); err != nil {
		return fmt.Errorf("sweep the connections: %w", err)
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

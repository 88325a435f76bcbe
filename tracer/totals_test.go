//go:build linux

package tracer

import (
	"testing"
)

// TestTotalsBreak has a reader that breaks off while totals are delivered, and
// another one that must get the rest.
func TestTotalsBreak(t *testing.T) {
	d, err := newDecoder()
	if err != nil {
		t.Fatal(err)
	}
	p := newPump(&Tracer{decoder: d}, nil, nil, &Options{})
	const n = 3 * batchSize
	for i := range n {
		var sum total
		sum.sum.Count = uint64(i)
		sum.sum.Sides[0].Opened, sum.sum.Sides[1].Opened = 1, 1
		p.totals = append(p.totals, sum)
	}
	var got []uint64
	loops := 0
	for done := false; !done; loops++ {
		p.deliver = func(batch []Event) bool {
			for _, e := range batch {
				got = append(got, e.Count)
			}
			return false
		}
		if err := p.deliverTotals(); err == nil {
			done = true
		} else if err != errBreak {
			t.Fatal(err)
		}
	}
	if len(got) != 2*n || loops < 3 {
		t.Fatalf("got %d events in %d loops, want %d in several", len(got), loops, 2*n)
	}
	for i, count := range got {
		if count != uint64(i/2) {
			t.Fatalf("event %d: got the total %d, want %d", i, count, i/2)
		}
	}
	if got := p.received.Load(); got != 2*n {
		t.Errorf("received: got %d, want %d", got, 2*n)
	}
}

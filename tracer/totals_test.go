//go:build linux

package tracer

import (
	"testing"

	"github.com/cilium/ebpf"

	"example.com/tcpgraph/internal/netlab"
)

// TestTotalsBreak has a reader that breaks off while totals are delivered, and
// another one that must get the rest.
func TestTotalsBreak(t *testing.T) {
	d, err := newDecoder()
	if err != nil {
		t.Fatal(err)
	}
	p := newPump(&Tracer{decoder: d}, nil, &Options{})
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

// TestDeleteKeys deletes keys of which some are not there.
func TestDeleteKeys(t *testing.T) {
	netlab.Require(t)
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Hash, KeySize: 8, ValueSize: 1, MaxEntries: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, key := range []uint64{1, 2, 3} {
		if err := m.Put(key, uint8(0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := deleteKeys(m, []uint64{9, 1, 1, 2, 8, 8, 3, 9}); err != nil {
		t.Fatal(err)
	}
	var key uint64
	var value uint8
	for entries := m.Iterate(); entries.Next(&key, &value); {
		t.Errorf("key %d is still there", key)
	}
}

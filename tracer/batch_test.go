//go:build linux

package tracer_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer"
)

// TestBatches reads by iterator: the snapshot first, a loop that breaks off and
// is taken up again, and the end.
func TestBatches(t *testing.T) {
	l := openLive(t, tracer.Options{Unaccepted: tracer.DefaultUnaccepted})
	first := true
	for batch, err := range l.Batches() {
		if err != nil || len(batch) != 0 {
			t.Fatalf("the first batch: got %v, %v, want the snapshot, which is empty", batch, err)
		}
		first = false
		break
	}
	if first {
		t.Fatal("no first batch")
	}
	const connections = 300 // more than a batch
	for range connections {
		client, server := l.connect()
		finish(t, client, server)
	}
	count := make(map[string]int)
	loops, events := 0, 0
	for events < 4*connections {
		loops++
		for batch, err := range l.Batches() {
			if err != nil || len(batch) == 0 {
				t.Fatalf("got %v, %v, want events", batch, err)
			}
			for _, e := range batch {
				count[fmt.Sprint(e.Kind, " ", e.Direction)]++
			}
			events += len(batch)
			break
		}
	}
	if loops < 2 {
		t.Errorf("%d events came in %d batch", events, loops)
	}
	want := map[string]int{
		"open outgoing": connections, "open incoming": connections,
		"close outgoing": connections, "close incoming": connections,
	}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	l.dial()
	l.Stop()
	var last []traceformat.Event
	for range 2 { // the second loop has nothing left
		for batch, err := range l.Batches() {
			if err != nil {
				t.Fatal(err)
			}
			last = append(last, batch...)
		}
	}
	if len(last) != 2 {
		t.Errorf("after Stop: got %v, want both ends of the last connection", last)
	}
	if got := l.Stats().Received; got != 4*connections+2 {
		t.Errorf("received: got %d, want %d", got, 4*connections+2)
	}
}

// TestCloseWhileIterating closes the tracer within the body of the loop.
func TestCloseWhileIterating(t *testing.T) {
	l := openLive(t, tracer.Options{})
	l.connect()
	n := 0
	for batch, err := range l.Batches() {
		if err != nil {
			t.Fatal(err)
		}
		if n++; len(batch) > 0 {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if n < 2 {
		t.Errorf("got %d batches", n)
	}
	for batch := range l.Batches() {
		t.Errorf("a batch after Close: %v", batch)
	}
	if _, ok := <-l.Events(); ok || l.Err() != nil {
		t.Errorf("Events after Close: got %t, %v, want a closed channel", ok, l.Err())
	}
}

// TestOneReader has two readers at a time.
func TestOneReader(t *testing.T) {
	byLoop := openLive(t, tracer.Options{})
	for _, err := range byLoop.Batches() {
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range byLoop.Batches() {
			if err == nil {
				t.Error("a loop within a loop: got events, want an error")
			}
		}
		if _, ok := <-byLoop.Events(); ok || byLoop.Err() == nil {
			t.Errorf("a channel beside a loop: got %t, %v, want a closed channel and an error", ok, byLoop.Err())
		}
		break
	}
	byChannel := openLive(t, tracer.Options{})
	byChannel.Events()
	for _, err := range byChannel.Batches() {
		if err == nil {
			t.Error("a loop beside a channel: got events, want an error")
		}
	}
}

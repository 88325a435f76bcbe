package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"example.com/tcpgraph/examples/internal/cli"
	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer"
)

// fake is a tracer whose events are given.
type fake struct {
	batches chan []tracer.Event
	stats   tracer.Stats
	err     error
}

func (f *fake) Batches() iter.Seq2[[]tracer.Event, error] {
	return func(yield func([]tracer.Event, error) bool) {
		for b := range f.batches {
			if !yield(b, nil) {
				return
			}
		}
		if f.err != nil {
			yield(nil, f.err)
		}
	}
}

func (f *fake) Stats() tracer.Stats { return f.stats }

func event(kind traceformat.Kind, port uint16) tracer.Event {
	return tracer.Event{
		Kind:      kind,
		Direction: traceformat.Outgoing,
		Local:     netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port),
		Remote:    netip.MustParseAddrPort("192.0.2.2:80"),
		Process:   traceformat.Process{PID: 7, Command: "curl"},
	}
}

// newFake gives the first events as the snapshot and the others in one batch.
func newFake(before uint64, events ...tracer.Event) *fake {
	f := &fake{batches: make(chan []tracer.Event, 2), stats: tracer.Stats{Snapshot: before}}
	f.batches <- events[:before]
	if rest := events[before:]; len(rest) > 0 {
		f.batches <- rest
	}
	close(f.batches)
	return f
}

// log is stdout and stderr in the order of the writes.
type log struct{ strings.Builder }

func TestPrintEvents(t *testing.T) {
	events := []tracer.Event{event(traceformat.Open, 1), event(traceformat.Open, 2), event(traceformat.Close, 1), event(traceformat.Fail, 3), event(traceformat.Open, 4)}
	const tracing = "tracing: 2 connections were open, accepts by auto\n"
	for _, test := range []struct {
		format traceformat.Format
		want   string
	}{
		{traceformat.Format{}, "192.0.2.2:80→192.0.2.1:1|PID=7 CMD=curl\n192.0.2.2:80→192.0.2.1:2|PID=7 CMD=curl\n" + tracing + "192.0.2.2:80→192.0.2.1:4|PID=7 CMD=curl\n"},
		{traceformat.Format{ASCII: true}, "192.0.2.2:80<-192.0.2.1:1|PID=7 CMD=curl\n192.0.2.2:80<-192.0.2.1:2|PID=7 CMD=curl\n" + tracing + "192.0.2.2:80<-192.0.2.1:4|PID=7 CMD=curl\n"},
		{traceformat.Format{Extended: true}, "192.0.2.2:80→192.0.2.1:1|PID=7 CMD=curl\n192.0.2.2:80→192.0.2.1:2|PID=7 CMD=curl\n" + tracing +
			"192.0.2.2:80→192.0.2.1:1|PID=7 EVENT=close SENT=0 RECV=0 CMD=curl\n192.0.2.2:80→192.0.2.1:3|PID=7 EVENT=fail CMD=curl\n192.0.2.2:80→192.0.2.1:4|PID=7 CMD=curl\n"},
	} {
		var out log
		if err := printEvents(newFake(2, events...), traceformat.NewWriter(&out, test.format), test.format.Extended, &out); err != nil {
			t.Errorf("%v: %v", test.format, err)
		}
		if got := out.String(); got != test.want {
			t.Errorf("%v: printed\n%swant\n%s", test.format, got, test.want)
		}
	}
}

// TestAggregateIsExtended checks that totals are printed: most connections are
// in them and nowhere else.
func TestAggregateIsExtended(t *testing.T) {
	total := event(traceformat.Close, 2)
	total.Count, total.BytesSent = 999, 5
	for _, test := range []struct{ args, want string }{
		{"", "192.0.2.2:80→192.0.2.1:1|PID=7 CMD=curl\n"},
		{"-aggregate 5s", "192.0.2.2:80→192.0.2.1:1|PID=7 CMD=curl\n192.0.2.2:80→192.0.2.1:2|PID=7 EVENT=close SENT=5 RECV=0 COUNT=999 CMD=curl\n"},
		{"-aggregate 5s -ascii", "192.0.2.2:80<-192.0.2.1:1|PID=7 CMD=curl\n192.0.2.2:80<-192.0.2.1:2|PID=7 EVENT=close SENT=5 RECV=0 COUNT=999 CMD=curl\n"},
	} {
		f, err := parse(strings.Fields(test.args), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := printEvents(newFake(0, event(traceformat.Open, 1), total), traceformat.NewWriter(&out, f.format), f.format.Extended, io.Discard); err != nil {
			t.Errorf("%q: %v", test.args, err)
		}
		if got := out.String(); got != test.want {
			t.Errorf("%q: printed\n%swant\n%s", test.args, got, test.want)
		}
	}
}

func TestPrintEventsWithoutAny(t *testing.T) {
	var out log
	if err := printEvents(newFake(0), traceformat.NewWriter(&out, traceformat.Format{}), false, &out); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "tracing: 0 connections were open, accepts by auto\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

// TestPrintEventsAtOnce checks that a batch is written before the next comes.
func TestPrintEventsAtOnce(t *testing.T) {
	f := &fake{batches: make(chan []tracer.Event)}
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- printEvents(f, traceformat.NewWriter(w, traceformat.Format{}), false, io.Discard) }()
	f.batches <- []tracer.Event{event(traceformat.Open, 1)}
	line := make([]byte, 200)
	n, err := r.Read(line)
	if want := "192.0.2.2:80→192.0.2.1:1|PID=7 CMD=curl\n"; err != nil || string(line[:n]) != want {
		t.Errorf("read %q, %v; want %q", line[:n], err, want)
	}
	close(f.batches)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestPrintEventsErrors(t *testing.T) {
	broken := errors.New("broken")
	f := newFake(0)
	f.err = broken
	if err := printEvents(f, traceformat.NewWriter(io.Discard, traceformat.Format{}), false, io.Discard); !errors.Is(err, broken) {
		t.Errorf("a tracer that fails: got %v, want %v", err, broken)
	}
	// A reader that goes away ends the command, and quietly.
	r, w := io.Pipe()
	r.CloseWithError(syscall.EPIPE)
	err := printEvents(newFake(0, event(traceformat.Open, 1)), traceformat.NewWriter(w, traceformat.Format{}), false, io.Discard)
	if !errors.Is(err, syscall.EPIPE) {
		t.Errorf("a reader that goes away: got %v, want %v", err, syscall.EPIPE)
	}
	var stderr strings.Builder
	if status := cli.Status(err, &stderr); status != 0 || stderr.Len() > 0 {
		t.Errorf("a reader that goes away: status %d and %q, want 0 and nothing", status, stderr.String())
	}
}

func TestUsage(t *testing.T) {
	var stderr strings.Builder
	err := run(context.Background(), []string{"-h"}, nil, io.Discard, &stderr)
	if status := cli.Status(err, io.Discard); status != 0 || !strings.Contains(stderr.String(), "usage: livetrace") {
		t.Errorf("-h: status %d, prints %q", status, stderr.String())
	}
	err = run(context.Background(), []string{"-netns", "all", "x"}, nil, io.Discard, io.Discard)
	if status := cli.Status(err, io.Discard); status != 2 {
		t.Errorf("an argument: status %d, want 2", status)
	}
}

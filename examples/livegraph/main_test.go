package main

import (
	"context"
	"strings"
	"testing"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer"
)

// told is a source of what has been told.
type told chan tracer.Event

func (c told) Events() <-chan tracer.Event { return c }
func (c told) Err() error                  { return nil }
func (c told) Stats() tracer.Stats         { return tracer.Stats{Received: uint64(cap(c))} }

// TestDoubts traces two workers, and a client of one of them.
func TestDoubts(t *testing.T) {
	lines := []string{
		"192.0.2.2:80→192.0.2.1:1001|PID=7 CMD=curl",
		"192.0.2.9:1001←192.0.2.2:80|PID=8 CMD=nginx",
		"192.0.2.9:1002←192.0.2.2:80|PID=9 CMD=nginx",
	}
	for n, want := range []string{2: "", 3: "\n1 service is shown as an address "} {
		events := make(told, n)
		for _, line := range lines[:n] {
			e, err := traceformat.Parse(line)
			if err != nil {
				t.Fatal(err)
			}
			events <- e
		}
		close(events)
		var stdout, stderr strings.Builder
		l := &live{source: events, graph: flowgraph.New(nil), flags: new(flags), stdout: &stdout, stderr: &stderr}
		if err := l.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(stderr.String(), want) || want == "" && strings.Contains(stderr.String(), "shown") {
			t.Errorf("%d events: says %q, want a line with %q, or none", n, stderr.String(), want)
		}
	}
}

package page_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/tcpgraph/examples/internal/page"
	"example.com/tcpgraph/traceformat"
)

type history struct {
	Unit              string
	Start, Width, End int64
	Edges             []struct {
		ID      uint32
		Samples []int64
	}
}

func TestHistoryOverTime(t *testing.T) {
	s := serve(t, &page.Options{Trace: true})
	s.add(webOut, webIn, webEnd, again)
	var h history
	s.get("api/history", &h)
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixMilli()
	if h.Unit != "time" || h.Start != start || h.End != start+4000 {
		t.Fatalf("got %+v, want 4 s from %d on", h, start)
	}
	if len(h.Edges) != 1 {
		t.Fatalf("got %+v, want one edge", h)
	}
	// After 0 s: one connection, open. After 2 s: closed. After 4 s: another.
	want := []int64{0, 1, 1, 0, 2000 / h.Width, 1, 0, 0, 4000 / h.Width, 2, 1, 0}
	if diff := cmp.Diff(want, h.Edges[0].Samples); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
}

// However long a trace is, the slider has a bounded number of steps, and its
// last sample is the graph as it is.
func TestHistoryIsBounded(t *testing.T) {
	s := serve(t, &page.Options{Trace: true, Keep: 10})
	const n = 3000
	for i := range n {
		e, err := traceformat.Parse(fmt.Sprintf("10.0.0.2:80→10.0.0.1:%d|PID=7 CMD=curl", 1000+i))
		if err != nil {
			t.Fatal(err)
		}
		s.Add(e)
	}
	s.update()
	var h history
	s.get("api/history", &h)
	if h.Unit != "event" || h.Start != 1 || h.End != n {
		t.Errorf("got %+v, want events 1 to %d", h, n)
	}
	samples := h.Edges[0].Samples
	steps := len(samples) / 4
	if steps < 100 || steps > 256 {
		t.Errorf("got %d steps, want 100 to 256", steps)
	}
	if got := samples[len(samples)-3]; got != n {
		t.Errorf("last sample: got %d connections, want %d", got, n)
	}
	for i := range steps {
		// Each sample is of the end of its step.
		step, connections := samples[4*i], samples[4*i+1]
		if want := min(n, (step+1)*h.Width); connections != want {
			t.Fatalf("step %d: got %d connections, want %d", step, connections, want)
		}
	}
	var lines string
	s.post("api/trace", `{}`, &lines)
	if got, want := strings.Split(lines, "\n")[0], "# 10 events; 2990 older ones were not kept, and may have belonged here"; got != want {
		t.Errorf("first line: got %q, want %q", got, want)
	}
}

func TestExportedLines(t *testing.T) {
	s := serve(t, &page.Options{Trace: true})
	const other = "10.0.0.9:443→10.0.0.1:40003|PID=7 NETNS=1 TIME=2026-01-02T03:04:06Z CMD=web"
	s.add(webOut, webIn, other, webEnd, again)
	web := uint32(0)
	for _, e := range s.stream().next().Edges {
		if _, ok := e.Ports["5432"]; ok {
			web = e.ID
		}
	}
	for _, test := range []struct {
		name, body string
		want       []string
	}{
		{"everything", `{}`, []string{webOut, webIn, other, webEnd, again}},
		{"no edge", `{"edges":[]}`, nil},
		{"one edge, both halves", fmt.Sprintf(`{"edges":[%d]}`, web), []string{webOut, webIn, webEnd, again}},
		{"until then", fmt.Sprintf(`{"until":%d}`, time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC).UnixMilli()), []string{webOut, webIn, other}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var text string
			s.post("api/trace", test.body, &text)
			var got, want []traceformat.Event
			for e, err := range traceformat.NewReader(strings.NewReader(text)).All() {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, e)
			}
			for _, line := range test.want {
				e, err := traceformat.Parse(line)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, e)
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b traceformat.Event) bool { return a == b })); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConnections(t *testing.T) {
	s := serve(t, nil)
	s.add(webOut, webIn, webEnd, again,
		"10.0.0.9:81→10.0.0.1:40003|PID=7 EVENT=fail NETNS=1 TIME=2026-01-02T03:04:10Z DUR=1ms ERRNO=ECONNREFUSED CMD=web",
		"10.0.0.9:82→10.0.0.1:40004|PID=7 EVENT=close NETNS=1 TIME=2026-01-02T03:04:11Z SENT=5 RECV=6 COUNT=7 CMD=web")
	var got struct {
		Connections []struct {
			Client, Server, State    string
			Duration, Sent, Received uint64
		}
		More int
	}
	s.post("api/connections", `{}`, &got)
	want := got
	want.Connections = append(want.Connections[:0:0], want.Connections...)
	if len(want.Connections) != 4 {
		t.Fatalf("got %+v, want 4 connections", got)
	}
	for i, c := range []struct {
		client, server, state    string
		duration, sent, received uint64
	}{
		{"10.0.0.1:40004", "10.0.0.9:82", "closed ×7", 0, 5, 6},
		{"10.0.0.1:40003", "10.0.0.9:81", "failed: ECONNREFUSED", 1, 0, 0},
		{"10.0.0.1:40002", "10.0.0.2:5432", "open", 0, 0, 0},
		{"10.0.0.1:40001", "10.0.0.2:5432", "closed", 2000, 10, 20},
	} {
		w := &want.Connections[i]
		w.Client, w.Server, w.State, w.Duration, w.Sent, w.Received = c.client, c.server, c.state, c.duration, c.sent, c.received
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("connections (-want +got):\n%s", diff)
	}
}

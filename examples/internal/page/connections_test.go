package page_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/tcpgraph/examples/internal/page"
	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
)

// rows returns the table of connections, a line each: the latest first, times in
// seconds after the hour.
func (s *served) rows() (rows []string, more int) {
	s.t.Helper()
	var got struct {
		Connections []struct {
			ID                                       uint64
			Client, Server, State                    string
			Opened, Closed, Duration, Sent, Received int64
		}
		More int
	}
	s.post("api/connections", `{}`, &got)
	seconds := func(millis int64) string {
		if millis == 0 {
			return "?"
		}
		return fmt.Sprint(millis / 1000 % 3600)
	}
	ids := make(map[uint64]bool)
	for _, c := range got.Connections {
		if ids[c.ID] {
			s.t.Errorf("two connections have the id %d", c.ID)
		}
		ids[c.ID] = true
		rows = append(rows, fmt.Sprintf("%s→%s %s %s–%s %d/%d", c.Client, c.Server, c.State, seconds(c.Opened), seconds(c.Closed), c.Sent, c.Received))
	}
	return rows, got.More
}

// TestConnectionsApart checks that each connection has a row of its own, and
// only one, whoever else has used its endpoints.
func TestConnectionsApart(t *testing.T) {
	const (
		out   = "10.0.0.2:80→10.0.0.1:5000|PID=1 "
		in    = "10.0.0.1:5000←10.0.0.2:80|PID=2 "
		local = "127.0.0.1:80→127.0.0.1:5000|PID="
		lodge = "127.0.0.1:5000←127.0.0.1:80|PID="
	)
	tests := []struct {
		name  string
		lines []string
		want  []string
	}{
		{"a port used again, one half", []string{
			out + "#1 CMD=c", out + "EVENT=close #2 SENT=100 RECV=1 DUR=1s CMD=c",
			out + "#3 CMD=c", out + "EVENT=close #4 SENT=200 RECV=2 DUR=1s CMD=c",
			out + "#5 CMD=c",
		}, []string{
			"10.0.0.1:5000→10.0.0.2:80 open 5–? 0/0",
			"10.0.0.1:5000→10.0.0.2:80 closed 3–4 200/2",
			"10.0.0.1:5000→10.0.0.2:80 closed 1–2 100/1",
		}},
		{"the same without times", []string{
			out + "CMD=c", out + "EVENT=close SENT=100 RECV=1 CMD=c",
			out + "CMD=c", out + "EVENT=close SENT=200 RECV=2 CMD=c",
			out + "CMD=c",
		}, []string{
			"10.0.0.1:5000→10.0.0.2:80 open ?–? 0/0",
			"10.0.0.1:5000→10.0.0.2:80 closed ?–? 200/2",
			"10.0.0.1:5000→10.0.0.2:80 closed ?–? 100/1",
		}},
		{"a port used again, both halves, the first server late", []string{
			out + "NETNS=1 #1 CMD=c", out + "EVENT=close NETNS=1 #2 SENT=100 RECV=1 DUR=1s CMD=c",
			out + "NETNS=1 #4 CMD=c",
			in + "NETNS=2 #1 CMD=s", in + "EVENT=close NETNS=2 #2 SENT=1 RECV=100 DUR=1s CMD=s",
			in + "NETNS=2 #4 CMD=s",
		}, []string{
			"10.0.0.1:5000→10.0.0.2:80 open 4–? 0/0",
			"10.0.0.1:5000→10.0.0.2:80 closed 1–2 100/1",
		}},
		{"closes without opens", []string{
			out + "EVENT=close #2 SENT=100 RECV=1 CMD=c", in + "EVENT=close #2 SENT=1 RECV=100 CMD=s",
			in + "EVENT=close #4 SENT=2 RECV=200 CMD=s", out + "EVENT=close #4 SENT=200 RECV=2 CMD=c",
			out + "#5 CMD=c",
		}, []string{
			"10.0.0.1:5000→10.0.0.2:80 open 5–? 0/0",
			"10.0.0.1:5000→10.0.0.2:80 closed ?–4 200/2",
			"10.0.0.1:5000→10.0.0.2:80 closed ?–2 100/1",
		}},
		{"a close whose open was lost, while one is open whose close was", []string{
			out + "#1 CMD=c", out + "EVENT=close #20 SENT=7 RECV=8 DUR=1s CMD=c",
		}, []string{
			"10.0.0.1:5000→10.0.0.2:80 closed ?–20 7/8",
			"10.0.0.1:5000→10.0.0.2:80 open 1–? 0/0",
		}},
		{"loopback in two namespaces at once", []string{
			local + "10 NETNS=1 #1 CMD=c", lodge + "11 NETNS=1 #1 CMD=s",
			local + "20 NETNS=2 #2 CMD=c", lodge + "21 NETNS=2 #2 CMD=s",
			local + "10 EVENT=close NETNS=1 #3 SENT=5 RECV=6 DUR=2s CMD=c", lodge + "11 EVENT=close NETNS=1 #3 SENT=6 RECV=5 DUR=2s CMD=s",
		}, []string{
			"127.0.0.1:5000→127.0.0.1:80 open 2–? 0/0",
			"127.0.0.1:5000→127.0.0.1:80 closed 1–3 5/6",
		}},
		{"loopback on two hosts at once", []string{
			local + "10 NETNS=1 HOST=a #1 CMD=c", local + "10 NETNS=1 HOST=b #1 CMD=c",
			local + "10 EVENT=close NETNS=1 HOST=a #3 SENT=5 RECV=6 CMD=c",
		}, []string{
			"127.0.0.1:5000→127.0.0.1:80 open 1–? 0/0",
			"127.0.0.1:5000→127.0.0.1:80 closed 1–3 5/6",
		}},
		{"between two namespaces", []string{
			in + "NETNS=2 #1 CMD=s", out + "NETNS=1 #1 CMD=c",
			in + "EVENT=close NETNS=2 #3 SENT=6 RECV=5 CMD=s", out + "EVENT=close NETNS=1 #3 SENT=5 RECV=6 CMD=c",
		}, []string{
			"10.0.0.1:5000→10.0.0.2:80 closed 1–3 5/6",
		}},
		{"the same addresses in two namespaces at once", []string{
			out + "NETNS=1 #1 CMD=c", out + "NETNS=2 #2 CMD=c", in + "NETNS=1 #1 CMD=s", in + "NETNS=2 #2 CMD=s",
			in + "EVENT=close NETNS=1 #3 SENT=6 RECV=5 CMD=s", out + "EVENT=close NETNS=1 #3 SENT=5 RECV=6 CMD=c",
		}, []string{
			"10.0.0.1:5000→10.0.0.2:80 open 2–? 0/0",
			"10.0.0.1:5000→10.0.0.2:80 closed 1–3 5/6",
		}},
		{"link-local addresses with the zones of each side", []string{
			"[fe80::2%a]:80→[fe80::1%a]:5000|PID=1 NETNS=1 #1 CMD=c", "[fe80::1%b]:5000←[fe80::2%b]:80|PID=2 NETNS=2 #1 CMD=s",
		}, []string{
			"[fe80::1%a]:5000→[fe80::2%a]:80 open 1–? 0/0",
		}},
		{"told again by the snapshot and by the listener", []string{
			out + "OWNER=snapshot #3 CMD=c", in + "OWNER=snapshot #3 CMD=s", out + "#2 CMD=c", in + "OWNER=listener #2 CMD=s", in + "#2 CMD=s",
		}, []string{
			"10.0.0.1:5000→10.0.0.2:80 open 2–? 0/0",
		}},
		{"the snapshot of the next", []string{
			out + "#1 CMD=c", out + "EVENT=close #2 SENT=5 RECV=6 DUR=1s CMD=c", out + "OWNER=snapshot #5 CMD=c",
		}, []string{
			"10.0.0.1:5000→10.0.0.2:80 open 5–? 0/0",
			"10.0.0.1:5000→10.0.0.2:80 closed 1–2 5/6",
		}},
		{"totals, beside a connection with their endpoints", []string{
			out + "#1 CMD=c", in + "#1 CMD=s",
			out + "EVENT=close #3 SENT=50 RECV=60 COUNT=7 CMD=c", in + "EVENT=close #3 SENT=60 RECV=50 COUNT=7 CMD=s",
			out + "EVENT=close #5 SENT=10 RECV=20 COUNT=3 CMD=c", in + "EVENT=close #5 SENT=20 RECV=10 COUNT=3 CMD=s",
			out + "EVENT=close #7 SENT=40 RECV=50 COUNT=5 CMD=c", in + "EVENT=close #7 SENT=20 RECV=10 COUNT=4 CMD=s",
		}, []string{
			"10.0.0.1:5000→10.0.0.2:80 closed ×4 ?–7 10/20",
			"10.0.0.1:5000→10.0.0.2:80 closed ×5 ?–7 40/50",
			"10.0.0.1:5000→10.0.0.2:80 closed ×3 ?–5 10/20",
			"10.0.0.1:5000→10.0.0.2:80 closed ×7 ?–3 50/60",
			"10.0.0.1:5000→10.0.0.2:80 open 1–? 0/0",
		}},
		{"failed, then not", []string{
			out + "EVENT=fail #1 ERRNO=ECONNREFUSED CMD=c", out + "#2 CMD=c", in + "#2 CMD=s",
		}, []string{
			"10.0.0.1:5000→10.0.0.2:80 open 2–? 0/0",
			"10.0.0.1:5000→10.0.0.2:80 failed: ECONNREFUSED ?–1 0/0",
		}},
		{"a socket connected to itself", []string{
			"127.0.0.1:80→127.0.0.1:80|PID=1 #1 CMD=c", "127.0.0.1:80→127.0.0.1:80|PID=1 EVENT=close #2 SENT=5 RECV=5 DUR=1s CMD=c",
			"127.0.0.1:80→127.0.0.1:80|PID=1 #3 CMD=c",
		}, []string{
			"127.0.0.1:80→127.0.0.1:80 open 3–? 0/0",
			"127.0.0.1:80→127.0.0.1:80 closed 1–2 5/5",
		}},
		{"two sockets that connect to each other", []string{
			out + "#1 CMD=c", "10.0.0.1:5000→10.0.0.2:80|PID=2 #1 CMD=s",
		}, []string{
			"10.0.0.1:5000→10.0.0.2:80 open 1–? 0/0",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, &page.Options{Trace: true})
			for _, line := range test.lines {
				s.add(at(line))
			}
			got, more := s.rows()
			if diff := cmp.Diff(test.want, got); diff != "" || more != 0 {
				t.Errorf("%d more; rows (-want +got):\n%s", more, diff)
			}
		})
	}
}

// at returns a line with the time that #5 stands for: five seconds after the hour.
func at(line string) string {
	before, after, timed := strings.Cut(line, "#")
	if !timed {
		return line
	}
	second, rest, _ := strings.Cut(after, " ")
	return fmt.Sprintf("%sTIME=2026-01-02T03:00:%sZ %s", before, ("0" + second)[len(second)-1:], rest)
}

// TestConnectionsUsedAgain checks that the newest connection is the first in the
// list, though older ones had its endpoints.
func TestConnectionsUsedAgain(t *testing.T) {
	s := serve(t, nil)
	const most, ports = 500, 600
	for i := range ports {
		s.add(at(fmt.Sprintf("10.0.0.2:80→10.0.0.1:%d|PID=1 EVENT=close #1 SENT=0 RECV=0 CMD=c", 1000+i)))
	}
	s.add(at("10.0.0.2:80→10.0.0.1:1000|PID=1 EVENT=close #2 SENT=1 RECV=0 CMD=c"), at("10.0.0.2:80→10.0.0.1:1001|PID=1 #3 CMD=c"))
	got, more := s.rows()
	if len(got) != most || more != ports+2-most {
		t.Errorf("got %d connections and %d more, want %d and %d", len(got), more, most, ports+2-most)
	}
	want := []string{
		"10.0.0.1:1001→10.0.0.2:80 open 3–? 0/0",
		"10.0.0.1:1000→10.0.0.2:80 closed ?–2 1/0",
		"10.0.0.1:1599→10.0.0.2:80 closed ?–1 0/0",
	}
	if diff := cmp.Diff(want, got[:len(want)]); diff != "" {
		t.Errorf("the first rows (-want +got):\n%s", diff)
	}
}

// TestConnectionsAreBounded checks that a port which is used over and over does
// not make the table slow.
func TestConnectionsAreBounded(t *testing.T) {
	s := serve(t, &page.Options{Keep: 20_000})
	const n = 10_000
	for range n {
		for _, line := range []string{"10.0.0.2:80→10.0.0.1:5000|PID=1 CMD=c", "10.0.0.2:80→10.0.0.1:5000|PID=1 EVENT=close SENT=1 RECV=0 CMD=c"} {
			e, err := traceformat.Parse(line)
			if err != nil {
				t.Fatal(err)
			}
			s.Add(e)
		}
	}
	s.update()
	if got, more := s.rows(); len(got)+more != n {
		t.Errorf("got %d connections, want %d", len(got)+more, n)
	}
}

// TestConnectionsAgree checks that the table has as many connections as the graph
// counts, and as many open ones, in traces in which few endpoints are used over
// and over, in several namespaces at once, by processes of which some are not
// traced.
func TestConnectionsAgree(t *testing.T) {
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var events []traceformat.Event
		begin := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
		for socket := range 12 {
			addr := netip.MustParseAddr([]string{"127.0.0.1", "10.0.0.1", "::1"}[socket%3])
			client, server := netip.AddrPortFrom(addr, uint16(5000+rnd.IntN(2))), netip.AddrPortFrom(addr, 80)
			netns := uint32(1 + socket) // one socket at a time has an endpoint
			traced := 1 + rnd.IntN(3)
			if !addr.IsLoopback() { // else namespaces cannot be told apart
				client = netip.AddrPortFrom(addr, uint16(6000+socket))
			}
			now := begin
			for range 1 + rnd.IntN(10) {
				now = now.Add(time.Duration(1+rnd.IntN(5000)) * time.Millisecond)
				lasts := time.Duration(1+rnd.IntN(5000)) * time.Millisecond
				for half := range 2 {
					e := traceformat.Event{Direction: traceformat.Outgoing, Local: client, Remote: server, Time: now.Add(time.Duration(half) * time.Microsecond)}
					if half == 1 {
						e.Direction, e.Local, e.Remote = traceformat.Incoming, server, client
					}
					e.Process = traceformat.Process{PID: uint32(10*socket + half + 1), Command: "x", NetNS: netns, StartTime: begin}
					if traced&(half+1) == 0 {
						continue
					}
					if rnd.IntN(10) == 0 && half == 0 {
						e.Owner = traceformat.OwnerSnapshot
					}
					events = append(events, e)
					e.Kind, e.Duration, e.Owner = traceformat.Close, lasts, traceformat.OwnerDirect
					e.Time, e.BytesSent = e.Time.Add(lasts), 1
					if rnd.IntN(10) > 0 || half == 1 && traced == 3 { // else it is open, or its close is lost
						events = append(events, e)
					}
				}
				now = now.Add(lasts)
			}
		}
		slices.SortStableFunc(events, func(a, b traceformat.Event) int { return a.Time.Compare(b.Time) })
		s := serve(t, nil)
		g := flowgraph.New(nil)
		for _, e := range events {
			s.Add(e)
			g.Add(e)
		}
		s.update()
		rows, more := s.rows()
		open := 0
		for _, r := range rows {
			if strings.Contains(r, " open ") {
				open++
			}
		}
		if want := g.Stats(); uint64(len(rows)+more) != want.Connections || uint64(open) != want.Open {
			t.Errorf("seed %d: got %d connections, %d open; the graph has %d, %d open", seed, len(rows)+more, open, want.Connections, want.Open)
		}
	}
}

package traceformat

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readTrace returns the events and the bad lines of a file.
func readTrace(t *testing.T, name string) (events []Event, bad []string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for e, err := range NewReader(f).All() {
		if err != nil {
			bad = append(bad, err.Error())
			continue
		}
		events = append(events, e)
		roundTrip(t, e)
	}
	return events, bad
}

// TestTraces reads whole traces as the original script prints them: two banner
// lines, then nothing but events.
func TestTraces(t *testing.T) {
	t.Run("testdata", func(t *testing.T) {
		events, bad := readTrace(t, "testdata/bpftrace.trace")
		checkBanners(t, bad)
		pids := map[string]map[uint32]bool{}
		directions := map[Direction]int{}
		for _, e := range events {
			if pids[e.Process.Command] == nil {
				pids[e.Process.Command] = map[uint32]bool{}
			}
			pids[e.Process.Command][e.Process.PID] = true
			directions[e.Direction]++
		}
		got := map[string]int{}
		for command, set := range pids {
			got[command] = len(set)
		}
		want := map[string]int{"orchestrator": 1, "imaged": 1, "resolver": 1, "meterd": 1, "edge-proxy": 1, "ctl": 7, "nc": 3, "echo-server": 1}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("processes of each name, mismatch (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[Direction]int{Outgoing: 87, Incoming: 70}, directions); diff != "" {
			t.Errorf("lines of each direction, mismatch (-want +got):\n%s", diff)
		}
	})
	t.Run("original", func(t *testing.T) {
		name := os.Getenv("TCPGRAPH_ORIGINAL_TRACE")
		if name == "" {
			t.Skip("TCPGRAPH_ORIGINAL_TRACE is not set to the path of the original script's sample")
		}
		events, bad := readTrace(t, name)
		checkBanners(t, bad)
		if len(events) != 161 {
			t.Errorf("got %d events, want 161", len(events))
		}
	})
	t.Run("extended", func(t *testing.T) {
		events, bad := readTrace(t, "testdata/extended.trace")
		if len(events) != 13 || len(bad) != 0 {
			t.Errorf("got %d events and bad lines %q, want 13 and none", len(events), bad)
		}
	})
}

// checkBanners checks that only the two lines that bpftrace prints are bad.
func checkBanners(t *testing.T, bad []string) {
	t.Helper()
	want := []string{
		`traceformat: line 1: no arrow (→, ←, ↔, ->, <- or <->) in "Attaching 5 probes..."`,
		`traceformat: line 2: no arrow (→, ←, ↔, ->, <- or <->) in "Listening for TCPv4 traffic..."`,
	}
	if diff := cmp.Diff(want, bad); diff != "" {
		t.Errorf("bad lines mismatch (-want +got):\n%s", diff)
	}
}

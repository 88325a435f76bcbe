//go:build linux

package unseen

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"example.com/tcpgraph/internal/netlab"
)

func TestMain(m *testing.M) { netlab.Main(m, nil) }

// witnessOf skips the test where there can be no witness.
func witnessOf(t *testing.T, process int) *witness {
	t.Helper()
	netlab.Require(t)
	w, err := newWitness(int32(process))
	if err != nil {
		netlab.Skip(t, err.Error())
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// connect makes a connection on loopback, and closes it.
func connect(t *testing.T) {
	t.Helper()
	ns := netlab.New(t)
	l, err := ns.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := ns.Dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []interface{ Close() error }{c, s, l} {
		if err := end.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Both ways of counting must work where nothing is hidden: in this process.
func TestCounts(t *testing.T) {
	// PROC_PID_INIT_INO in include/linux/proc_ns.h.
	if ns, err := os.Readlink("/proc/self/ns/pid"); err != nil || ns != fmt.Sprintf("pid:[%d]", 0xEFFFFFFC) {
		netlab.Skip(t, "in a namespace of PIDs the number of this process is not the kernel's")
	}
	w := witnessOf(t, os.Getpid())
	connect(t)
	n, err := w.numbers()
	if err != nil {
		t.Fatal(err)
	}
	// To LISTEN and from there, and what closes on both sides; the rest can be
	// handled elsewhere.
	if n[told] < 4 || n[traced] < 4 || n[anywhere] < n[traced] {
		t.Errorf("told %d, traced %d, anywhere %d", n[told], n[traced], n[anywhere])
	}
	if hidden := n.unseen(); hidden != 0 {
		t.Errorf("unseen: %d, want 0, as the tracepoint has seen this process", hidden)
	}
}

func TestUnseen(t *testing.T) {
	for _, tt := range []struct {
		n    numbers
		want uint64
	}{
		{numbers{told: 3, anywhere: 7}, 3},
		{numbers{told: 3, traced: 1, anywhere: 7}, 0}, // the kernel does show what happens in that process
		{numbers{told: 3}, 0},                         // the program at the tracepoint does not work
		{numbers{anywhere: 7}, 0},
	} {
		if got := tt.n.unseen(); got != tt.want {
			t.Errorf("unseen of %+v: got %d, want %d", tt.n, got, tt.want)
		}
	}
}

// TestTry has functions that succeed and fail, and nothing that is hidden.
func TestTry(t *testing.T) {
	for _, want := range []error{nil, errors.New("no")} {
		calls := 0
		var log strings.Builder
		err := Try(&log, func() error {
			calls++
			return want
		})
		if !errors.Is(err, want) || calls != 1 {
			t.Errorf("got %v after %d calls, want %v after 1: %s", err, calls, want, &log)
		}
	}
}

// TestTryAgain is told what was not so, by whoever can write to the counters.
func TestTryAgain(t *testing.T) {
	witnessOf(t, 1) // or skip
	for _, tt := range []struct{ failures, calls int }{{0, 1}, {1, 2}, {2, 3}, {3, 3}} {
		calls := 0
		var log strings.Builder
		err := tryWith(&log, func(w *witness) error {
			calls++
			if calls > tt.failures {
				return nil
			}
			if err := w.counts.Put(uint32(0), &numbers{told: 2, anywhere: 9}); err != nil {
				t.Fatal(err)
			}
			return errors.New("no")
		})
		if calls != tt.calls || (err == nil) != (tt.failures < tries) {
			t.Errorf("%d failures: got %v after %d calls, want %d calls", tt.failures, err, calls, tt.calls)
		}
		if n := strings.Count(log.String(), "2 changes of state"); n != tt.failures {
			t.Errorf("%d failures: the log is\n%s", tt.failures, &log)
		}
	}
}

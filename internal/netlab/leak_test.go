package netlab

import (
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// contains reports whether one of the strings contains all of the parts.
func contains(list []string, parts ...string) bool {
	for _, s := range list {
		all := true
		for _, p := range parts {
			all = all && strings.Contains(s, p)
		}
		if all {
			return true
		}
	}
	return false
}

// leakGoroutine leaves a goroutine in leakedGoroutine until stop is closed.
func leakGoroutine(stop <-chan struct{}) {
	started := make(chan struct{})
	go leakedGoroutine(started, stop)
	<-started
}

func leakedGoroutine(started chan<- struct{}, stop <-chan struct{}) {
	close(started)
	<-stop
}

func TestLeaksGoroutine(t *testing.T) {
	before := takeSnapshot()
	stop := make(chan struct{})
	leakGoroutine(stop)
	if got := before.leaks(); !contains(got, "leakedGoroutine", "leak_test.go") {
		t.Errorf("leaks with a goroutine: got %q, want its stack", got)
	}
	close(stop)
	waitForNone(t, before)
}

func TestLeaksDescriptor(t *testing.T) {
	before := takeSnapshot()
	if len(before.descriptors) == 0 {
		Skip(t, "no /proc/self/fd here")
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "left open"))
	if err != nil {
		t.Fatal(err)
	}
	if got := before.leaks(); !contains(got, "descriptor ", f.Name()) {
		t.Errorf("leaks with an open file: got %q, want %s", got, f.Name())
	}
	f.Close()
	waitForNone(t, before)
}

func TestLeaksSparesSignals(t *testing.T) {
	before := takeSnapshot()
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	signal.Stop(c)
	waitForNone(t, before)
}

func TestCheckLeaks(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	for _, tt := range []struct {
		name       string
		run        func() int
		want       int
		wantOutput string
	}{
		{"clean", func() int { return 0 }, 0, ""},
		{"leak", func() int { leakGoroutine(stop); return 0 }, 1, "leakedGoroutine"},
		{"failed", func() int { return 3 }, 3, ""},
		{"failed with leak", func() int { leakGoroutine(stop); return 1 }, 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			got := checkLeaks(tt.run, 0, &out)
			if got != tt.want {
				t.Errorf("exit status: got %d, want %d", got, tt.want)
			}
			if s := out.String(); !strings.Contains(s, tt.wantOutput) || (tt.wantOutput == "") != (s == "") {
				t.Errorf("output: got %q, want %q in it", s, tt.wantOutput)
			}
		})
	}
}

// TestCheckLeaksGrace shows that what is merely slow to go is no leak.
func TestCheckLeaksGrace(t *testing.T) {
	slow := make(chan struct{})
	var out strings.Builder
	status := checkLeaks(func() int {
		leakGoroutine(slow)
		time.AfterFunc(20*time.Millisecond, func() { close(slow) })
		return 0
	}, leakGrace, &out)
	if status != 0 {
		t.Errorf("exit status: got %d, want 0; output:\n%s", status, out.String())
	}
}

// waitForNone waits until nothing is left that was not there before.
func waitForNone(t *testing.T, before *snapshot) {
	t.Helper()
	var out strings.Builder
	if !before.restored(leakGrace, &out) {
		t.Error(out.String())
	}
}

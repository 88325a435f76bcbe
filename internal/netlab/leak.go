package netlab

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// leakGrace is how long goroutines, descriptors and threads may take to go
// after the last test.
const leakGrace = 5 * time.Second

// checkLeaks calls run and returns its exit status, or 1 if run was
// successful and left something behind that is still there after grace. What
// is left is listed on w.
func checkLeaks(run func() int, grace time.Duration, w io.Writer) int {
	before := takeSnapshot()
	status := run()
	if status == 0 && !before.restored(grace, w) { // a failed test may well leave its things
		return 1
	}
	return status
}

// snapshot is what a process holds at one time.
type snapshot struct {
	goroutines  map[string]string // by the number, the stack
	descriptors map[string]string // by the number, what it refers to
	children    bool
}

func takeSnapshot() *snapshot {
	// The runtime opens its poller's descriptors on first use and keeps them.
	if r, w, err := os.Pipe(); err == nil {
		r.Close()
		w.Close()
	}
	return &snapshot{goroutines(), descriptors(), hasChildren()}
}

// restored waits for grace at most until the process holds no more than at s.
// It reports whether that came, and lists on w what is left otherwise.
func (s *snapshot) restored(grace time.Duration, w io.Writer) bool {
	leaks := s.leaks()
	for deadline := time.Now().Add(grace); len(leaks) > 0 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
		leaks = s.leaks()
	}
	if len(leaks) > 0 {
		fmt.Fprintf(w, "netlab: the tests passed and left behind:\n\n%s\n", strings.Join(leaks, "\n\n"))
	}
	return len(leaks) == 0
}

// leaks describes what the process holds now and did not hold at s, in a
// stable order.
func (s *snapshot) leaks() []string {
	var leaks []string
	for id, stack := range goroutines() {
		if _, ok := s.goroutines[id]; !ok {
			leaks = append(leaks, stack)
		}
	}
	for fd, target := range descriptors() {
		if s.descriptors[fd] != target {
			leaks = append(leaks, fmt.Sprintf("descriptor %s: %s", fd, target))
		}
	}
	if !s.children && hasChildren() {
		leaks = append(leaks, "child processes, running or not waited for: "+listChildren())
	}
	leaks = append(leaks, strayThreads()...)
	slices.Sort(leaks)
	return leaks
}

// goroutines returns the stack of every goroutine, by the goroutine's number.
func goroutines() map[string]string {
	buf := make([]byte, 64<<10)
	n := runtime.Stack(buf, true)
	for n == len(buf) {
		buf = make([]byte, 2*len(buf))
		n = runtime.Stack(buf, true)
	}
	all := make(map[string]string)
	for stack := range strings.SplitSeq(string(buf[:n]), "\n\n") {
		id, _, _ := strings.Cut(stack, " [") // "goroutine 7 [select]:"
		// Package os/signal starts its one goroutine on first use, for ever.
		if !strings.Contains(stack, "os/signal.loop") {
			all[id] = strings.TrimSpace(stack)
		}
	}
	return all
}

// descriptors returns what every open descriptor refers to, by its number. It
// is empty where there is no /proc.
func descriptors() map[string]string {
	const dir = "/proc/self/fd"
	all := make(map[string]string)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		// The one that ReadDir itself used is closed by now.
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil {
			all[e.Name()] = target
		}
	}
	return all
}

package page_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"
)

// waiting is what the kernel says of the threads in which pages are drawn: for how
// long each ran, and for how long it could have run but other threads had the
// processors. What a page is late by for that is not of its own making.
type waiting []*thread

// thread is the first one of a process that shows pages.
type thread struct {
	file        string
	first, last spent
	most        spent // from one look to the next
	when        time.Time
	unknown     bool
}

// spent is time: ran and waited as the kernel counts them, and as the clock does.
type spent struct{ ran, waited, passed time.Duration }

// watch begins to look at the browser's processes that show pages.
func (c *chrome) watch(t *testing.T) (w waiting) {
	t.Helper()
	r, err := c.call("", "SystemInfo.getProcessInfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	var info struct {
		ProcessInfo []struct {
			ID   int
			Type string
		}
	}
	if err := json.Unmarshal(r, &info); err != nil {
		t.Fatal(err)
	}
	for _, p := range info.ProcessInfo {
		if p.Type != "renderer" {
			continue
		}
		th := &thread{file: fmt.Sprintf("/proc/%d/task/%d/schedstat", p.ID, p.ID), when: time.Now()}
		th.first = th.read()
		th.last = th.first
		w = append(w, th)
	}
	return w
}

func (th *thread) read() (s spent) {
	b, err := os.ReadFile(th.file)
	if err == nil {
		_, err = fmt.Sscan(string(b), &s.ran, &s.waited)
	}
	th.unknown = th.unknown || err != nil
	s.passed = time.Since(th.when)
	return s
}

// look notes what the threads have done since the last look.
func (w waiting) look() {
	for _, th := range w {
		now := th.read()
		th.most.ran = max(th.most.ran, now.ran-th.last.ran)
		th.most.waited = max(th.most.waited, now.waited-th.last.waited)
		th.most.passed = max(th.most.passed, now.passed-th.last.passed)
		th.last = now
	}
}

// String tells of the thread that ran for longest: which process shows which page
// is not said.
func (w waiting) String() string {
	var busy *thread
	for _, th := range w {
		if !th.unknown && (busy == nil || th.last.ran-th.first.ran > busy.last.ran-busy.first.ran) {
			busy = th
		}
	}
	if busy == nil {
		return "this system does not say for how long it waited"
	}
	const ms = time.Millisecond
	return fmt.Sprintf("ran for %v and waited for a processor for %v; from one look to the next, after %v at most, it ran for %v at most and waited for %v at most",
		(busy.last.ran - busy.first.ran).Round(ms), (busy.last.waited - busy.first.waited).Round(ms), busy.most.passed.Round(ms), busy.most.ran.Round(ms), busy.most.waited.Round(ms))
}

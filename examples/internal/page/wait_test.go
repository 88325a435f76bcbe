package page_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"
)

// waiting is what the kernel says of the thread in which pages are drawn: for how
// long it ran, and for how long it could have run but other threads had the
// processors. What a page is late by for that is not of its own making.
type waiting struct {
	file        string
	first, last spent
	most        spent // from one look to the next
	when        time.Time
	unknown     bool
}

// spent is time: ran and waited as the kernel counts them, and as the clock does.
type spent struct{ ran, waited, passed time.Duration }

// watch begins to look at the browser's busiest process that shows pages. Its
// first thread draws them.
func (c *chrome) watch(t *testing.T) *waiting {
	t.Helper()
	r, err := c.call("", "SystemInfo.getProcessInfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	var info struct {
		ProcessInfo []struct {
			ID      int
			Type    string
			CPUTime float64
		}
	}
	if err := json.Unmarshal(r, &info); err != nil {
		t.Fatal(err)
	}
	id, most := 0, -1.0
	for _, p := range info.ProcessInfo {
		if p.Type == "renderer" && p.CPUTime > most {
			id, most = p.ID, p.CPUTime
		}
	}
	w := &waiting{file: fmt.Sprintf("/proc/%d/task/%d/schedstat", id, id)}
	w.when = time.Now()
	w.first = w.read()
	w.last = w.first
	return w
}

func (w *waiting) read() (s spent) {
	b, err := os.ReadFile(w.file)
	if err == nil {
		_, err = fmt.Sscan(string(b), &s.ran, &s.waited)
	}
	w.unknown = w.unknown || err != nil
	s.passed = time.Since(w.when)
	return s
}

// look notes what the thread has done since the last look.
func (w *waiting) look() {
	now := w.read()
	w.most.ran = max(w.most.ran, now.ran-w.last.ran)
	w.most.waited = max(w.most.waited, now.waited-w.last.waited)
	w.most.passed = max(w.most.passed, now.passed-w.last.passed)
	w.last = now
}

func (w *waiting) String() string {
	if w.unknown {
		return "this system does not say for how long it waited"
	}
	const ms = time.Millisecond
	return fmt.Sprintf("ran for %v and waited for a processor for %v; from one look to the next, after %v at most, it ran for %v at most and waited for %v at most",
		(w.last.ran - w.first.ran).Round(ms), (w.last.waited - w.first.waited).Round(ms), w.most.passed.Round(ms), w.most.ran.Round(ms), w.most.waited.Round(ms))
}

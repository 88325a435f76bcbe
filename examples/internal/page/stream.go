package page

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

const (
	// maxStreams is how many browsers can watch at a time.
	maxStreams = 32
	// interval is the least time between two messages to a browser.
	interval = 250 * time.Millisecond
	// keepAlive is the time after which a message is sent though nothing has
	// changed, so that the end of a connection is noticed.
	keepAlive = 10 * time.Second
	// writeTimeout is how long a browser may take to read a message.
	writeTimeout = 30 * time.Second
)

// stream sends what changes, as server-sent events.
type stream struct {
	page  *Page
	done  <-chan struct{}
	slots chan struct{}
}

func (s *stream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	// The server's limits are those of an ordinary request.
	_ = out.SetReadDeadline(time.Time{})
	alive, pace := time.NewTicker(keepAlive), time.NewTicker(interval)
	defer alive.Stop()
	defer pace.Stop()
	message := bytes.NewBufferString("retry: 1000\n")
	for version := uint64(0); ; {
		u, changed := s.page.since(version)
		version = u.Version
		message.WriteString("data: ")
		if err := json.NewEncoder(message).Encode(u); err != nil {
			return // cannot be: there is nothing in it that JSON has not
		}
		message.WriteByte('\n')
		_ = out.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := message.WriteTo(w); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
		if !s.wait(r, nil, pace.C) || !s.wait(r, changed, alive.C) {
			return
		}
	}
}

// wait returns true when one of the channels has something, and false when the
// stream is to end.
func (s *stream) wait(r *http.Request, changed <-chan struct{}, tick <-chan time.Time) bool {
	select {
	case <-changed:
	case <-tick:
	case <-r.Context().Done():
		return false
	case <-s.done:
		return false
	}
	return true
}

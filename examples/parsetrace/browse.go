package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"example.com/tcpgraph/examples/internal/page"
	"example.com/tcpgraph/examples/internal/picture"
	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
)

// pageEvery is how often the page is told of what has been read meanwhile.
const pageEvery = 250 * time.Millisecond

// item is what reading a line gave.
type item struct {
	event traceformat.Event
	err   error
}

// browse serves the graph of a trace while it is read and after, until the
// context ends.
func browse(ctx context.Context, serve *page.Flag, r *traceformat.Reader, noLoopback, strict bool, stderr io.Writer) error {
	// The reader's goroutine ends with the context, or the trace.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g := flowgraph.New(&flowgraph.Options{ForgetPaired: true})
	p := page.New(g, &page.Options{Title: "trace", Trace: true})
	server, err := serve.Start(p, stderr)
	if err != nil {
		return err
	}
	defer server.Close()
	tick := time.NewTicker(pageEvery)
	defer tick.Stop()
	var s summary
	doubts := "" // known at the end
	for lines := items(ctx, r); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			p.Update(page.Status{Note: strings.TrimSpace(s.note() + doubts), Done: lines == nil})
			if lines == nil {
				tick.Stop() // all is said
			}
		case line, ok := <-lines:
			if !ok {
				lines = nil
				if strict && s.bad > 0 {
					return fmt.Errorf("%s, and -strict was given", picture.Plural(uint64(s.bad), "bad line"))
				}
				fmt.Fprintln(stderr, s)
				for _, doubt := range s.doubts(g.Stats()) {
					fmt.Fprintln(stderr, doubt)
					doubts += " " + doubt + "."
				}
				continue
			}
			if ok, err := s.count(line.err); err != nil {
				return err
			} else if ok {
				s.see(line.event.Time)
				if !(noLoopback && line.event.Remote.Addr().IsLoopback()) {
					p.Add(line.event)
				}
			}
		}
	}
}

// items returns a channel of what the lines of a trace give. It is closed at the
// end of the trace.
func items(ctx context.Context, r *traceformat.Reader) <-chan item {
	c := make(chan item, 1024)
	go func() {
		defer close(c)
		for e, err := range r.Prefetch() {
			select {
			case c <- item{e, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return c
}

// note says on the page that there were bad lines.
func (s *summary) note() string {
	if s.bad == 0 {
		return ""
	}
	return fmt.Sprintf("%s no events, the first one number %d: %s.", picture.Plural(uint64(s.bad), "line"), s.first[0].Line, s.first[0].Msg)
}

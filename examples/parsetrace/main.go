// Command parsetrace reads a trace and writes the graph of the processes in it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"example.com/tcpgraph/examples/internal/cli"
	"example.com/tcpgraph/examples/internal/page"
	"example.com/tcpgraph/examples/internal/picture"
	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
)

func main() {
	// Collect garbage when there is half as much as data: a large trace takes a
	// sixth less memory so, and no more time. See docs/PERFORMANCE.md.
	debug.SetGCPercent(50)
	cli.Main(run)
}

const usage = `usage: parsetrace [flags] < TRACE

Reads lines that livetrace, or the original bpftrace script, has printed, and
writes the graph of the processes in them, as a picture or in the DOT language
of Graphviz:

    go run ./examples/parsetrace -T svg < example.trace > graph.svg
    go run ./examples/parsetrace < example.trace | dot -Tsvg > graph.svg

The graph goes to stdout. A line of summary goes to stderr, and the first lines
that were no events, with their numbers.

flags:
`

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var (
		fs         = flag.NewFlagSet("parsetrace", flag.ContinueOnError)
		show       picture.Options
		strict     bool
		noLoopback bool
		serve      page.Flag
	)
	fs.Usage = func() {
		fmt.Fprint(stderr, usage)
		fs.PrintDefaults()
	}
	fs.BoolVar(&strict, "strict", false, "fail on a line that is no event, and write no graph")
	fs.BoolVar(&noLoopback, "no-loopback", false, "leave out connections between loopback addresses (127.0.0.0/8, ::1)")
	serve.Register(fs)
	show.Register(fs)
	if err := cli.Parse(fs, args, stderr); err != nil {
		return err
	}
	if err := show.Check(); err != nil {
		return fmt.Errorf("parsetrace: %w", err)
	}
	if serve.On {
		if err := browse(ctx, &serve, traceformat.NewReader(stdin), noLoopback, strict, stderr); err != nil {
			return fmt.Errorf("parsetrace: %w", err)
		}
		return nil
	}
	g := flowgraph.New(&flowgraph.Options{ForgetPaired: true})
	s, err := read(g, traceformat.NewReader(stdin), noLoopback, linesAlone(stdin))
	if err != nil {
		return fmt.Errorf("parsetrace: %w", err)
	}
	for _, bad := range s.first {
		fmt.Fprintf(stderr, "line %d: %s\n", bad.Line, bad.Msg)
	}
	if strict && s.bad > 0 {
		return fmt.Errorf("parsetrace: %s, and -strict was given", picture.Plural(uint64(s.bad), "bad line"))
	}
	p := show.Picture(g)
	fmt.Fprintf(stderr, "%s: %s, %s\n", s, picture.Plural(uint64(p.View.Nodes().Len()), "node"), picture.Plural(uint64(p.View.Edges().Len()), "edge"))
	for _, note := range slices.Concat(p.Notes, s.doubts(p.View.Stats())) {
		fmt.Fprintln(stderr, note)
	}
	if err := p.Write(ctx, stdout, stderr); err != nil {
		return fmt.Errorf("parsetrace: %w", err)
	}
	return nil
}

// showBad is how many bad lines are printed.
const showBad = 3

// summary counts what was read.
type summary struct {
	events, bad int
	first       []*traceformat.SyntaxError
	latest      time.Time // of an event
	unsorted    bool      // an event was much earlier than one before it
}

// late is how much earlier than one before it an event of a sorted trace can be,
// since tracing does not take long to tell of one.
const late = 10 * time.Second

// see takes note of when an event was.
func (s *summary) see(t time.Time) {
	if t.After(s.latest) {
		s.latest = t
	} else if !t.IsZero() && s.latest.Sub(t) > late {
		s.unsorted = true
	}
}

// doubts says what the graph of the trace could not tell. In a sorted one the
// half of a connection that was not near the other is not to be expected.
func (s *summary) doubts(stats flowgraph.Stats) []string {
	said := cli.Doubts(stats)
	if forgotten := cli.Forgotten(stats); forgotten != "" && s.unsorted {
		said = append(said, forgotten)
	}
	return said
}

func (s summary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s", picture.Plural(uint64(s.events+s.bad), "line"), picture.Plural(uint64(s.events), "event"))
	fmt.Fprintf(&b, ", %s", picture.Plural(uint64(s.bad), "bad line"))
	if more := s.bad - len(s.first); more > 0 {
		fmt.Fprintf(&b, " (%d not shown)", more)
	}
	return b.String()
}

// count takes note of what reading a line gave. It reports whether that was an
// event, and returns the error if reading has ended with one.
func (s *summary) count(err error) (ok bool, failed error) {
	if err == nil {
		s.events++
		return true, nil
	}
	var bad *traceformat.SyntaxError
	if !errors.As(err, &bad) {
		return false, err
	}
	if s.bad++; len(s.first) < showBad {
		s.first = append(s.first, bad)
	}
	return false, nil
}

// A trace is read on several processors from the beginning if it is a large file,
// and else after so many lines: that costs more of the processors' time, and is
// worth it only where somebody waits.
const (
	alone = 1 << 20
	large = 100 << 20 // bytes; some two million lines
)

// linesAlone returns how many lines are to be read on one processor.
func linesAlone(stdin io.Reader) int {
	if f, ok := stdin.(fs.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() >= large {
			return 0
		}
	}
	return alone
}

// read adds a trace to a graph. Lines that are no events are counted. After so
// many lines it has the parsing, and the putting together of connections, done by
// goroutines, if there are processors for them.
func read(g *flowgraph.Graph, r *traceformat.Reader, noLoopback bool, lines int) (s summary, err error) {
	take := func(e *traceformat.Event, err error) error {
		ok, err := s.count(err)
		if ok {
			s.see(e.Time)
		}
		if ok && !(noLoopback && e.Remote.Addr().IsLoopback()) {
			g.Add(*e)
		}
		return err
	}
	var e traceformat.Event
	lonely := runtime.GOMAXPROCS(0) == 1
	for n := 0; n < lines || lonely; n++ {
		err := r.Read(&e)
		if err == io.EOF {
			return s, nil
		}
		if err := take(&e, err); err != nil {
			return s, err
		}
	}
	g.Parallel()
	for e, err := range r.Prefetch() {
		if err := take(&e, err); err != nil {
			return s, err
		}
	}
	return s, nil
}

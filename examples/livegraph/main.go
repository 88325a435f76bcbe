// Command livegraph watches the TCP connections of this machine and writes the
// graph of the processes that talk to each other.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"example.com/tcpgraph/examples/internal/cli"
	"example.com/tcpgraph/examples/internal/picture"
	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/tracer"
)

func main() { cli.Main(run) }

const usage = `usage: livegraph [flags]

Watches every TCP connection that the processes of this machine open, and writes
the graph of the processes that talk to each other in the DOT language of
Graphviz: when it is interrupted, and at other times as -every and the signal
USR1 say. Needs root, or CAP_BPF and CAP_PERFMON:

    go run -exec sudo ./examples/livegraph -for 30s | dot -Tsvg > graph.svg

The graph goes to stdout, or whole each time to the file of -o. When tracing is
under way, a line that begins with "tracing" goes to stderr; on a terminal it is
followed by a line that counts.

flags:
`

// flags are the command's arguments.
type flags struct {
	trace cli.Trace
	show  picture.Options
	every time.Duration
	out   string
}

func parse(args []string, stderr io.Writer) (*flags, error) {
	var f flags
	fs := flag.NewFlagSet("livegraph", flag.ContinueOnError)
	fs.Usage = func() {
		fmt.Fprint(stderr, usage)
		fs.PrintDefaults()
	}
	fs.DurationVar(&f.every, "every", 0, "write the graph again each `DURATION` as well; needs -o")
	fs.StringVar(&f.out, "o", "", "write the graph to `FILE`, which is replaced as a whole, instead of stdout")
	f.show.Register(fs)
	f.trace.Register(fs)
	if err := cli.Parse(fs, args, stderr); err != nil {
		return nil, err
	}
	if f.every < 0 {
		return nil, cli.Usagef("-every %v: negative", f.every)
	}
	if f.every > 0 && f.out == "" {
		return nil, cli.Usagef("-every needs -o FILE: several graphs on stdout are not one")
	}
	return &f, f.show.Check()
}

func run(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) (err error) {
	f, err := parse(args, stderr)
	if err != nil {
		return err
	}
	opts, err := f.trace.Options()
	if err != nil {
		return fmt.Errorf("livegraph: %w", err)
	}
	t, err := tracer.Open(opts)
	if err != nil {
		return fmt.Errorf("livegraph: %w", err)
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	if f.trace.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.trace.For)
		defer cancel()
	}
	defer context.AfterFunc(ctx, t.Stop)()
	now, stop := notifyUser()
	defer stop()
	l := &live{source: t, graph: flowgraph.New(nil), flags: f, stdout: stdout, stderr: stderr, terminal: isTerminal(stderr), write: now}
	if err := l.run(); err != nil {
		return fmt.Errorf("livegraph: %w", err)
	}
	return nil
}

// source is what livegraph needs of a tracer.
type source interface {
	Events() <-chan tracer.Event
	Err() error
	Stats() tracer.Stats
}

// live is a graph that grows.
type live struct {
	source   source
	graph    *flowgraph.Graph
	flags    *flags
	stdout   io.Writer
	stderr   io.Writer
	terminal bool             // stderr is one
	write    <-chan os.Signal // asks for a graph now
}

// statusEvery is how often the line that counts is renewed.
const statusEvery = 250 * time.Millisecond

// run adds events until there are no more, and writes the graph then and
// whenever it is time to.
func (l *live) run() error {
	status, every := never, never
	if l.terminal {
		t := time.NewTicker(statusEvery)
		defer t.Stop()
		status = t.C
	}
	if l.flags.every > 0 {
		t := time.NewTicker(l.flags.every)
		defer t.Stop()
		every = t.C
	}
	events, before := l.source.Events(), l.source.Stats().Snapshot
	for n := uint64(0); ; {
		if n == before {
			fmt.Fprintln(l.stderr, cli.Tracing(l.source.Stats()))
			n++ // once
		}
		select {
		case e, ok := <-events:
			if !ok {
				return l.finish()
			}
			l.graph.Add(e)
			if n < before {
				n++
			}
		case <-status:
			fmt.Fprintf(l.stderr, "\r\x1b[K%s", l.status())
		case <-every:
			if err := l.output(); err != nil {
				return err
			}
		case <-l.write:
			if err := l.output(); err != nil {
				return err
			}
		}
	}
}

// never is a channel on which nothing comes.
var never <-chan time.Time

func (l *live) finish() error {
	if err := errors.Join(l.output(), l.source.Err()); err != nil {
		return err
	}
	if l.terminal {
		fmt.Fprint(l.stderr, "\r\x1b[K")
	}
	fmt.Fprintln(l.stderr, l.status())
	if lost := cli.Lost(l.source.Stats().Lost); lost != "" {
		fmt.Fprintln(l.stderr, "lost:", lost)
	}
	return nil
}

func (l *live) status() string {
	s, g := l.source.Stats(), l.graph.Stats()
	return fmt.Sprintf("%s, %s, %s, %d lost",
		picture.Plural(s.Received, "event"), picture.Plural(g.Processes, "process"), picture.Plural(g.Edges, "edge"), s.Lost.Events())
}

// output writes the graph as it is now.
func (l *live) output() error {
	v := l.flags.show.View(l.graph)
	if l.flags.out == "" {
		return picture.Write(l.stdout, v)
	}
	return cli.ReplaceFile(l.flags.out, func(w io.Writer) error { return picture.Write(w, v) })
}

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
	"strings"
	"time"

	"example.com/tcpgraph/examples/internal/cli"
	"example.com/tcpgraph/examples/internal/page"
	"example.com/tcpgraph/examples/internal/picture"
	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/tracer"
)

func main() { cli.Main(run) }

const usage = `usage: livegraph [flags]

Watches every TCP connection that the processes of this machine open, and writes
the graph of the processes that talk to each other, as a picture or in the DOT
language of Graphviz: when it is interrupted, and at other times as -every and
the signal USR1 say. Needs root, or CAP_BPF and CAP_PERFMON:

    go run -exec sudo ./examples/livegraph -for 30s -T svg > graph.svg

The graph goes to stdout, or whole each time to the file of -o. When tracing is
under way, a line that begins with "tracing" goes to stderr; on a terminal it is
followed by a line that counts. With -http the graph is shown in a browser, as it
grows, and goes to a file only if -o is given.

flags:
`

// flags are the command's arguments.
type flags struct {
	trace cli.Trace
	show  picture.Options
	serve page.Flag
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
	f.serve.Register(fs)
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
	if f.out != "" {
		if err := cli.CheckFile(f.out); err != nil {
			return fmt.Errorf("livegraph: -o %s: %w", f.out, err)
		}
	}
	defer func() { err = errors.Join(err, f.trace.Close()) }()
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
	if f.serve.On {
		l.page = page.New(l.graph, &page.Options{Title: title()})
		server, failed := f.serve.Start(l.page, stderr)
		if failed != nil {
			return fmt.Errorf("livegraph: %w", failed)
		}
		defer func() { err = errors.Join(err, server.Close()) }()
	}
	if err := l.run(ctx); err != nil {
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
	page     *page.Page // shows the graph, if it is not nil
	flags    *flags
	stdout   io.Writer
	stderr   io.Writer
	terminal bool             // stderr is one
	write    <-chan os.Signal // asks for a graph now
}

// statusEvery is how often the line that counts is renewed.
const statusEvery = 250 * time.Millisecond

// title names the machine on the page.
func title() string {
	name, err := os.Hostname()
	if err != nil {
		return "this machine"
	}
	return name
}

// run adds events until there are no more, and writes the graph then and
// whenever it is time to.
func (l *live) run(ctx context.Context) error {
	status, shown, every := never, never, never
	if l.terminal {
		t := time.NewTicker(statusEvery)
		defer t.Stop()
		status = t.C
	}
	if l.page != nil {
		t := time.NewTicker(statusEvery)
		defer t.Stop()
		shown = t.C
	}
	if l.flags.every > 0 {
		t := time.NewTicker(l.flags.every)
		defer t.Stop()
		every = t.C
	}
	// What ends the tracing does not end a picture.
	ctx = context.WithoutCancel(ctx)
	draw := &drawing{out: l.flags.out, stdout: l.stdout}
	events, before := l.source.Events(), l.source.Stats().Snapshot
	for n := uint64(0); ; {
		if n == before {
			fmt.Fprintln(l.stderr, cli.Tracing(l.source.Stats()))
			n++ // once
		}
		select {
		case e, ok := <-events:
			if !ok {
				return l.finish(ctx, draw)
			}
			l.add(e)
			if n < before {
				n++
			}
		case <-status:
			fmt.Fprintf(l.stderr, "\r\x1b[K%s", l.status())
		case <-shown:
			l.page.Update(l.said())
		case <-every:
			draw.start(ctx, l.picture)
		case <-l.write:
			draw.start(ctx, l.picture)
		case err := <-draw.done:
			if draw.done = nil; err != nil {
				return err
			}
		}
	}
}

func (l *live) add(e tracer.Event) {
	if l.page != nil {
		l.page.Add(e)
		return
	}
	l.graph.Add(e)
}

// said is what the page says beside the graph.
func (l *live) said() page.Status {
	s := l.source.Stats()
	note := ""
	if len(s.Missing) > 0 {
		note = "Note: " + strings.Join(s.Missing, "; ") + "."
	}
	return page.Status{Lost: s.Lost.Events(), Loss: cli.Lost(s.Lost), Note: note}
}

// never is a channel on which nothing comes.
var never <-chan time.Time

func (l *live) finish(ctx context.Context, draw *drawing) error {
	err := draw.wait()
	if err == nil && (l.page == nil || l.flags.out != "") {
		p := l.picture()
		for _, note := range p.Notes {
			l.say(note)
		}
		err = draw.write(ctx, p, l.stderr)
	}
	if err := errors.Join(err, l.source.Err()); err != nil {
		return err
	}
	l.say(l.status())
	for _, doubt := range cli.Doubts(l.graph.Stats()) {
		fmt.Fprintln(l.stderr, doubt)
	}
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

// picture returns what is shown of the graph as it is now.
func (l *live) picture() *picture.Picture { return l.flags.show.Picture(l.graph) }

// say prints a line in the place of the one that counts.
func (l *live) say(line string) {
	if l.terminal {
		fmt.Fprint(l.stderr, "\r\x1b[K")
	}
	fmt.Fprintln(l.stderr, line)
}

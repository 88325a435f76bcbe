// Command livetrace prints the TCP connections of this machine as they open,
// close and fail, one line each, with the process that owns them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"

	"example.com/tcpgraph/examples/internal/cli"
	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer"
)

func main() { cli.Main(run) }

const usage = `usage: livetrace [flags]

Prints every TCP connection that the processes of this machine open, one line
each: remote→local for outgoing and remote←local for incoming ones, then the
process. What is already open comes first. With -extended or -aggregate also
those that close or fail are printed, with all that is known. Needs root, or
CAP_BPF and CAP_PERFMON:

    go run -exec sudo ./examples/livetrace -extended
    go run -exec sudo ./examples/livetrace | go run ./examples/parsetrace | dot -Tsvg > graph.svg

Events go to stdout. When tracing is under way, a line that begins with
"tracing" goes to stderr, and at the end a summary.

flags:
`

// flags are the command's arguments.
type flags struct {
	trace  cli.Trace
	format traceformat.Format
}

func parse(args []string, stderr io.Writer) (*flags, error) {
	var f flags
	fs := flag.NewFlagSet("livetrace", flag.ContinueOnError)
	fs.Usage = func() {
		fmt.Fprint(stderr, usage)
		fs.PrintDefaults()
	}
	fs.BoolVar(&f.format.Extended, "extended", false, "print all that is known: closed and failed connections too, times, users, bytes, executables; -aggregate implies it")
	fs.BoolVar(&f.format.ASCII, "ascii", false, "print the arrows of the original bpftrace script, which point from client to server: remote<-local is outgoing")
	f.trace.Register(fs)
	if err := cli.Parse(fs, args, stderr); err != nil {
		return nil, err
	}
	// The basic form has opened connections only, and a total has closed.
	f.format.Extended = f.format.Extended || f.trace.Aggregate > 0
	return &f, nil
}

func run(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) (err error) {
	f, err := parse(args, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.trace.Close()) }()
	opts, err := f.trace.Options()
	if err != nil {
		return fmt.Errorf("livetrace: %w", err)
	}
	t, err := tracer.Open(opts)
	if err != nil {
		return fmt.Errorf("livetrace: %w", err)
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	if f.trace.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.trace.For)
		defer cancel()
	}
	stop := context.AfterFunc(ctx, t.Stop)
	defer stop()
	if err := printEvents(t, traceformat.NewWriter(stdout, f.format), f.format.Extended, stderr); err != nil {
		return fmt.Errorf("livetrace: %w", err)
	}
	stats := t.Stats()
	fmt.Fprintf(stderr, "%d events, %d lost\n", stats.Received, stats.Lost.Events())
	if lost := cli.Lost(stats.Lost); lost != "" {
		fmt.Fprintln(stderr, "lost:", lost)
	}
	return nil
}

// source is what printEvents needs of a tracer.
type source interface {
	Batches() iter.Seq2[[]tracer.Event, error]
	Stats() tracer.Stats
}

// printEvents prints events until there are no more. It writes what it has
// before it waits for more.
func printEvents(t source, w *traceformat.Writer, extended bool, stderr io.Writer) error {
	begun := false
	for batch, err := range t.Batches() {
		if err != nil {
			return errors.Join(w.Flush(), err)
		}
		for i := range batch {
			if batch[i].Kind != traceformat.Open && !extended {
				continue // the basic form has opened connections only
			}
			if err := w.Write(batch[i]); err != nil {
				return err
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if !begun { // that was what is open already
			begun = true
			fmt.Fprintln(stderr, cli.Tracing(t.Stats()))
		}
	}
	return nil
}

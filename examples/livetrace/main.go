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
process. What is already open comes first. Needs root, or CAP_BPF and
CAP_PERFMON:

    go run -exec sudo ./examples/livetrace -extended
    go run -exec sudo ./examples/livetrace | go run ./examples/parsetrace | dot -Tsvg > graph.svg

Events go to stdout. When tracing is under way, a line that begins with
"tracing" goes to stderr, and at the end a summary.

flags:
`

func run(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) (err error) {
	var (
		fs     = flag.NewFlagSet("livetrace", flag.ContinueOnError)
		trace  cli.Trace
		format traceformat.Format
	)
	fs.Usage = func() {
		fmt.Fprint(stderr, usage)
		fs.PrintDefaults()
	}
	fs.BoolVar(&format.Extended, "extended", false, "print all that is known: closed and failed connections too, times, users, bytes, executables")
	fs.BoolVar(&format.ASCII, "ascii", false, "print the arrows of the original bpftrace script, which point from client to server: remote<-local is outgoing")
	trace.Register(fs)
	if err := cli.Parse(fs, args, stderr); err != nil {
		return err
	}
	opts, err := trace.Options()
	if err != nil {
		return fmt.Errorf("livetrace: %w", err)
	}
	t, err := tracer.Open(opts)
	if err != nil {
		return fmt.Errorf("livetrace: %w", err)
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	if trace.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, trace.For)
		defer cancel()
	}
	stop := context.AfterFunc(ctx, t.Stop)
	defer stop()
	if err := printEvents(t, traceformat.NewWriter(stdout, format), format.Extended, stderr); err != nil {
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

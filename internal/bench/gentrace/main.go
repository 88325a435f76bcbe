// Command gentrace writes a trace of any length, for measurements. The same
// flags give the same trace.
//
//	go run ./gentrace -lines 1000000 > /tmp/1m.trace
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"example.com/tcpgraph/internal/bench/workload"
	"example.com/tcpgraph/traceformat"
)

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gentrace:", err)
		os.Exit(1)
	}
}

func run(w io.Writer) error {
	var o workload.Options
	var format traceformat.Format
	flag.IntVar(&o.Events, "lines", 1_000_000, "about how many lines to write")
	flag.Float64Var(&o.OneSided, "onesided", 0, "the share of connections that only the client reports, from 0 to 1")
	flag.IntVar(&o.Spread, "spread", 64, "how many lines apart the halves of a connection are at most")
	flag.BoolVar(&o.Shuffle, "shuffle", false, "write the lines in random order")
	flag.BoolVar(&o.Full, "extended", false, "write all that livetrace knows, and a Close at either end")
	flag.BoolVar(&format.ASCII, "ascii", false, "write the arrows of the original script")
	flag.Parse()
	format.Extended = o.Full
	out := traceformat.NewWriter(w, format)
	trace := workload.New(o)
	var e traceformat.Event
	for i := range trace.Len() {
		trace.Event(i, &e)
		if err := out.Write(e); err != nil {
			return err
		}
	}
	return out.Flush()
}

//go:build linux

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"example.com/tcpgraph/tracer"
)

// drain counts the events of its network namespace until it is interrupted, or of
// one that is nowhere.
func drain(args []string) error {
	fs := flag.NewFlagSet("drain", flag.ContinueOnError)
	channel := fs.Bool("channel", false, "")
	aggregate := fs.Duration("aggregate", 0, "")
	elsewhere := fs.Bool("elsewhere", false, "")
	if err := fs.Parse(args); err != nil {
		return err
	}
	netns, err := tracer.OwnNetNS()
	if err != nil {
		return err
	}
	if *elsewhere {
		netns = 1 // less than any inode number of a namespace
	}
	t, err := tracer.Open(&tracer.Options{NetNS: []uint32{netns}, Aggregate: *aggregate})
	if err != nil {
		return err
	}
	defer t.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	defer context.AfterFunc(ctx, t.Stop)()
	fmt.Println("tracing")
	n := 0
	if *channel {
		for range t.Events() {
			n++
		}
	}
	for batch, err := range t.Batches() {
		if err != nil && !*channel {
			return err
		}
		n += len(batch)
	}
	fmt.Println(n, "events", t.Stats().Lost.Events(), "lost")
	return nil
}

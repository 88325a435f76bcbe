//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"example.com/tcpgraph/tracer"
)

// drain counts the events of its network namespace until it is interrupted.
func drain() error {
	netns, err := tracer.OwnNetNS()
	if err != nil {
		return err
	}
	t, err := tracer.Open(&tracer.Options{NetNS: []uint32{netns}})
	if err != nil {
		return err
	}
	defer t.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	defer context.AfterFunc(ctx, t.Stop)()
	fmt.Println("tracing")
	n := 0
	for batch, err := range t.Batches() {
		if err != nil {
			return err
		}
		n += len(batch)
	}
	fmt.Println(n, "events", t.Stats().Lost.Events(), "lost")
	return nil
}

package main

import (
	"context"
	"io"

	"example.com/tcpgraph/examples/internal/cli"
	"example.com/tcpgraph/examples/internal/picture"
)

// drawing writes pictures of the graph, one at a time, while tracing goes on: a
// large one takes seconds.
type drawing struct {
	out    string // the file, or "" for stdout
	stdout io.Writer
	done   chan error // has the error of the picture that is being drawn; nil if none is
}

// start begins to write a picture, unless the one before is not done yet. What
// has changed since then is in the next.
func (d *drawing) start(ctx context.Context, of func() *picture.Picture) {
	if d.done != nil {
		return
	}
	p, done := of(), make(chan error, 1)
	d.done = done
	go func() { done <- d.write(ctx, p, io.Discard) }()
}

// wait waits for the picture that is being drawn, if one is.
func (d *drawing) wait() error {
	if d.done == nil {
		return nil
	}
	err := <-d.done
	d.done = nil
	return err
}

// write writes a picture, and says on stderr what takes long.
func (d *drawing) write(ctx context.Context, p *picture.Picture, stderr io.Writer) error {
	if d.out == "" {
		return p.Write(ctx, d.stdout, stderr)
	}
	return cli.ReplaceFile(d.out, func(w io.Writer) error { return p.Write(ctx, w, stderr) })
}

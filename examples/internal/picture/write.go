package picture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"example.com/tcpgraph/examples/internal/render"
)

// Write writes the picture in its format. SVG, PNG and PDF are laid out by
// Graphviz, which is given a minute at most; if that takes a while, lines on
// stderr say so.
func (p *Picture) Write(ctx context.Context, w, stderr io.Writer) error {
	switch p.format {
	case "", "dot":
		return p.writeDOT(w)
	case "mermaid":
		return p.writeMermaid(w, stderr)
	case "json":
		return p.writeJSON(w)
	case "gexf":
		return p.writeGEXF(w)
	}
	return p.render(ctx, w, stderr)
}

const (
	patience = time.Second      // until a line says what takes long
	again    = 10 * time.Second // until another says that it still does
	longest  = time.Minute      // for Graphviz
)

// render draws the picture with Graphviz.
func (p *Picture) render(ctx context.Context, w, stderr io.Writer) error {
	var graph bytes.Buffer
	if err := p.writeDOT(&graph); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, longest, errTooLarge)
	defer cancel()
	var picture bytes.Buffer
	done := make(chan error, 1)
	go func() { done <- render.Draw(ctx, p.format, graph.Bytes(), &picture) }()
	nodes, edges := Plural(uint64(p.View.Nodes().Len()), "node"), Plural(uint64(p.View.Edges().Len()), "edge")
	slow, start := time.NewTimer(patience), time.Now()
	defer slow.Stop()
	for {
		select {
		case <-slow.C:
			if passed := time.Since(start); passed < again {
				fmt.Fprintf(stderr, "drawing %s and %s…\n", nodes, edges)
			} else {
				fmt.Fprintf(stderr, "still drawing after %v, of %v at most\n", passed.Round(time.Second), longest)
			}
			slow.Reset(again)
		case err := <-done:
			switch {
			case err != nil && errors.Is(context.Cause(ctx), errTooLarge):
				return fmt.Errorf("%s and %s could not be laid out in %v: show less (-by command, -no-external, -hide NAME), or write -T dot and lay it out elsewhere", nodes, edges, longest)
			case err != nil:
				return err
			}
			_, err = picture.WriteTo(w)
			return err
		}
	}
}

// errTooLarge is why a layout ends that takes too long.
var errTooLarge = errors.New("too large to be laid out")

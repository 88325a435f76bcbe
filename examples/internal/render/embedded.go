package render

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"example.com/tcpgraph/examples/internal/render/wasmcache"
	graphviz "github.com/goccy/go-graphviz"
)

func init() { wasmcache.Restore() }

// busy is held while the Graphviz in the program works: there is one, and it
// cannot be interrupted.
var busy = make(chan struct{}, 1)

// embedded draws with the Graphviz in the program. That writes SVG; its bitmaps
// are not fit to look at, so that they are painted here, from the SVG.
func embedded(ctx context.Context, format string, graph []byte) ([]byte, error) {
	svg, err := place(ctx, graph)
	if err != nil {
		return nil, err
	}
	if format == "svg" {
		return fitText(svg)
	}
	s, err := parseSVG(svg)
	if err != nil {
		return nil, err
	}
	switch format {
	case "png":
		return paintPNG(s)
	case "pdf":
		return paintPDF(s)
	}
	return nil, fmt.Errorf("unknown format %q", format)
}

// layOut returns the picture as SVG, unless ctx ends first.
func layOut(ctx context.Context, graph []byte) ([]byte, error) {
	select {
	case busy <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	type result struct {
		out []byte
		err error
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-busy }()
		out, err := run(graph)
		done <- result{out, err}
	}()
	select {
	case r := <-done:
		return r.out, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func run(graph []byte) (out []byte, err error) {
	defer func() {
		// A trap in the WebAssembly reaches us as a panic in places.
		if r := recover(); r != nil {
			err = fmt.Errorf("graphviz: %v", r)
		}
	}()
	ctx := context.Background()
	gv, err := graphviz.New(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = gv.Close() }() // the picture is made
	g, err := graphviz.ParseBytes(graph)
	if err != nil {
		return nil, err
	}
	defer func() { _ = g.Close() }()
	if layout := g.GetStr("layout"); layout != "" {
		gv.SetLayout(graphviz.Layout(layout))
	}
	var b bytes.Buffer
	if err := gv.Render(ctx, g, graphviz.SVG, &b); err != nil {
		return nil, err
	}
	if b.Len() == 0 {
		return nil, errors.New("graphviz drew nothing")
	}
	return b.Bytes(), nil
}

// Package render draws a graph in the DOT language as a picture: with the dot
// of Graphviz if it is installed, as it is faster, and else with the Graphviz
// that the program has in itself.
package render

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// Formats are those that Draw knows.
var Formats = []string{"svg", "png", "pdf"}

// Draw draws a graph. Nothing is written to w unless the whole picture is made.
// The error matches that of ctx if ctx ended first; if it was the Graphviz inside
// the program that was too slow, that goes on until it is done, and calls that
// need it wait for it.
func Draw(ctx context.Context, format string, graph []byte, w io.Writer) error {
	picture, err := installed(ctx, format, graph)
	if err != nil && ctx.Err() == nil {
		picture, err = embedded(ctx, format, graph)
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("draw %s: %w", format, err)
	}
	_, err = w.Write(picture)
	return err
}

// installed draws with the dot that is in the path.
func installed(ctx context.Context, format string, graph []byte) ([]byte, error) {
	path, err := exec.LookPath("dot")
	if err != nil {
		return nil, err
	}
	var picture, complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, path, "-T"+format)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(graph), &picture, &complaints
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", path, err, strings.TrimSpace(complaints.String()))
	}
	if picture.Len() == 0 {
		return nil, errors.New(path + " drew nothing")
	}
	return picture.Bytes(), nil
}

package render

import (
	"context"
	"fmt"
)

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

package picture

import (
	"bytes"
	"cmp"
	"image/png"
	"net/netip"
	"testing"
)

func TestLayoutFor(t *testing.T) {
	for _, tt := range []struct {
		nodes, edges int
		engine       string
		labels       bool
		note         string
	}{
		{2, 1, "dot", true, ""},
		{40, 200, "dot", true, ""},
		{40, 240, "dot", false, withoutLabels},
		{40, 241, "neato", false, tooDense},
		{100, 9900, "neato", false, tooDense},
		{101, 1000, "dot", false, withoutLabels},
		{101, 1001, "sfdp", false, withoutDirection},
		{400, 200, "dot", true, ""},
		{401, 200, "sfdp", false, withoutDirection},
	} {
		l := layoutFor(tt.nodes, tt.edges)
		engine := ""
		for _, a := range l.attrs {
			if a.Key == "layout" {
				engine = a.Value
			}
		}
		if engine = cmp.Or(engine, "dot"); engine != tt.engine || l.labels != tt.labels || l.note != tt.note {
			t.Errorf("%d nodes, %d edges: got %s, labels %v, %q; want %s, %v, %q", tt.nodes, tt.edges, engine, l.labels, l.note, tt.engine, tt.labels, tt.note)
		}
	}
}

// TestDense draws a graph in which everybody is connected to everybody. It is no
// larger than a screen or two, so that names can be read.
func TestDense(t *testing.T) {
	s := newScene(1)
	var all []member
	for i := range byte(30) {
		all = append(all, s.spawn("", "service-"+string(rune('A'+i)), netip.AddrFrom4([4]byte{10, 0, 0, i + 1}), 1)...)
	}
	for _, a := range all {
		for _, b := range all {
			s.connect(a, b, 80, 1)
		}
	}
	img, err := png.DecodeConfig(bytes.NewReader(written(t, Options{By: "auto", Fold: true, Format: "png"}, graphOf(s.events))))
	if err != nil {
		t.Fatal(err)
	}
	if img.Width > 4000 || img.Height > 4000 {
		t.Errorf("the picture has %d × %d pixels, want 4000 × 4000 at most", img.Width, img.Height)
	}
}

package page_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/graph/encoding/dot"
	"gonum.org/v1/gonum/graph/multi"

	"example.com/tcpgraph/examples/internal/page"
	"example.com/tcpgraph/traceformat"
)

// testExport reads what the page exports with other programs.
func testExport(t *testing.T, c *chrome) {
	_, p := browse(t, c, "#external=hide", shop()...)
	dir := p.downloads()
	for _, form := range []struct {
		name  string
		check func(*testing.T, []byte)
	}{
		{"graph.svg", func(t *testing.T, b []byte) {
			if got := svgTexts(t, b); !strings.Contains(got, "|postgres|") || strings.Contains(got, "203.0.113.7") {
				t.Errorf("texts: got %q, want postgres and no external node", got)
			}
		}},
		{"graph.png", func(t *testing.T, b []byte) {
			if !strings.HasPrefix(string(b), "\x89PNG") || len(b) < 5000 {
				t.Errorf("got %d bytes that begin %q, want a PNG", len(b), b[:8])
			}
		}},
		{"graph.dot", func(t *testing.T, b []byte) {
			g := multi.NewDirectedGraph()
			if err := dot.UnmarshalMulti(b, g); err != nil {
				t.Fatalf("%v in %s", err, b)
			}
			if nodes, edges := g.Nodes().Len(), g.Edges().Len(); nodes != 6 || edges != 5 {
				t.Errorf("got %d nodes and %d edges, want 6 and 5", nodes, edges)
			}
		}},
		{"graph.trace", func(t *testing.T, b []byte) {
			n := 0
			for e, err := range traceformat.NewReader(strings.NewReader(string(b))).All() {
				if err != nil {
					t.Fatal(err)
				}
				if e.Remote.String() == "203.0.113.7:443" {
					t.Errorf("got %v, which is not seen", e)
				}
				n++
			}
			if want := len(shop()) - 1; n != want {
				t.Errorf("got %d events, want %d", n, want)
			}
		}},
	} {
		t.Run(form.name, func(t *testing.T) {
			p.eval(nil, fmt.Sprintf(`document.querySelector("[data-export=%s]").click()`, strings.TrimPrefix(form.name, "graph.")))
			form.check(t, p.downloaded(dir, form.name))
		})
	}
}

// svgTexts returns the texts of an SVG, each between bars.
func svgTexts(t *testing.T, b []byte) string {
	t.Helper()
	texts := "|"
	for d := xml.NewDecoder(strings.NewReader(string(b))); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		if err != nil {
			t.Fatal(err)
		}
		if chars, ok := token.(xml.CharData); ok {
			texts += strings.TrimSpace(string(chars)) + "|"
		}
	}
}

// Names are text, whatever they are.
func testHostile(t *testing.T, c *chrome) {
	const evil = "<img src=x onerror=alert(1)>"
	s, p := browse(t, c, "",
		"10.0.0.2:80→10.0.0.1:40001|PID=1 EXE=\"<script>alert(2)</script>\" ARGS=\"<b>x</b>\" CONTAINER=\"</title><script>alert(3)</script>\" CMD="+evil,
		"10.0.0.1:40001←10.0.0.2:80|PID=2 CMD=\"a\\\"];evil\\n\\u202e&#38;\"",
	)
	s.Update(page.Status{Done: true, Note: evil, Loss: evil})
	p.clickNode(evil)
	p.want("shown as text", name, evil)
	p.wait(`document.getElementById("facts").textContent.includes("<script>alert(2)</script>")`)
	p.want("note", `document.getElementById("notice").firstElementChild.textContent`, evil)
	p.want("elements made of names", `document.querySelectorAll("img, b, body script, #side style").length`, "0")
	p.set("by", "container")
	p.wait(`document.getElementById("list").textContent.includes("</title>") || true`)
	p.set("by", "process")
	dir := p.downloads()
	p.eval(nil, `document.querySelector("[data-export=svg]").click()`)
	if got := svgTexts(t, p.downloaded(dir, "graph.svg")); !strings.Contains(got, evil) {
		t.Errorf("SVG: got %q, want %q among it", got, evil)
	}
	p.eval(nil, `document.querySelector("[data-export=dot]").click()`)
	g := multi.NewDirectedGraph()
	if b := p.downloaded(dir, "graph.dot"); dot.UnmarshalMulti(b, g) != nil || g.Nodes().Len() != 2 || g.Edges().Len() != 1 {
		t.Errorf("DOT: got %d nodes and %d edges, want 2 and 1, of\n%s", g.Nodes().Len(), g.Edges().Len(), b)
	}
}

// downloads makes the browser save files into a directory.
func (p *tab) downloads() string {
	p.t.Helper()
	dir := p.t.TempDir()
	if _, err := p.chrome.call("", "Browser.setDownloadBehavior", map[string]any{"behavior": "allow", "downloadPath": dir, "eventsEnabled": false}); err != nil {
		p.t.Fatal(err)
	}
	return dir
}

// downloaded waits for a file and returns what is in it.
func (p *tab) downloaded(dir, name string) []byte {
	p.t.Helper()
	var b []byte
	for range int(patience.Milliseconds() / 20) {
		var err error
		// The browser gives a file its name when it is whole.
		if b, err = os.ReadFile(filepath.Join(dir, name)); err == nil && len(b) > 0 {
			return b
		}
		p.eval(nil, "new Promise((done) => setTimeout(done, 20))")
	}
	p.t.Fatalf("%s was never saved", name)
	return nil
}

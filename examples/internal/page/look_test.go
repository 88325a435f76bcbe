package page_test

import (
	"os"
	"strconv"
	"testing"

	"example.com/tcpgraph/examples/internal/page"
	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
)

func atoi(k string, d int) int {
	if n, err := strconv.Atoi(os.Getenv(k)); err == nil {
		return n
	}
	return d
}

func TestTmpLook(t *testing.T) {
	name := os.Getenv("LOOK")
	f, err := os.Open(name)
	if err != nil {
		t.Skip()
	}
	defer f.Close()
	p := page.New(flowgraph.New(nil), &page.Options{Trace: true, Title: "trace"})
	for e, err := range traceformat.NewReader(f).All() {
		if err == nil {
			p.Add(e)
		}
	}
	p.Update(page.Status{Done: true})
	s, err := page.Start("127.0.0.1:0", p)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := startChrome(t)
	tab := c.open(t, s.URL()+os.Getenv("HASH"), screen{width: atoi("W", 1440), height: atoi("H", 900), dark: os.Getenv("DARK") != ""})
	tab.wait("tcpgraph.scene.nodes.size > 0")
	if js := os.Getenv("JS"); js != "" {
		tab.eval(nil, js)
	}
	tab.eval(nil, "new Promise((r) => setTimeout(r, 300))")
	os.WriteFile("/tmp/page/look.png", tab.picture(), 0o644)
	t.Log(c.problems(), tab.text("document.title"))
}

package page_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/tcpgraph/internal/netlab"
)

// TestMermaid lets Mermaid draw, in a browser, what package picture has written:
// its golden files, hostile names among them. TCPGRAPH_MERMAID names the script,
// dist/mermaid.min.js in the package of npm.
func TestMermaid(t *testing.T) {
	script := os.Getenv("TCPGRAPH_MERMAID")
	if script == "" {
		netlab.Skip(t, "TCPGRAPH_MERMAID does not name a mermaid.min.js")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><meta charset="utf-8"><script src="mermaid.min.js"></script><script>
			mermaid.initialize({startOnLoad: false});
			globalThis.tcpgraph = {};
		</script><body></body>`)
	})
	mux.HandleFunc("GET /mermaid.min.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, script) })
	server := httptest.NewServer(mux)
	defer server.Close()
	c := startChrome(t)
	names, err := filepath.Glob("../picture/testdata/*.mermaid")
	if err != nil || len(names) == 0 {
		t.Fatalf("nothing to draw: %v", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			p := c.open(t, server.URL, desktop)
			p.eval(nil, fmt.Sprintf(`mermaid.render("chart", %s).then(({svg}) => { document.body.innerHTML = svg; })`, jsonText(string(text))))
			count := func(pattern string) int {
				return len(regexp.MustCompile(`(?m)`+pattern).FindAll(text, -1))
			}
			want := map[string]int{
				"g.node":                    count(`^ +n\d+[\[(]`),
				"g.cluster":                 count(`^ +subgraph `),
				"path.flowchart-link":       count(` -->\|`),
				"script, img, b, iframe, a": 0,
			}
			if want["g.node"] == 0 || want["path.flowchart-link"] == 0 {
				t.Fatalf("nothing to draw: %v", want)
			}
			got := make(map[string]int)
			for selector := range want {
				var n int
				p.eval(&n, fmt.Sprintf(`document.querySelector("svg").querySelectorAll(%q).length`, selector))
				got[selector] = n
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("elements (-want +got):\n%s", diff)
			}
			if !strings.Contains(name, "hostile") {
				return
			}
			for _, evil := range []string{"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "`**md**`", "1. one", "#quot;#34;", "%%{init}%%", "end"} {
				if p.text(fmt.Sprintf(`[...document.querySelectorAll("svg g.node")].some((n) => n.textContent.includes(%s))`, jsonText(evil))) != "true" {
					t.Errorf("no node shows %q", evil)
				}
			}
		})
	}
}

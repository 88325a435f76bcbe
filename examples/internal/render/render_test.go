package render

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const graph = `digraph { rankdir=LR bgcolor=transparent
	a [label=<<TABLE BORDER="0"><TR><TD><FONT POINT-SIZE="15">näme &lt;b&gt;</FONT></TD></TR></TABLE>> shape=box style="filled" fillcolor="#ff0000" color="#00ff00"]
	b [label="server" shape=box style="dashed" fontcolor="#0000ff"]
	a -> b [label=":80" color="#123456"] b -> b
}`

func TestEmbedded(t *testing.T) {
	t.Run("svg", func(t *testing.T) {
		out, err := embedded(t.Context(), "svg", []byte(graph))
		if err != nil {
			t.Fatal(err)
		}
		for d := xml.NewDecoder(bytes.NewReader(out)); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Contains(out, []byte("näme &lt;b&gt;")) {
			t.Errorf("no label in\n%s", out)
		}
	})
	t.Run("png", func(t *testing.T) {
		out, err := embedded(t.Context(), "png", []byte(graph))
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]bool)
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				switch r, g, b, a := img.At(x, y).RGBA(); {
				case a == 0:
					seen["nothing"] = true
				case r>>8 == 0xff && g == 0 && b == 0:
					seen["fill"] = true
				case b>>8 > 0x80 && r == 0 && g == 0:
					seen["text"] = true
				}
			}
		}
		if diff := cmp.Diff(map[string]bool{"nothing": true, "fill": true, "text": true}, seen); diff != "" {
			t.Errorf("colours (-want +got):\n%s", diff)
		}
	})
	t.Run("pdf", func(t *testing.T) {
		out, err := embedded(t.Context(), "pdf", []byte(graph))
		if err != nil {
			t.Fatal(err)
		}
		checkPDF(t, out)
	})
}

// checkPDF checks that a document's table says where its objects are, and that
// its streams can be read.
func checkPDF(t *testing.T, doc []byte) {
	t.Helper()
	m := regexp.MustCompile(`startxref\n(\d+)\n%%EOF\n$`).FindSubmatch(doc)
	if m == nil {
		t.Fatalf("no trailer in %d bytes", len(doc))
	}
	at, err := strconv.Atoi(string(m[1]))
	if err != nil || at >= len(doc) || !bytes.HasPrefix(doc[at:], []byte("xref\n")) {
		t.Fatalf("no table at %s", m[1])
	}
	entries := regexp.MustCompile(`(\d{10}) 00000 n \n`).FindAllSubmatch(doc[at:], -1)
	for i, e := range entries {
		off, err := strconv.Atoi(string(e[1]))
		if want := strconv.Itoa(i+1) + " 0 obj\n"; err != nil || !bytes.HasPrefix(doc[off:], []byte(want)) {
			t.Errorf("object %d is not at %s", i+1, e[1])
		}
	}
	streams := regexp.MustCompile(`/Length (\d+) >>\nstream\n`).FindAllSubmatchIndex(doc, -1)
	if len(entries) != 9 || len(streams) != 3 {
		t.Errorf("got %d objects and %d streams, want 9 and 3", len(entries), len(streams))
	}
	for _, s := range streams {
		n, _ := strconv.Atoi(string(doc[s[2]:s[3]]))
		z, err := zlib.NewReader(bytes.NewReader(doc[s[1] : s[1]+n]))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, z); err != nil {
			t.Error(err)
		}
	}
}

func TestDraw(t *testing.T) {
	for _, path := range []string{os.Getenv("PATH"), t.TempDir()} {
		t.Setenv("PATH", path) // the second has no dot
		for _, format := range Formats {
			var b bytes.Buffer
			if err := Draw(t.Context(), format, []byte(graph), &b); err != nil || b.Len() == 0 {
				t.Errorf("%s: %v, %d bytes", format, err, b.Len())
			}
		}
		var b bytes.Buffer
		if err := Draw(t.Context(), "svg", []byte("digraph {"), &b); err == nil || b.Len() > 0 {
			t.Errorf("half a graph: got %d bytes and %v, want an error alone", b.Len(), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Draw(ctx, "svg", []byte(graph), &b); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: got %v", err)
		}
	}
}

// TestNoSharedCache checks that machine code is neither read from nor written to
// the temporary directory, which others can write in.
func TestNoSharedCache(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, home := range []string{t.TempDir(), os.DevNull} {
		tmp := t.TempDir()
		cmd := exec.Command(self, "-test.run=^TestEmbedded$")
		cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "HOME="+home, "XDG_CACHE_HOME=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if _, err := os.Stat(filepath.Join(tmp, "go-graphviz")); runtime.GOOS != "windows" && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("HOME=%s: go-graphviz used the temporary directory (%v): it was initialised before package wasmcache, whose import path must come first", home, err)
		}
	}
}

// TestLibrariesStaySmall checks that what draws is not among what the libraries
// need, nor the tracer among what parses.
func TestLibrariesStaySmall(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		if os.Getenv("TCPGRAPH_REQUIRE") == "1" {
			t.Fatal(err)
		}
		t.Skip("no go command to ask for dependencies:", err)
	}
	for pkg, never := range map[string][]string{
		"traceformat": {"github.com/", "gonum.org/", "golang.org/"},
		"flowgraph":   {"goccy/", "wazero", "fogleman", "golang.org/x/image", "cilium/"},
		"dot":         {"goccy/", "wazero", "fogleman", "golang.org/x/image", "cilium/"},
		"tracer":      {"goccy/", "wazero", "fogleman", "golang.org/x/image", "gonum.org/"},
		"bpf":         {"goccy/", "wazero", "fogleman", "golang.org/x/image", "gonum.org/"},
	} {
		cmd := exec.Command(goTool, "list", "-deps", "./"+pkg)
		cmd.Dir = filepath.Join("..", "..", "..")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list %s: %v", pkg, err)
		}
		for dep := range strings.Lines(string(out)) {
			for _, bad := range never {
				if strings.Contains(dep, bad) && !strings.HasPrefix(dep, "vendor/") {
					t.Errorf("%s depends on %s", pkg, dep)
				}
			}
		}
	}
}

func FuzzParseSVG(f *testing.F) {
	f.Add([]byte(`<svg viewBox="0 0 10 20"><g transform="scale(1 1) rotate(0) translate(4 10)"><path d="M1,2C3,4 5,6 7,8"/><polygon points="1,2 3,4" fill="#123456" stroke-dasharray="5,2"/><text x="1" y="2" text-anchor="middle" font-size="9">é</text></g></svg>`))
	f.Add([]byte(`<svg viewBox="0 0 NaN 1e300"/>`))
	f.Fuzz(func(t *testing.T, svg []byte) {
		s, err := parseSVG(svg)
		if err != nil {
			return
		}
		if len(svg) > 1000 || s.width*s.height > 1e6 {
			return // would take long
		}
		for i := range s.shapes {
			if s.shapes[i].size > 100 {
				return
			}
		}
		pdf, err := paintPDF(s)
		if err != nil {
			t.Fatal(err)
		}
		checkPDF(t, pdf)
	})
}

func TestFitText(t *testing.T) {
	const before = `<text text-anchor="middle" x="1" y="2" font-size="10.00" fill="#ffffff">&lt;a&gt; é</text><text x="1" font-size="9.00"></text>`
	out, err := fitText([]byte(before))
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^<text text-anchor="middle" x="1" y="2" font-size="10.00" fill="#ffffff" textLength="(\d+\.\d\d)" lengthAdjust="spacingAndGlyphs">&lt;a&gt; é</text><text x="1" font-size="9.00"></text>$`)
	m := want.FindSubmatch(out)
	if m == nil {
		t.Fatalf("got %s, want %s", out, want)
	}
	if w, err := strconv.ParseFloat(string(m[1]), 64); err != nil || w < 15 || w > 35 {
		t.Errorf("five characters of size 10 are %s wide, want 15 to 35", m[1])
	}
}

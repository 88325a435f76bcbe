package graphviz

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestOrigin checks that the module is the one of go-graphviz 0.2.10.
func TestOrigin(t *testing.T) {
	const want = "7cc5b0a5f176aeaa69760ed5dc3282ceda2b1b04229b22de77bb0a5eab45578e"
	if sum := sha256.Sum256(module); hex.EncodeToString(sum[:]) != want {
		t.Errorf("graphviz.wasm has the SHA-256 %x, want %s", sum, want)
	}
}

func TestSVG(t *testing.T) {
	var wg sync.WaitGroup
	for _, graph := range []string{
		`digraph { a -> b [label="näme"] }`,
		`digraph { layout=sfdp a -> b [label="näme"] }`,
		`graph { layout=neato overlap=prism splines=line a -- b [label="näme"] }`,
	} {
		wg.Go(func() {
			first, err := SVG(t.Context(), []byte(graph))
			if err != nil || !bytes.HasPrefix(first, []byte("<?xml")) || !bytes.Contains(first, []byte(">näme</text>")) {
				t.Errorf("%s: %v\n%s", graph, err, first)
			}
			again, err := SVG(t.Context(), []byte(graph))
			if err != nil || !bytes.Equal(again, first) {
				t.Errorf("%s: a second drawing differs: %v\n%s", graph, err, again)
			}
		})
	}
	wg.Wait()
}

// TestBad checks that what cannot be drawn is an error with Graphviz's reason,
// and that drawing goes on after it.
func TestBad(t *testing.T) {
	for graph, reason := range map[string]string{
		"":                                "drew nothing",
		"digraph {":                       "syntax error in line 1",
		"digraph { a -> }":                "syntax error in line 1 near '}'",
		"digraph { layout=nonesuch a }":   `Layout type: "nonesuch" not recognized`,
		"digraph { a }\x00 } not read":    "",
		"digraph { shapefile=\"/etc/x\"}": "",
	} {
		out, err := SVG(t.Context(), []byte(graph))
		if reason == "" && err != nil || reason != "" && (err == nil || !strings.Contains(err.Error(), reason)) {
			t.Errorf("%q: got %d bytes and %v, want the reason %q", graph, len(out), err, reason)
		}
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if out, err := SVG(ctx, []byte("digraph { a }")); !errors.Is(err, context.Canceled) || out != nil {
		t.Errorf("got %d bytes and %v, want %v", len(out), err, context.Canceled)
	}
}

// TestCache checks that machine code is kept in the user's cache directory
// alone: not in the temporary directory, which others can write in, and not
// before something is drawn.
func TestCache(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(test, tmp, home string) {
		cmd := exec.Command(self, "-test.run=^"+test+"$")
		cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "HOME="+home, "XDG_CACHE_HOME=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	files := func(dir string) (n int) {
		err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				n++
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	tmp, home := t.TempDir(), t.TempDir()
	run("TestOrigin", tmp, home)
	if n := files(home); n != 0 {
		t.Errorf("%d files are kept, and nothing was drawn", n)
	}
	run("TestSVG", tmp, home)
	if dir, ok := cacheDir(); ok && files(home) == 0 {
		t.Errorf("nothing is kept, though %s can be used", dir)
	}
	run("TestSVG", tmp, os.DevNull)
	if n := files(tmp); n != 0 {
		t.Errorf("%d files are in the temporary directory", n)
	}
}

//go:build unix

package wasmcache

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestTrusted(t *testing.T) {
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := func(name string, mode os.FileMode) string {
		name = filepath.Join(base, name)
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		return name
	}
	own := dir("own", 0o700)
	shared := dir("shared", 0o777)
	sticky := dir("sticky", 0o777|os.ModeSticky)
	link := filepath.Join(base, "link")
	if err := os.Symlink(own, link); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		dir, real string
		ok        bool
	}{
		{own, own, true},
		{link, own, true},
		{shared, "", false},
		{dir("shared/own", 0o700), "", false},
		{sticky, "", false},
		{dir("sticky/own", 0o700), filepath.Join(sticky, "own"), true},
		{filepath.Join(base, "absent"), "", false},
	} {
		if real, ok := trusted(tt.dir); real != tt.real || ok != tt.ok {
			t.Errorf("trusted(%q) = %q, %v, want %q, %v", tt.dir, real, ok, tt.real, tt.ok)
		}
	}
}

// TestPrivate wants a folder in the temporary directory where there is no cache
// directory.
func TestPrivate(t *testing.T) {
	tmp, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := trusted(tmp); !ok {
		if os.Getenv("TCPGRAPH_REQUIRE") == "1" {
			t.Fatalf("others can write above %s", tmp)
		}
		t.Skipf("others can write above %s", tmp)
	}
	home := filepath.Join(tmp, "home")
	t.Setenv("TMPDIR", tmp)
	t.Setenv("XDG_CACHE_HOME", "")
	fallback := filepath.Join(tmp, fmt.Sprintf("tcpgraph-%d", os.Geteuid()))
	for _, tt := range []struct{ home, below string }{{home, home}, {os.DevNull, fallback}, {"", fallback}} {
		t.Setenv("HOME", tt.home)
		dir, ok := private()
		if rel, err := filepath.Rel(tt.below, dir); !ok || err != nil || !filepath.IsLocal(rel) {
			t.Errorf("HOME=%q: got %q, %v, want a folder in %s", tt.home, dir, ok, tt.below)
		}
	}
	if err := os.Chmod(fallback, 0o777); err != nil {
		t.Fatal(err)
	}
	if dir, ok := private(); ok {
		t.Errorf("got %q, in which anybody can write", dir)
	}
}

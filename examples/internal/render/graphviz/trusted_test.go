//go:build unix

package graphviz

import (
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

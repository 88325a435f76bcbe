package kernels

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// member is an entry of a cpio archive.
type member struct {
	Name string
	Mode uint64
	Data string
}

// unpack reads an archive in the format "newc" up to its end mark.
func unpack(t *testing.T, b []byte) (members []member) {
	t.Helper()
	off := 0
	next := func(n int) []byte {
		if off+n > len(b) {
			t.Fatalf("the archive of %d bytes ends in an entry, which needs %d bytes at %d", len(b), n, off)
		}
		off += n
		return b[off-n : off]
	}
	for {
		if magic := string(next(6)); magic != "070701" {
			t.Fatalf("magic number at %d: got %q, want %q", off-6, magic, "070701")
		}
		var field [13]uint64
		for i := range field {
			n, err := strconv.ParseUint(string(next(8)), 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			field[i] = n
		}
		name := string(bytes.TrimSuffix(next(int(field[11])), []byte{0}))
		next(-off & 3)
		data := string(next(int(field[6])))
		next(-off & 3)
		if name == "TRAILER!!!" {
			return members
		}
		members = append(members, member{name, field[1], data})
	}
}

func TestArchive(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{"b": "bee", "sub/a": ""} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var buf bytes.Buffer
	a := newArchive(&buf)
	a.add("/init", 0o755, []byte("1234"))
	a.addFile("/src/data", dir)
	a.addFile("/src/one", filepath.Join(dir, "b"))
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	want := []member{
		{"init", 0o100755, "1234"},
		{"src", 0o040755, ""},
		{"src/data", 0o040755, ""},
		{"src/data/b", 0o100600, "bee"},
		{"src/data/sub", 0o040755, ""},
		{"src/data/sub/a", 0o100600, ""},
		{"src/one", 0o100600, "bee"},
	}
	if diff := cmp.Diff(want, unpack(t, buf.Bytes())); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

func TestArchiveError(t *testing.T) {
	a := newArchive(new(bytes.Buffer))
	a.addFile("/x", filepath.Join(t.TempDir(), "absent"))
	a.add("/y", 0o644, nil)
	if err := a.close(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("close after an absent file: got %v, want %v", err, fs.ErrNotExist)
	}
}

//go:build unix

package cli

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What is no file stays what it is: livegraph -o /dev/null is often run by root.
func TestReplaceNoFile(t *testing.T) {
	dir := t.TempDir()
	write := func(w io.Writer) error { _, err := io.WriteString(w, "graph"); return err }

	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		b, err := os.ReadFile(pipe)
		if err != nil {
			t.Error(err)
		}
		got <- string(b)
	}()
	if err := ReplaceFile(pipe, write); err != nil {
		t.Fatal(err)
	}
	if text := <-got; text != "graph" {
		t.Errorf("pipe: got %q, want graph", text)
	}
	if st, err := os.Lstat(pipe); err != nil || st.Mode().Type() != os.ModeNamedPipe {
		t.Errorf("pipe: it is now %v, %v", st, err)
	}

	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	if err := ReplaceFile(link, write); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "graph" {
		t.Errorf("link: the file has %q, %v; want graph", b, err)
	}
	if to, err := os.Readlink(link); err != nil || to != "file" {
		t.Errorf("link: it points to %q, %v", to, err)
	}

	for name, ok := range map[string]bool{file: true, link: true, pipe: true, filepath.Join(dir, "new"): true, dir: false, filepath.Join(dir, "none", "new"): false, filepath.Join(file, "new"): false} {
		if err := CheckFile(name); (err == nil) != ok {
			t.Errorf("CheckFile(%s): got %v", name, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 3 {
		t.Errorf("the folder has %v, %v; want three files", entries, err)
	}
}

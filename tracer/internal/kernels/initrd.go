package kernels

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// archive writes an initial RAM disk: a cpio archive in the format "newc"
// (Documentation/driver-api/early-userspace/buffer-format.rst in the kernel).
type archive struct {
	w    io.Writer
	dirs map[string]bool
	ino  int
	err  error
}

func newArchive(w io.Writer) *archive { return &archive{w: w, dirs: map[string]bool{".": true}} }

// add writes a regular file, and first the folders that it is in. The first
// error of all calls is kept for close.
func (a *archive) add(name string, mode os.FileMode, data []byte) {
	a.mkdir(path.Dir(strings.TrimPrefix(name, "/")))
	a.entry(strings.TrimPrefix(name, "/"), 0o100000|uint32(mode.Perm()), data)
}

// addFile writes a file of the host, or a folder with all that is in it.
func (a *archive) addFile(name, file string) {
	err := filepath.Walk(file, func(p string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(file, p)
		if err != nil {
			return err
		}
		a.add(path.Join(name, filepath.ToSlash(rel)), info.Mode(), data)
		return nil
	})
	if a.err == nil {
		a.err = err
	}
}

func (a *archive) mkdir(name string) {
	if a.dirs[name] {
		return
	}
	a.mkdir(path.Dir(name))
	a.dirs[name] = true
	a.entry(name, 0o040755, nil)
}

// close writes what marks the end.
func (a *archive) close() error {
	a.entry("TRAILER!!!", 0, nil)
	if a.err != nil {
		return fmt.Errorf("write the initial RAM disk: %w", a.err)
	}
	return nil
}

func (a *archive) entry(name string, mode uint32, data []byte) {
	if a.err != nil {
		return
	}
	a.ino++
	const none = 0
	header := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		a.ino, mode, none, none, 1, none, len(data), none, none, none, none, len(name)+1, none, name)
	for _, part := range [][]byte{[]byte(header), data} {
		// Either is followed by zeros up to a multiple of four.
		padded := append(slices.Clip(part), make([]byte, -len(part)&3)...)
		if _, err := io.Copy(a.w, bytes.NewReader(padded)); err != nil {
			a.err = err
			return
		}
	}
}

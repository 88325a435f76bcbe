package kernels

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestReadResults(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []Result
		err      error
	}{
		{name: "nothing"},
		{
			name: "two runs",
			in:   "ok\n=M=0\n=M=2\n",
			want: []Result{{0, []byte("ok\n")}, {2, nil}},
		},
		{
			name: "no newline before the mark",
			in:   "\x00 half=M=130\n",
			want: []Result{{130, []byte("\x00 half")}},
		},
		{
			name: "cut short",
			in:   "a\n=M=0\nb\nc",
			want: []Result{{0, []byte("a\n")}, {-1, []byte("b\nc")}},
			err:  errCut,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			got, err := readResults(iotest.OneByteReader(strings.NewReader(tt.in)), "=M=", &log)
			if !errors.Is(err, tt.err) {
				t.Errorf("error: got %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := readResults(strings.NewReader("=M=what\n"), "=M=", nil); err == nil {
		t.Error("a status that is no number: got no error")
	}
}

func TestCached(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(DirEnv, dir)
	if _, err := Cached("6.1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error without the kernel: got %v, want %v", err, fs.ErrNotExist)
	}
	if err := os.Mkdir(filepath.Join(dir, "6.1"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "6.1", "release"), []byte("6.1.0-1-cloud-amd64\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	got, err := Cached("6.1")
	if err != nil {
		t.Fatal(err)
	}
	if want := (Kernel{"6.1", "6.1.0-1-cloud-amd64", filepath.Join(dir, "6.1")}); got != want {
		t.Errorf("kernel: got %+v, want %+v", got, want)
	}
}

func TestArch(t *testing.T) {
	for series, want := range map[string]string{"6.1": "amd64", "7": "amd64", "6.1-arm64": "arm64"} {
		k := Kernel{Series: series}
		if got := k.Arch(); got != want || QEMU(got) == "" {
			t.Errorf("%s: got %s, run by %q, want %s", series, got, QEMU(got), want)
		}
	}
}

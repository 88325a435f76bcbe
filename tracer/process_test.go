//go:build linux

package tracer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProcessCache(t *testing.T) {
	read := make(map[processKey]int)
	c := newProcessCache(func(k processKey) processInfo {
		read[k]++
		return processInfo{exe: "read"}
	})
	known, described := processKey{pid: 1, start: 1}, processKey{pid: 2, start: 2}
	c.put(described, processInfo{exe: "described"})
	for range 2 {
		if got := c.get(known).exe; got != "read" {
			t.Errorf("a process that was there before: got %q, want %q", got, "read")
		}
		if got := c.get(described).exe; got != "described" {
			t.Errorf("a process that was described: got %q, want %q", got, "described")
		}
	}
	// Both are used all the time while many others come and go.
	for i := range uint32(3 * cacheSize) {
		c.put(processKey{pid: i, start: 100}, processInfo{})
		if i%1000 == 0 {
			c.get(known)
			c.get(described)
		}
	}
	if got := c.get(described).exe; got != "described" || read[described] != 0 {
		t.Errorf("a process in use was forgotten: got %q, read %d times", got, read[described])
	}
	if read[known] != 1 {
		t.Errorf("/proc was read %d times, want once", read[known])
	}
	if n := len(c.young) + len(c.old); n > 2*cacheSize {
		t.Errorf("the cache holds %d processes, want %d at most", n, 2*cacheSize)
	}
	// A new program in the same process.
	c.put(described, processInfo{exe: "executed"})
	if got := c.get(described).exe; got != "executed" {
		t.Errorf("after exec: got %q, want %q", got, "executed")
	}
}

func TestCommandOf(t *testing.T) {
	var p processInfo
	for _, name := range []string{"nginx", "nginx", "", "0123456789abcdef", "a b\n\xff", "nginx"} {
		var comm [16]uint8
		copy(comm[:], name)
		if got := p.commandOf(&comm); got != name {
			t.Errorf("commandOf: got %q, want %q", got, name)
		}
	}
	trash := [16]uint8{'s', 'h', 0, 'x', 'y'}
	if got := p.commandOf(&trash); got != "sh" {
		t.Errorf("commandOf with a rest of a longer name: got %q, want %q", got, "sh")
	}
}

func TestStartTicks(t *testing.T) {
	const after = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21\n"
	for _, tt := range []struct {
		stat string
		want uint64
		ok   bool
	}{
		{"42 (cat)" + after, 4711, true},
		{"42 (a) b (c d)" + after, 4711, true},
		{"42 ())" + after, 4711, true},
		{"42 (\n\xff)" + after, 4711, true},
		{"", 0, false},
		{"42 (cat", 0, false},
		{"42 (cat) S 1 2 3", 0, false},
		{"42 (cat)" + strings.ReplaceAll(after, "4711", "-1"), 0, false},
	} {
		if got, ok := startTicks([]byte(tt.stat)); got != tt.want || ok != tt.ok {
			t.Errorf("startTicks(%q): got %d, %v, want %d, %v", tt.stat, got, ok, tt.want, tt.ok)
		}
	}
}

func TestReadProc(t *testing.T) {
	pid := uint32(os.Getpid())
	start, ok := startTicks(readSome(procPath(pid, "stat"), 4096))
	if !ok {
		t.Fatal("no start time in /proc/self/stat")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if exe, err = filepath.EvalSymlinks(exe); err != nil {
		t.Fatal(err)
	}
	got := readProc(processKey{pid: pid, start: start * ticks})
	if want := strings.Join(os.Args, "\x00"); got.exe != exe || got.cmdline != want {
		t.Errorf("readProc of this process: got %q, %q, want %q, %q", got.exe, got.cmdline, exe, want)
	}
	for _, k := range []processKey{{}, {pid: pid, start: (start + 1) * ticks}, {pid: 1 << 31, start: 1}} {
		if got := readProc(k); got != (processInfo{}) {
			t.Errorf("readProc(%v): got %+v, want nothing", k, got)
		}
	}
}

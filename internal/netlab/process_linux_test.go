package netlab

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// comm returns the command name of a process.
func comm(t *testing.T, pid int) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(b), "\n")
}

func TestSpawn(t *testing.T) {
	ns := New(t)
	p := ns.Spawn(t, Spec{Program: "echo", Args: []string{"> "}})
	for _, line := range []string{"one", "", strings.Repeat("x", 100_000), "100%"} {
		p.Printf("%s", line)
		if got, want := p.ReadLine(), "> "+line; got != want {
			t.Errorf("the echo of %d bytes: got %q, want %q", len(line), got, want)
		}
	}
	if got := comm(t, p.PID()); got != "echo" {
		t.Errorf("command name: got %q, want %q", got, "echo")
	}
	p.Stop()
	if err := unix.Kill(p.PID(), 0); err != unix.ESRCH {
		t.Errorf("process %d after Stop: got %v, want %v", p.PID(), err, unix.ESRCH)
	}
}

func TestSpawnComm(t *testing.T) {
	ns := Current(t)
	for _, tt := range []struct{ comm, want string }{
		{"nginx: worker p", "nginx: worker p"},
		{"longer than fifteen", "longer than fif"},
		{"a|b\"<script>", "a|b\"<script>"},
		{"\xff\x1b[31m \u202e", "\xff\x1b[31m \u202e"},
		{"two\nlines\\\n", "two\nlines\\\n"},
	} {
		p := ns.Spawn(t, Spec{Program: "echo", Comm: tt.comm})
		p.Printf("ready")
		p.ReadLine()
		if got := comm(t, p.PID()); got != tt.want {
			t.Errorf("command name of %q: got %q, want %q", tt.comm, got, tt.want)
		}
		p.Stop()
	}
}

func TestSpawnArgs(t *testing.T) {
	args := []string{"-test.run=none", "", "a b\n", "\xff"}
	p := Current(t).Spawn(t, Spec{Program: "args", Args: args})
	want := fmt.Sprintf("%q false", args)
	if got := p.ReadLine(); got != want {
		t.Errorf("arguments, and whether the program's children would be programs: got %s, want %s", got, want)
	}
	p.Stop()
}

func TestSpawnNamespace(t *testing.T) {
	a, b := New(t), New(t)
	p := a.Spawn(t, Spec{Program: "netns", Args: []string{b.Path(), Current(t).Path()}})
	for _, want := range []uint32{a.Inode(), b.Inode(), Current(t).Inode()} {
		if got := p.ReadLine(); got != strconv.Itoa(int(want)) {
			t.Errorf("a network namespace that the process sees: got %s, want %d", got, want)
		}
	}
	p.Stop()
}

func TestSpawnFiles(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	Current(t).Spawn(t, Spec{Program: "file", Args: []string{"hello"}, Files: []*os.File{w}}).Stop()
	w.Close()
	if got, err := io.ReadAll(r); string(got) != "hello" || err != nil {
		t.Errorf("what came through the inherited pipe: got %q, %v, want %q", got, err, "hello")
	}
}

// TestUnprivileged shows the reason that a test without root is skipped for.
func TestUnprivileged(t *testing.T) {
	Require(t) // root, that is
	p := Current(t).Spawn(t, Spec{
		Program: "available",
		Attr:    &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}},
	})
	if got, want := p.ReadLine(), "make a network namespace: operation not permitted"; got != want {
		t.Errorf("as user 65534: got %q, want %q", got, want)
	}
	p.Stop()
}

func TestProcessFailures(t *testing.T) {
	ns := Current(t)
	for _, tt := range []struct {
		name string
		fn   func(testing.TB)
		want []string
	}{
		{
			"unknown program",
			func(tb testing.TB) { ns.Spawn(tb, Spec{Program: "no such"}).ReadLine() },
			[]string{`process "no such" (pid `, "wait for a line: EOF"},
		},
		{
			"exit status",
			func(tb testing.TB) { ns.Spawn(tb, Spec{Program: "fail"}).Stop() },
			[]string{`process "fail" (pid `, "stop: exit status 1", "its standard error: fail: no such luck"},
		},
		{
			"ended",
			func(tb testing.TB) {
				p := ns.Spawn(tb, Spec{Program: "echo"})
				p.Stop()
				p.Printf("hello")
			},
			[]string{`process "echo" (pid `, "send a line: "},
		},
		{
			"signal after the end",
			func(tb testing.TB) {
				p := ns.Spawn(tb, Spec{Program: "echo"})
				p.Stop()
				p.Signal(unix.SIGTERM)
			},
			[]string{"send signal terminated: os: process already finished"},
		},
		{
			"no such command",
			func(tb testing.TB) { ns.Start(tb, exec.Command("/no/such\n")) },
			[]string{`netlab: start "/no/such\n": `, "no such file or directory"},
		},
	} {
		got := verdict(t, tt.fn)
		if !contains([]string{got}, append(tt.want, "fatal: ")...) {
			t.Errorf("%s: got %q, want %q in it", tt.name, got, tt.want)
		}
	}
}

func TestWait(t *testing.T) {
	p := Current(t).Spawn(t, Spec{Program: "fail"})
	err := p.Wait()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("Wait: got %v, want exit status 1", err)
	}
}

func TestKill(t *testing.T) {
	p := Current(t).Spawn(t, Spec{Program: "echo"})
	p.Kill()
	if got := p.cmd.ProcessState.String(); got != "signal: killed" {
		t.Errorf("state after Kill: got %q, want %q", got, "signal: killed")
	}
}

func TestStart(t *testing.T) {
	ns := New(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = programEnviron("netns", "netns")
	var out strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, &out, os.Stderr // a bare machine has no /dev/null for nil
	ns.Start(t, cmd)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), fmt.Sprintln(ns.Inode()); got != want {
		t.Errorf("network namespace of the command: got %q, want %q", got, want)
	}
}

// TestDeathSignal shows that the kernel kills a process with the one that
// started it, and not before.
func TestDeathSignal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := Current(t).Spawn(t, Spec{Program: "parent", Files: []*os.File{w}})
	w.Close()
	pid, err := strconv.Atoi(p.ReadLine())
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(pid, 0); err != nil {
		t.Errorf("grandchild %d while its parent lives: %v", pid, err)
	}
	p.Kill()
	// The grandchild alone holds the pipe now, so this ends with it.
	if err := r.SetReadDeadline(time.Now().Add(processTimeout)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); err != nil {
		t.Errorf("wait for the end of grandchild %d: %v", pid, err)
	}
}

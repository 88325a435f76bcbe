package netlab

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// processTimeout is how long a helper process may take for a line or for its
// end before the test fails: far longer than it needs, on any machine.
const processTimeout = 30 * time.Second

// Start starts a command inside the namespace. The caller reads and waits as
// after [exec.Cmd.Start]. A command that was not waited for when the test ends
// is killed, and the kernel kills it if the test binary dies.
func (ns *NS) Start(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if err := ns.start(cmd); err != nil {
		t.Fatalf("netlab: start %q: %v", cmd.Path, err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill() // an error is that it has ended
			_ = cmd.Wait()
		}
	})
}

func (ns *NS) start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	// The signal comes when the thread dies that started the process, not the
	// program, so that thread stays until the process has ended.
	cmd.SysProcAttr.Pdeathsig = unix.SIGKILL
	started := make(chan error, 1)
	go onThread(func() {
		if err := ns.enter(); err != nil {
			started <- err
			return
		}
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		pid := cmd.Process.Pid
		started <- nil
		_ = waitid(unix.P_PID, pid, 0) // an error is that it was waited for already
	})
	return <-started
}

// Spec says which helper process to start. Program is mandatory.
type Spec struct {
	// Program is a key of the map that TestMain gave to [Main].
	Program string
	// Comm is the process's command name, any bytes but NUL, of which the
	// kernel keeps 15. The default is Program. The process's other threads
	// keep another name.
	Comm string
	// Args are the program's arguments. Its own name, which is Program, is
	// not among them.
	Args []string
	// Files are inherited as descriptors 3, 4 and so on.
	Files []*os.File
	// Attr is for credentials, control groups and the like. Spawn sets its
	// Pdeathsig.
	Attr *syscall.SysProcAttr
}

// Process is a running helper process. Its methods must be called from the
// goroutine of the test that started it, and end the test when the process
// fails it; what it wrote to its standard error is then in the message.
type Process struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *os.File
	lines  *bufio.Reader
	stderr lockedBuffer
}

// Spawn starts a helper process inside the namespace: the test binary itself,
// executed again to run a [Program]. It is killed when the test ends.
func (ns *NS) Spawn(t testing.TB, spec Spec) *Process {
	t.Helper()
	if spec.Comm == "" {
		spec.Comm = spec.Program
	}
	p := &Process{t: t}
	p.cmd = &exec.Cmd{
		Path:        "/proc/self/exe",
		Args:        append([]string{spec.Program}, spec.Args...),
		Env:         programEnviron(spec.Program, spec.Comm),
		Stderr:      &p.stderr,
		ExtraFiles:  spec.Files,
		SysProcAttr: spec.Attr,
		WaitDelay:   processTimeout,
	}
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatalf("netlab: %v", err)
	}
	stdout, w, err := os.Pipe()
	if err != nil {
		t.Fatalf("netlab: %v", err)
	}
	defer w.Close()
	t.Cleanup(func() { stdout.Close() })
	p.cmd.Stdout = w
	p.stdout, p.lines = stdout, bufio.NewReader(stdout)
	ns.Start(t, p.cmd)
	return p
}

// programEnviron is the environment in which the test binary is a program. The
// race detector otherwise sleeps for a second at a process's end.
func programEnviron(name, comm string) []string {
	return append(os.Environ(), programEnv+"="+name, commEnv+"="+comm,
		"GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Printf sends the process one line; the newline is added.
func (p *Process) Printf(format string, args ...any) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.stdin, format+"\n", args...); err != nil {
		p.fatalf("send a line: %v", err)
	}
}

// ReadLine waits for the process's next line and returns it without its
// newline.
func (p *Process) ReadLine() string {
	p.t.Helper()
	_ = p.stdout.SetReadDeadline(time.Now().Add(processTimeout)) // a pipe has them
	line, err := readLine(p.lines)
	if err != nil {
		p.fatalf("wait for a line: %v", err)
	}
	return line
}

// Stop closes the process's standard input, which asks it to end, and waits
// until it has. An exit status other than 0 ends the test.
func (p *Process) Stop() {
	p.t.Helper()
	_ = p.stdin.Close() // an error is that it is closed already
	if err := p.Wait(); err != nil {
		p.fatalf("stop: %v", err)
	}
}

// Kill kills the process and waits until it is gone.
func (p *Process) Kill() {
	p.t.Helper()
	p.Signal(unix.SIGKILL)
	_ = p.Wait() // an error is that it was killed
}

// Signal sends the process a signal.
func (p *Process) Signal(sig os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.fatalf("send signal %v: %v", sig, err)
	}
}

// Wait waits until the process has ended. It discards lines that were not
// read. The error is an [*exec.ExitError] for an exit status other than 0 and
// for a signal.
func (p *Process) Wait() error {
	p.t.Helper()
	_ = p.stdout.SetReadDeadline(time.Now().Add(processTimeout)) // a pipe has them
	if _, err := io.Copy(io.Discard, p.lines); err != nil {
		p.fatalf("wait for its end: %v", err)
	}
	return p.cmd.Wait()
}

// fatalf ends the test and, with it, the process.
func (p *Process) fatalf(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("netlab: process %q (pid %d): %s\nits standard error: %s",
		p.cmd.Args[0], p.PID(), fmt.Sprintf(format, args...), p.stderr.String())
}

// lockedBuffer is a buffer that one goroutine writes and another reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write appends b. It never fails.
func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// String returns what was written so far.
func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

//go:build linux

package truth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/internal/netlab"
)

// The helper programs that [Main] runs, by their names for netlab.
const (
	agentProgram = "truth-agent"
	burstProgram = "truth-burst"
)

// childEnv tells the test binary that it is the child of an agent.
const childEnv = "TCPGRAPH_TRUTH_CHILD"

// Main is [netlab.Main] for a package whose tests use a [Lab]. The helper
// programs are those of other tests.
func Main(m *testing.M, programs map[string]netlab.Program) {
	if os.Getenv(childEnv) != "" {
		console := os.NewFile(childConsole, "console")
		if err := serve(console, console); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", agentProgram, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	programs = maps.Clone(programs)
	programs[agentProgram] = func(*netlab.Console, []string) error { return serve(os.Stdin, os.Stdout) }
	programs[burstProgram] = burst
	netlab.Main(m, programs)
}

// server is an agent, seen from inside.
type server struct {
	mu    sync.Mutex // of out
	out   *json.Encoder
	rings sync.Map // of *ring by its descriptor
	stop  atomic.Bool
}

// serve carries out requests until there are no more. Each has a thread of its
// own, since most of the calls block.
func serve(in io.Reader, out io.Writer) error {
	s := &server{out: json.NewEncoder(out)}
	requests := json.NewDecoder(in)
	for {
		var r request
		err := requests.Decode(&r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a request: %w", err)
		}
		if r.Op == opExit {
			return nil
		}
		go s.answer(&r)
	}
}

// answer carries out a request and sends the reply.
func (s *server) answer(r *request) {
	a := &reply{ID: r.ID}
	var err error
	if r.Thread == "" {
		err = s.do(r, a)
	} else {
		err = onThread(r.Thread, func() error { return s.do(r, a) })
	}
	var errno unix.Errno
	if errors.As(err, &errno) {
		a.Errno = int(errno)
	}
	if err != nil {
		a.Err = err.Error()
	}
	s.send(a)
}

// onThread calls a function on a thread with a name of its own, which is not
// the main thread: that one's name is the process's.
func onThread(name string, f func() error) error {
	runtime.LockOSThread() // unlocked only if it is the main thread: others end here
	if unix.Gettid() == unix.Getpid() {
		defer runtime.UnlockOSThread()
		done := make(chan error)
		go func() { done <- onThread(name, f) }()
		return <-done
	}
	if err := os.WriteFile("/proc/thread-self/comm", []byte(name), 0); err != nil {
		return err
	}
	return f()
}

func (s *server) send(a *reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.out.Encode(a) // the test is gone, and so will be the requests
}

func (s *server) do(r *request, a *reply) (err error) {
	switch r.Op {
	case opSendFD:
		return unix.Sendmsg(r.Unix, []byte{0}, unix.UnixRights(r.FD), nil, 0)
	case opReceiveFD:
		a.FD, err = receiveFD(r.Unix)
		return err
	case opFork:
		a.PID, err = fork(r.Unix, r.FDs)
		return err
	case opServe:
		return serveAll(r.FD)
	case opChurn:
		a.Addrs, err = s.churn(r.Addr)
		return err
	case opStop:
		s.stop.Store(true)
		return nil
	case opHello:
		a.Process, err = self()
		return err
	case opRing:
		g, err := newRing()
		if err == nil {
			a.FD = g.fd
			s.rings.Store(g.fd, g)
		}
		return err
	case opRingAccept:
		if a.FD, err = s.ring(r).accept(r.FD); err != nil {
			return err
		}
		return endpoints(a.FD, a)
	case opRingDial:
		if err = s.ring(r).connect(r.FD, r.Addr); err != nil {
			return err
		}
		return endpoints(r.FD, a)
	}
	return doSocket(r, a)
}

// ring returns the io_uring that a request names.
func (s *server) ring(r *request) *ring {
	g, _ := s.rings.Load(r.Unix)
	return g.(*ring) // the test has it from this agent
}

// self reads what /proc says of this process.
func self() (*identity, error) {
	var id identity
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	id.Exe = []byte(exe)
	if id.Cmdline, err = os.ReadFile("/proc/self/cmdline"); err != nil {
		return nil, err
	}
	if id.Command, err = os.ReadFile("/proc/self/comm"); err != nil {
		return nil, err
	}
	id.Command = id.Command[:len(id.Command)-1] // the newline
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return nil, err
	}
	after := string(stat[strings.LastIndexByte(string(stat), ')')+1:])
	// Field 22; the first one after the name is the third.
	if _, err := fmt.Sscan(strings.Fields(after)[22-3], &id.StartTicks); err != nil {
		return nil, fmt.Errorf("/proc/self/stat: %w", err)
	}
	id.Cgroup, _ = netlab.OwnCgroup() // empty if there is none
	id.UID = uint32(os.Geteuid())
	return &id, nil
}

// childConsole is the descriptor on which a child of an agent is told what to
// do; those that it inherits for use come after it.
const childConsole = 3

// fork starts a child that is an agent as well. It inherits descriptors, and
// finds them under the numbers that follow childConsole.
func fork(console int, inherit []int) (pid int, err error) {
	files := []uintptr{0, 1, 2, uintptr(console)}
	for _, fd := range inherit {
		files = append(files, uintptr(fd))
	}
	pid, err = syscall.ForkExec("/proc/self/exe", []string{agentProgram, "child"}, &syscall.ProcAttr{
		Env:   append(os.Environ(), childEnv+"=1"),
		Files: files,
	})
	if err != nil {
		return 0, err
	}
	go func() {
		var status unix.WaitStatus
		for {
			if _, err := unix.Wait4(pid, &status, 0, nil); err != unix.EINTR {
				return
			}
		}
	}()
	return pid, unix.Close(console)
}

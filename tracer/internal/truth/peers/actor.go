//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/traceformat"
)

// actorArg is the first argument of a process of the workload; the second is
// its job.
const actorArg = "actor"

// job is what a process of the workload does.
type job struct {
	Do task
	// Addr is where to listen.
	Addr netip.AddrPort
	// ServerFirst says that the server writes and closes first.
	ServerFirst bool
	// Workers is how many children accept in the place of their parent.
	Workers int
	// Targets are where to connect to, Times times each with each of Sizes,
	// the number of bytes to send.
	Targets []netip.AddrPort
	Sizes   []int64
	Times   int
	// Threads is how many threads do so at the same time.
	Threads int
}

// task is what kind of job it is.
type task string

const (
	doServe   task = "serve"   // listen and accept
	doAccept  task = "accept"  // accept on descriptor 3
	doConnect task = "connect" // connect, talk, close
	doHold    task = "hold"    // connect; talk and close after a line came
)

// note is a line that a process of the workload prints.
type note struct {
	PID   uint32 // of who prints it
	Ready bool   `json:",omitempty"`
	End   *end   `json:",omitempty"`
}

// actor is a process of the workload. It ends when its job is done, and a
// server when its standard input does. Sockets block, as those of a server do
// that has a process or a thread for each connection.
type actor struct {
	job
	mu  sync.Mutex
	out *json.Encoder
	in  *bufio.Reader
	// resume is closed when the connections that are held may go on.
	resume chan struct{}
}

func actorMain(text string) error {
	a := &actor{out: json.NewEncoder(os.Stdout), in: bufio.NewReader(os.Stdin), resume: make(chan struct{})}
	if err := json.Unmarshal([]byte(text), &a.job); err != nil {
		return err
	}
	a.print(note{})
	switch a.Do {
	case doServe:
		return a.serve()
	case doAccept:
		return a.whileWanted(func() error { return a.accept(3) })
	case doHold:
		go func() {
			_, err := a.in.ReadString('\n')
			if err != nil {
				os.Exit(1) // nobody wants them any more
			}
			close(a.resume)
		}()
		return a.connectAll()
	case doConnect:
		return a.connectAll()
	}
	return fmt.Errorf("no such job: %q", a.Do)
}

func (a *actor) print(n note) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n.PID = uint32(os.Getpid())
	_ = a.out.Encode(&n) // nobody is there to be told
}

// whileWanted runs f until it fails or the standard input ends.
func (a *actor) whileWanted(f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	go func() {
		_, err := io.Copy(io.Discard, a.in)
		done <- err
	}()
	return <-done
}

func (a *actor) serve() error {
	fd, err := socket(a.Addr)
	if err != nil {
		return err
	}
	if err := unix.Bind(fd, sockaddr(a.Addr)); err != nil {
		return fmt.Errorf("bind to %v: %w", a.Addr, err)
	}
	if err := unix.Listen(fd, 1024); err != nil {
		return fmt.Errorf("listen at %v: %w", a.Addr, err)
	}
	if a.Workers == 0 {
		a.print(note{Ready: true})
		return a.whileWanted(func() error { return a.accept(fd) })
	}
	listener := os.NewFile(uintptr(fd), "listener")
	work, err := json.Marshal(&job{Do: doAccept, ServerFirst: a.ServerFirst})
	if err != nil {
		return err
	}
	for range a.Workers {
		worker := exec.Command("/proc/self/exe", actorArg, string(work))
		worker.Stdout, worker.Stderr, worker.ExtraFiles = os.Stdout, os.Stderr, []*os.File{listener}
		stdin, err := worker.StdinPipe() // it ends with this process
		if err != nil {
			return err
		}
		if err := worker.Start(); err != nil {
			return err
		}
		defer func() { stdin.Close(); _ = worker.Wait() }()
	}
	a.print(note{Ready: true})
	return a.whileWanted(func() error { select {} })
}

func (a *actor) accept(listener int) error {
	for {
		fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		go func() { a.report(a.talk(fd, traceformat.Incoming, 3)) }()
	}
}

// connectAll has each thread make all of its connections.
func (a *actor) connectAll() error {
	var threads sync.WaitGroup
	start := make(chan struct{})
	for range max(1, a.Threads) {
		threads.Go(func() {
			runtime.LockOSThread()
			<-start
			for range a.Times {
				for _, to := range a.Targets {
					for _, size := range a.Sizes {
						a.report(a.connect(to, size))
					}
				}
			}
		})
	}
	close(start)
	threads.Wait()
	return nil
}

func (a *actor) connect(to netip.AddrPort, size int64) (*end, error) {
	fd, err := socket(to)
	if err != nil {
		return nil, err
	}
	err = unix.Connect(fd, sockaddr(to))
	if errors.Is(err, unix.ECONNREFUSED) {
		return &end{Direction: traceformat.Outgoing, Remote: to, Refused: true}, unix.Close(fd)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to %v: %w", to, err)
	}
	if a.Do == doHold {
		a.print(note{Ready: true})
		<-a.resume
	}
	return a.talk(fd, traceformat.Outgoing, size)
}

// talk makes the conversation of a connection: one end writes and then says
// that it is done; the other one, when it has read that, writes as well.
func (a *actor) talk(fd int, d traceformat.Direction, size int64) (*end, error) {
	e := &end{Direction: d}
	var err error
	if e.Local, err = name(unix.Getsockname(fd)); err != nil {
		return nil, err
	}
	if e.Remote, err = name(unix.Getpeername(fd)); err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), e.Remote.String())
	defer f.Close()
	first := a.ServerFirst == (d == traceformat.Incoming)
	if !first {
		n, err := io.Copy(io.Discard, f)
		if err != nil {
			return nil, err
		}
		e.Received = uint64(n)
	}
	n, err := io.CopyN(f, zeros{}, size)
	if err != nil {
		return nil, err
	}
	e.Sent = uint64(n)
	if err := unix.Shutdown(fd, unix.SHUT_WR); err != nil {
		return nil, err
	}
	if first {
		n, err := io.Copy(io.Discard, f)
		if err != nil {
			return nil, err
		}
		e.Received = uint64(n)
	}
	return e, f.Close()
}

// report prints what became of a connection. Whatever goes wrong ends the
// process: the truth would not be known.
func (a *actor) report(e *end, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers: actor:", err)
		os.Exit(1)
	}
	e.PID = uint32(os.Getpid())
	a.print(note{End: e})
}

type zeros struct{}

// Read gives zeros.
func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func socket(to netip.AddrPort) (int, error) {
	family := unix.AF_INET
	if to.Addr().Is6() {
		family = unix.AF_INET6
	}
	return unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

func name(sa unix.Sockaddr, err error) (netip.AddrPort, error) {
	if err != nil {
		return netip.AddrPort{}, err
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)), nil
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port)), nil
	}
	return netip.AddrPort{}, fmt.Errorf("socket address of type %T", sa)
}

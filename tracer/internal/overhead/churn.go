//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// churn opens and closes n connections in a process of its own, whose processor
// time holds all that the kernel does for both ends: on loopback the segments
// are handled in the sender's system calls. It is of the named kind.
func churn(kind string, n int) (result, error) {
	cmd := exec.Command("/proc/self/exe", kind, strconv.Itoa(n))
	cmd.Stderr = os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return result{}, fmt.Errorf("churn: %w", err)
	}
	s := cmd.ProcessState
	cpu := s.SystemTime() + s.UserTime()
	return result{
		cpu:  float64(cpu.Nanoseconds()) / 1e3 / float64(n),
		rate: float64(n) / time.Since(start).Seconds(),
	}, nil
}

// child runs what this program starts itself for: churn of either kind, hold or
// drain.
func child(what string, args []string) error {
	if what == "drain" {
		return drain(args)
	}
	var numbers []int
	for _, arg := range args {
		n, err := strconv.Atoi(arg)
		if err != nil {
			return err
		}
		numbers = append(numbers, n)
	}
	switch {
	case what == bareChurn && len(numbers) == 1:
		return churnLoop(numbers[0])
	case what == netChurn && len(numbers) == 1:
		return netLoop(numbers[0])
	case what == "hold" && len(numbers) == 2:
		return holdLoop(numbers[0], numbers[1])
	}
	return fmt.Errorf("%s %q: not known", what, args)
}

// Kinds of churn.
const (
	bareChurn = "churn"
	netChurn  = "net"
)

// netLoop uses Go's net package, with the two ends in goroutines of their own, as a
// client and a server of that kind do.
func netLoop(n int) error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	accepted := make(chan error, 1)
	go func() {
		for range n {
			c, err := l.Accept()
			if err != nil {
				accepted <- err
				return
			}
			c.Close()
		}
		accepted <- nil
	}()
	for range n {
		c, err := net.Dial("tcp4", l.Addr().String())
		if err != nil {
			return err
		}
		c.Close()
	}
	return <-accepted
}

// churnLoop uses bare system calls, so that the connections are all there is,
// and plays both ends on one thread, so that no scheduling is measured.
func churnLoop(n int) error {
	l, err := listen([4]byte{127, 0, 0, 1})
	if err != nil {
		return err
	}
	for range n {
		client, server, err := l.connect()
		if err != nil {
			return err
		}
		unix.Close(client)
		unix.Close(server)
	}
	return nil
}

// listener listens at an address, to be connected to by the same thread.
type listener struct {
	fd   int
	addr unix.Sockaddr
}

func listen(addr [4]byte) (l listener, err error) {
	l.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return l, os.NewSyscallError("socket", err)
	}
	if err := unix.Bind(l.fd, &unix.SockaddrInet4{Addr: addr}); err != nil {
		return l, os.NewSyscallError("bind", err)
	}
	if err := unix.Listen(l.fd, 1024); err != nil {
		return l, os.NewSyscallError("listen", err)
	}
	if l.addr, err = unix.Getsockname(l.fd); err != nil {
		return l, os.NewSyscallError("getsockname", err)
	}
	return l, nil
}

func (l listener) close() { unix.Close(l.fd) }

// connect makes a connection and returns both ends.
func (l listener) connect() (client, server int, err error) {
	client, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return 0, 0, os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(client, l.addr); err != nil {
		return 0, 0, os.NewSyscallError("connect", err)
	}
	server, _, err = unix.Accept4(l.fd, unix.SOCK_CLOEXEC)
	if err != nil {
		return 0, 0, os.NewSyscallError("accept4", err)
	}
	return client, server, nil
}

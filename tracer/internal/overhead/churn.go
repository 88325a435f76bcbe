//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// churn opens and closes n connections in a process of its own, whose processor
// time holds all that the kernel does for both ends: on loopback the segments
// are handled in the sender's system calls.
func churn(n int) (result, error) {
	cmd := exec.Command("/proc/self/exe", "churn", strconv.Itoa(n))
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

func churnMain(arg string) {
	n, err := strconv.Atoi(arg)
	if err == nil {
		err = churnLoop(n)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "churn:", err)
		os.Exit(1)
	}
}

// churnLoop uses bare system calls, so that the connections are all there is,
// and plays both ends on one thread, so that no scheduling is measured.
func churnLoop(n int) error {
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	addr := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if err := unix.Bind(l, addr); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if err := unix.Listen(l, 1024); err != nil {
		return os.NewSyscallError("listen", err)
	}
	sa, err := unix.Getsockname(l)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	for range n {
		client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		if err := unix.Connect(client, sa); err != nil {
			return os.NewSyscallError("connect", err)
		}
		server, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
		if err != nil {
			return os.NewSyscallError("accept4", err)
		}
		unix.Close(client)
		unix.Close(server)
	}
	return nil
}

//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// perAddr is how many connections go to each listener: a little less than it
// has ports to come from.
const perAddr = 50000

// hold keeps n connections open in a process of its own, which has both ends of
// each, until release is called.
func hold(n int) (release func() error, err error) {
	cmd := exec.Command("/proc/self/exe", "hold", strconv.Itoa(n))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		return nil, fmt.Errorf("hold: %w", err)
	}
	return func() error {
		stdin.Close()
		return cmd.Wait()
	}, nil
}

func holdLoop(n int) error {
	limit := unix.Rlimit{Cur: uint64(2*n + 100), Max: uint64(2*n + 100)}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return os.NewSyscallError("setrlimit", err)
	}
	for i := 0; i < n; i++ {
		if i%perAddr != 0 {
			continue
		}
		l, err := listen([4]byte{127, 0, 1, byte(1 + i/perAddr)})
		if err != nil {
			return err
		}
		for range min(perAddr, n-i) {
			if _, _, err := l.connect(); err != nil {
				return err
			}
		}
	}
	fmt.Println("holding")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

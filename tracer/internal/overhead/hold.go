//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// hold keeps n connections open in processes of its own, which have both ends
// of each, until release is called.
func hold(n int) (release func() error, err error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return nil, os.NewSyscallError("getrlimit", err)
	}
	// And no more than an address has ports to come from.
	each := int(min(limit.Max/2-100, 20000))
	var held []func() error
	release = func() error {
		var errs []error
		for _, r := range held {
			errs = append(errs, r())
		}
		return errors.Join(errs...)
	}
	for i := 0; i*each < n; i++ {
		r, err := holder(i, min(each, n-i*each))
		if err != nil {
			return nil, errors.Join(err, release())
		}
		held = append(held, r)
	}
	return release, nil
}

// holder starts the process number i.
func holder(i, n int) (release func() error, err error) {
	cmd := exec.Command("/proc/self/exe", "hold", strconv.Itoa(i), strconv.Itoa(n))
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

// holdLoop is that process.
func holdLoop(i, n int) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	limit.Cur = limit.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return os.NewSyscallError("setrlimit", err)
	}
	l, err := listen([4]byte{127, 0, 1, byte(1 + i)})
	if err != nil {
		return err
	}
	for range n {
		if _, _, err := l.connect(); err != nil {
			return err
		}
	}
	fmt.Println("holding")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

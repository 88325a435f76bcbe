//go:build linux

// Command vminit is process 1 of the machines of package kernels. It mounts the
// kernel's file systems, loads the modules, brings the loopback interface up,
// runs the commands in [kernels.GuestFile] with their output on the serial port
// [kernels.GuestPort], and ends the machine. What goes wrong with itself it
// writes to the console, which is another one.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/tracer/internal/kernels"
)

func main() {
	if err := run(); err != nil {
		fmt.Println("vminit:", err)
	}
	// Restarts the machine, which ends QEMU; and if it fails, the end of
	// process 1 makes the kernel panic, which does the same.
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
}

func run() error {
	mountAll()
	if err := loadModules("/modules"); err != nil {
		return err
	}
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	text, err := os.ReadFile(kernels.GuestFile)
	if err != nil {
		return err
	}
	var g kernels.Guest
	if err := json.Unmarshal(text, &g); err != nil {
		return fmt.Errorf("%s: %w", kernels.GuestFile, err)
	}
	out, err := openSerial(kernels.GuestPort(runtime.GOARCH))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(g.Dir, 0o755); err != nil {
		return err
	}
	for _, r := range g.Runs {
		status := runOne(&r, g.Dir, out)
		if _, err := fmt.Fprintf(out, "%s%d\n", g.Mark, status); err != nil {
			return err
		}
	}
	return drain(out)
}

// runOne runs a command to its end and returns its status as a shell would.
func runOne(r *kernels.Run, dir string, out *os.File) int {
	c := exec.Command(r.Args[0], r.Args[1:]...)
	c.Env = append([]string{"PATH=/bin", "HOME=/tmp", "TMPDIR=/tmp", "VM=1"}, r.Env...)
	c.Dir = dir
	c.Stdout, c.Stderr = out, out
	err := c.Run()
	var exit *exec.ExitError
	if err == nil || errors.As(err, &exit) {
		ws := c.ProcessState.Sys().(syscall.WaitStatus)
		if ws.Signaled() {
			return 128 + int(ws.Signal())
		}
		return ws.ExitStatus()
	}
	fmt.Fprintln(out, "vminit:", err)
	return 127
}

// mountAll mounts what tests may want. What a kernel lacks is left out.
func mountAll() {
	for _, m := range []struct{ fs, dir string }{
		{"proc", "/proc"},
		{"devtmpfs", "/dev"},
		{"sysfs", "/sys"},
		{"tracefs", "/sys/kernel/tracing"},
		{"debugfs", "/sys/kernel/debug"},
		{"securityfs", "/sys/kernel/security"},
		{"bpf", "/sys/fs/bpf"},
		{"cgroup2", "/sys/fs/cgroup"},
		{"tmpfs", "/tmp"},
		{"tmpfs", "/run"},
	} {
		err := os.MkdirAll(m.dir, 0o755)
		if err == nil {
			err = unix.Mount(m.fs, m.dir, m.fs, 0, "")
		}
		if err != nil {
			fmt.Printf("vminit: mount %s: %v\n", m.dir, err)
		}
	}
}

// loadModules loads the modules in dir in the order that its file "order" gives.
func loadModules(dir string) error {
	order, err := os.ReadFile(filepath.Join(dir, "order"))
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(string(order)) {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		err = unix.FinitModule(int(f.Fd()), "", 0)
		f.Close()
		if err != nil && err != unix.EEXIST {
			return fmt.Errorf("load %s: %w", name, err)
		}
	}
	return nil
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}

// openSerial opens a serial port that passes every byte as it is.
func openSerial(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	fd := int(f.Fd())
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// drain waits until all that was written has left the machine.
func drain(f *os.File) error {
	const wait = 1 // as tcdrain(3) does it
	return unix.IoctlSetInt(int(f.Fd()), unix.TCSBRK, wait)
}

//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// started is what the start of a tracer took.
type started struct {
	ready, event time.Duration // from its start to its first line, and to the first event
	cpu          time.Duration // of its process, until then
	memory       float64       // MiB, the most that was resident
}

// start starts a tracer, waits for its line that begins with "tracing", makes a
// connection, and waits for a line of it.
func start(command string) (s started, err error) {
	args := strings.Fields(command)
	cmd := exec.Command(args[0], args[1:]...)
	stdout, w, err := os.Pipe()
	if err != nil {
		return s, err
	}
	defer stdout.Close()
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return s, err
	}
	w.Close()
	lines := bufio.NewReaderSize(stdout, 1<<20)
	await := func(what func(string) bool) error {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return fmt.Errorf("%s: %w", command, err)
			}
			if what(line) {
				return nil
			}
		}
	}
	if err := await(func(line string) bool { return strings.HasPrefix(line, "tracing") }); err != nil {
		return s, err
	}
	s.ready = time.Since(begin)
	l, err := listen([4]byte{127, 0, 2, 1})
	if err != nil {
		return s, err
	}
	defer l.close()
	if _, _, err := l.connect(); err != nil {
		return s, err
	}
	if err := await(func(line string) bool { return strings.Contains(line, "127.0.2.1:") }); err != nil {
		return s, err
	}
	s.event = time.Since(begin)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		return s, err
	}
	go func() { _ = await(func(string) bool { return false }) }() // until it ends
	_ = cmd.Wait()
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	s.cpu = cmd.ProcessState.SystemTime() + cmd.ProcessState.UserTime()
	s.memory = float64(usage.Maxrss) / 1024
	return s, nil
}

// starts measures the start of each tracer several times and prints medians.
func starts(list tracers, rounds int) error {
	for _, tr := range list {
		var all []started
		for range rounds {
			s, err := start(tr.command)
			if err != nil {
				return err
			}
			all = append(all, s)
		}
		median := func(of func(started) float64) string {
			var v []float64
			for _, s := range all {
				v = append(v, of(s))
			}
			return fmt.Sprintf("%.0f (%.0f – %.0f)", quantile(v, 0.5), slices.Min(v), slices.Max(v))
		}
		ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
		fmt.Printf("%-10s  ready after %s ms, first event after %s ms, %s ms of processor time, %s MiB\n", tr.name,
			median(func(s started) float64 { return ms(s.ready) }), median(func(s started) float64 { return ms(s.event) }),
			median(func(s started) float64 { return ms(s.cpu) }), median(func(s started) float64 { return s.memory }))
	}
	return nil
}

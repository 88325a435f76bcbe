//go:build linux

// Command overhead measures what tracing costs: the processor time of TCP
// connections on loopback, opened and closed as fast as they go, with and
// without a tracer, in turn. The time of the tracer's own process is included.
// It makes a network namespace of its own and runs as root.
//
//	go build -o /tmp/livetrace ./examples/livetrace
//	go run ./tracer/internal/overhead -rounds 7 \
//		-tracer 'ours=/tmp/livetrace -extended -netns self' \
//		-tracer 'tcplife=tcplife' > overhead.txt
//
// The tracer whose command is the word drain is this program's own: it counts
// the events, the least that a consumer does. It takes -aggregate INTERVAL,
// -channel to receive them from the channel, and -elsewhere to trace a network
// namespace that does not exist: then the hooks are all that is left.
//
// The first line of each tracer's output, on either stream, is waited for
// before connections are made, but not for longer than three seconds.
//
// Of the ratios of pairs it prints the median, and besides the ratio of the
// lower quartiles of all runs with and all without a tracer: what else happens on
// a machine makes runs longer, never shorter, so that is told from less.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	do := run
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		do = func() error { return child(os.Args[1], os.Args[2:]) }
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, "overhead:", err)
		os.Exit(1)
	}
}

// tracers are commands to measure, by name.
type tracers []struct{ name, command string }

func (t *tracers) String() string { return "" }

func (t *tracers) Set(s string) error {
	name, command, ok := strings.Cut(s, "=")
	if !ok || command == "" {
		return fmt.Errorf("%q is not NAME=COMMAND", s)
	}
	*t = append(*t, struct{ name, command string }{name, command})
	return nil
}

func run() error {
	var list tracers
	rounds := flag.Int("rounds", 7, "how often each is measured, in turn with the bare run")
	n := flag.Int("n", 40000, "connections in each run")
	goNet := flag.Bool("net", false, "make the connections with Go's net package, in place of bare system calls on one thread")
	open := flag.Int("open", 0, "how many connections are open all the while")
	start := flag.Bool("start", false, "measure the start of tracers that print a line that begins with \"tracing\", and their memory, instead")
	flag.Var(&list, "tracer", "a tracer to measure, as `NAME=COMMAND`; can be repeated")
	flag.Parse()
	kind := bareChurn
	if *goNet {
		kind = netChurn
	}
	// The namespace is the thread's, and so that of the processes that it starts.
	runtime.LockOSThread()
	if err := ownNamespace(); err != nil {
		return err
	}
	if *open > 0 {
		release, err := hold(*open)
		if err != nil {
			return err
		}
		defer release()
	}
	if *start {
		return starts(list, *rounds)
	}
	var bares []float64
	sums, ratios := make(map[string][]float64), make(map[string][]float64)
	for round := range *rounds {
		for _, tr := range list {
			bare, err := churn(kind, *n)
			if err != nil {
				return err
			}
			traced, own, err := traced(tr.command, kind, *n)
			if err != nil {
				return fmt.Errorf("%s: %w", tr.name, err)
			}
			sum := traced.cpu + own
			ratio := sum / bare.cpu
			bares, sums[tr.name] = append(bares, bare.cpu), append(sums[tr.name], sum)
			ratios[tr.name] = append(ratios[tr.name], ratio)
			fmt.Printf("round %d %-10s bare %5.1f µs, traced %5.1f + %4.1f µs a connection, ×%.3f, %6.0f connections/s\n",
				round+1, tr.name, bare.cpu, traced.cpu, own, ratio, traced.rate)
		}
	}
	fmt.Printf("\n%-10s  quartile  median   (lowest – highest) of %d\n", "tracer", *rounds)
	for _, tr := range list {
		r := ratios[tr.name]
		fmt.Printf("%-10s  ×%.3f    ×%.3f  (×%.3f – ×%.3f)\n", tr.name,
			quantile(sums[tr.name], 0.25)/quantile(bares, 0.25), quantile(r, 0.5), slices.Min(r), slices.Max(r))
	}
	return nil
}

// quantile returns the value that the given part of all is below.
func quantile(values []float64, part float64) float64 {
	return slices.Sorted(slices.Values(values))[int(part*float64(len(values)-1)+0.5)]
}

func ownNamespace() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err != nil {
		return os.NewSyscallError("ioctl", err)
	}
	// Connections that have ended would use the ports up.
	return os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte("1024 65535"), 0)
}

// result is per connection, both ends.
type result struct {
	cpu  float64 // µs
	rate float64 // connections a second
}

// patience is how long a tracer's first line is waited for. Some fill a buffer
// before they write into what is no terminal.
const patience = 3 * time.Second

// traced runs the churn under a tracer. own is the tracer's processor time a
// connection, without that of its start, which is over when it prints its first line
// or patience is at an end.
func traced(command, kind string, n int) (r result, own float64, err error) {
	args := strings.Fields(command)
	if args[0] == "drain" {
		args = append([]string{"/proc/self/exe"}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	stdout, w, err := os.Pipe()
	if err != nil {
		return r, 0, err
	}
	defer stdout.Close()
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return r, 0, err
	}
	w.Close()
	started, drained := make(chan error, 1), make(chan error, 1)
	go func() {
		lines := bufio.NewReaderSize(stdout, 1<<20)
		_, err := lines.ReadString('\n')
		started <- err
		_, err = io.Copy(io.Discard, lines)
		drained <- err
	}()
	select {
	case err := <-started:
		if err != nil {
			return r, 0, fmt.Errorf("no first line: %w", err)
		}
		time.Sleep(500 * time.Millisecond) // the rest of its start is not to be counted
	case <-time.After(patience):
	}
	before, err := cpuOf(cmd.Process.Pid)
	if err != nil {
		return r, 0, err
	}
	if r, err = churn(kind, n); err != nil {
		return r, 0, err
	}
	time.Sleep(200 * time.Millisecond) // it may be behind
	after, err := cpuOf(cmd.Process.Pid)
	if err != nil {
		return r, 0, err
	}
	select {
	case <-drained:
		return r, 0, errors.New("it ended by itself")
	default:
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		return r, 0, err
	}
	if err := <-drained; err != nil {
		return r, 0, err
	}
	_ = cmd.Wait() // some end with a status of their own on an interrupt
	return r, float64((after - before).Nanoseconds()) / 1e3 / float64(n), nil
}

// cpuOf returns the processor time of a process, to the nanosecond.
func cpuOf(pid int) (time.Duration, error) {
	// The clock of a process, as clock_getcpuclockid(3) makes its number.
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &ts); err != nil {
		return 0, os.NewSyscallError("clock_gettime", err)
	}
	return time.Duration(ts.Nano()), nil
}

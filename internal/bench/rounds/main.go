//go:build linux

// Command rounds runs commands by turns and prints what each took, in the form
// that command median reads: processor time, elapsed time, and the most memory.
// An argument is NAME=COMMAND or NAME/ITEMS=COMMAND, for time by item; the shell
// runs the commands, and what they print to stdout is dropped.
//
//	go run ./rounds -n 7 'parsetrace/1000000=/tmp/parsetrace < /tmp/1m.trace' 'plain/1000000=/tmp/plain < /tmp/1m.trace' | go run ./median -base plain
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	n := flag.Int("n", 7, "how many `ROUNDS` to run")
	flag.Parse()
	for range *n {
		for _, arg := range flag.Args() {
			if err := run(arg); err != nil {
				fmt.Fprintln(os.Stderr, "rounds:", err)
				os.Exit(1)
			}
		}
	}
}

func run(arg string) error {
	name, command, ok := strings.Cut(arg, "=")
	if !ok {
		return fmt.Errorf("argument %q: want NAME=COMMAND", arg)
	}
	name, count, counted := strings.Cut(name, "/")
	items := 1
	if counted {
		var err error
		if items, err = strconv.Atoi(count); err != nil || items < 1 {
			return fmt.Errorf("argument %q: %q is no number of items", arg, count)
		}
	}
	cmd := exec.Command("sh", "-c", "exec "+command)
	start := time.Now()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", command, err, stderr.String())
	}
	elapsed := time.Since(start)
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return fmt.Errorf("%s: no resource usage on this system", command)
	}
	per := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(items) }
	unit := "ns"
	if items > 1 {
		unit = "ns/item"
	}
	fmt.Printf("Benchmark%s 1 %.4g cpu-%s %.4g wall-%s %.4g MiB\n", name, per(cpu), unit, per(elapsed), unit, float64(usage.Maxrss)/1024)
	return nil
}

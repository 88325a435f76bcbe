//go:build linux

// Command again runs a command, and again, twice at the most, if it failed while
// the kernel hid from tracing programs what connections of it did (package
// unseen). It is made for go test, which has it run each package's tests:
//
//	go test -exec /path/to/again ./...
//
// Its exit status is that of the command, 1 if that was killed or not started.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"example.com/tcpgraph/tracer/internal/unseen"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: again COMMAND [ARGUMENT ...]")
		os.Exit(2)
	}
	os.Exit(run(os.Args[1:]))
}

// run returns the exit status.
func run(command []string) int {
	// An interrupt ends the command, and then what was made for it is removed.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := unseen.Try(os.Stderr, func() error {
		c := exec.CommandContext(ctx, command[0], command[1:]...)
		c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
		return c.Run()
	})
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "again:", err)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode()
	}
	return 1
}

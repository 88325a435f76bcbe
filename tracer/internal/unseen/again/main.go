//go:build linux

// Command again runs a command, and once more if it failed while the kernel hid
// from tracing programs what connections of it did (package unseen):
//
//	again go test ./tracer
//
// Its exit status is that of the command, 1 if that was killed.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

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
	err := unseen.Try(os.Stderr, func() error {
		c := exec.Command(command[0], command[1:]...)
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

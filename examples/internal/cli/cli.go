// Package cli holds what the example commands have in common: the way from main
// to a testable run, exit statuses, and the flags that choose what to trace.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Run is a command: main without its globals. Data goes to stdout, and
// everything else to stderr.
type Run func(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error

// ErrUsage marks an error in the arguments.
var ErrUsage = errors.New("wrong usage")

// Usagef returns an error in the arguments.
func Usagef(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUsage, fmt.Sprintf(format, args...))
}

// Main runs a command as the process's main function. The context ends with
// SIGINT and SIGTERM. The exit status is 0 when the command is done, 1 when it
// failed, and 2 when it was called wrongly.
func Main(run Run) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A reader that goes away is told by an error of Write, not by a signal.
	signal.Ignore(syscall.SIGPIPE)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(Status(err, os.Stderr))
}

// Status prints an error, unless it is one to be quiet about, and returns the
// exit status for it.
func Status(err error, stderr io.Writer) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp), errors.Is(err, syscall.EPIPE):
		return 0
	case errors.Is(err, errParse):
		return 2 // the flag package has printed it
	}
	fmt.Fprintln(stderr, err)
	if errors.Is(err, ErrUsage) {
		return 2
	}
	return 1
}

// errParse is an error that the flag package found and printed.
var errParse = errors.New("flag error")

// Parse parses the arguments of a command that takes flags only. What it
// returns is for [Status].
func Parse(fs *flag.FlagSet, args []string, stderr io.Writer) error {
	fs.Init(fs.Name(), flag.ContinueOnError)
	fs.SetOutput(stderr)
	for {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return err
			}
			return fmt.Errorf("%w: %w", errParse, err)
		}
		if fs.NArg() == 0 {
			return nil
		}
		last, value := args[:len(args)-fs.NArg()], fs.Arg(0)
		if ok, err := setLast(fs, last, value); err != nil {
			return Usagef("invalid value %q for flag %s: %v", value, last[len(last)-1], err)
		} else if !ok {
			return Usagef("unexpected argument %q; see -h", value)
		}
		args = fs.Args()[1:]
	}
}

// Optional is a flag whose value can be left out, as that of a boolean flag. The
// flag package reads -flag=VALUE alone; to [Parse], -flag VALUE is the same.
type Optional interface {
	flag.Value
	IsBoolFlag() bool
	// Bare reports whether the flag was given without a value.
	Bare() bool
}

// setLast gives a value to the last of some arguments, if that is a flag which
// waits for one.
func setLast(fs *flag.FlagSet, args []string, value string) (ok bool, err error) {
	if len(args) == 0 {
		return false, nil
	}
	name, ok := strings.CutPrefix(args[len(args)-1], "-")
	if !ok {
		return false, nil
	}
	f := fs.Lookup(strings.TrimPrefix(name, "-"))
	if f == nil {
		return false, nil
	}
	v, ok := f.Value.(Optional)
	if !ok || !v.Bare() {
		return false, nil
	}
	return true, v.Set(value)
}

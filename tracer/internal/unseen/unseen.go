//go:build linux

// Package unseen finds out whether a test of a tracer failed because of its
// kernel.
//
// A kernel is known (docs/TRUTH.md) that runs no tracing program in what
// interrupts process 1, so that no tracer can be right about a connection whose
// packets are handled there. A test fails by it now and then, with no fault of
// its own. A control group's programs are run there, too, so it can be counted.
package unseen

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// tries is how often it is tried at the most.
const tries = 3

// Try calls a function, and again, twice at the most, if that failed and meanwhile
// the kernel has hidden changes of state of the sockets of this process, or of
// processes that the function started: if such changes were handled in interrupts
// of process 1, and a program of the tracepoint was not run there once. On all other
// kernels the first failure is the last. What failed need not have to do with what
// was hidden, so let the function be short.
//
// It needs root, Linux 6.10, and control groups of version 2; without them it calls
// the function once. This process is moved into a control group of its own
// meanwhile, for which the processes that it started must have ended when the
// function returns. What it finds is written to the log.
func Try(log io.Writer, try func() error) error {
	return tryWith(log, func(*witness) error { return try() })
}

func tryWith(log io.Writer, try func(*witness) error) error {
	for n := 1; ; n++ {
		hidden, err := watch(log, try)
		if hidden > 0 {
			fmt.Fprintf(log, "unseen: try %d: %d changes of state of its sockets were handled in interrupts of process 1, where this kernel runs no tracing program\n", n, hidden)
		}
		if err == nil || hidden == 0 || n == tries {
			return err
		}
	}
}

// watch calls the function, and returns how many changes of state no tracer
// could see meanwhile.
func watch(log io.Writer, try func(*witness) error) (hidden uint64, err error) {
	w, err := newWitness(1)
	if err != nil {
		fmt.Fprintf(log, "unseen: it cannot be told what the kernel hides: %v\n", err)
		return 0, try(nil)
	}
	defer func() {
		if err := w.Close(); err != nil {
			fmt.Fprintf(log, "unseen: leaving the control group: %v\n", err)
		}
	}()
	if err := try(w); err != nil {
		before, lookErr := w.numbers()
		time.Sleep(settle)
		n, lookAgainErr := w.numbers()
		n[told] = before[told] // the tracepoint has had time to follow
		return n.unseen(), errors.Join(err, lookErr, lookAgainErr)
	}
	return 0, nil
}

// settle is far longer than it takes from telling a control group of a change to
// the tracepoint.
const settle = 10 * time.Millisecond

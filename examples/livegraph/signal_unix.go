//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// notifyUser returns a channel on which SIGUSR1 comes, until stop is called.
func notifyUser() (c <-chan os.Signal, stop func()) {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGUSR1)
	return ch, func() { signal.Stop(ch) }
}

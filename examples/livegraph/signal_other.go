//go:build !unix

package main

import "os"

// notifyUser returns nothing: there is no SIGUSR1.
func notifyUser() (c <-chan os.Signal, stop func()) { return nil, func() {} }

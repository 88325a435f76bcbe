package cli

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"example.com/tcpgraph/tracer"
)

// options returns the options that some arguments give, and what to close.
func options(t *testing.T, args ...string) (*tracer.Options, *Trace) {
	t.Helper()
	var trace Trace
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	trace.Register(fs)
	if err := Parse(fs, args, io.Discard); err != nil {
		t.Fatal(err)
	}
	o, err := trace.Options()
	if err != nil {
		t.Fatal(err)
	}
	return o, &trace
}

// holds returns how many descriptors of this process are of a network namespace.
func holds(t *testing.T, inode uint32) (n int) {
	t.Helper()
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && to == fmt.Sprintf("net:[%d]", inode) {
			n++
		}
	}
	return n
}

// TestNetNSHeld checks that a namespace is kept for as long as its number is used.
func TestNetNSHeld(t *testing.T) {
	own, err := tracer.OwnNetNS()
	if err != nil {
		t.Fatal(err)
	}
	before := holds(t, own)
	o, trace := options(t, "-netns", "self,/proc/self/ns/net")
	if len(o.NetNS) != 2 || o.NetNS[0] != own || o.NetNS[1] != own {
		t.Errorf("got the namespaces %d, want twice %d", o.NetNS, own)
	}
	if got := holds(t, own) - before; got != 2 {
		t.Errorf("%d descriptors keep the namespaces, want 2", got)
	}
	if err := trace.Close(); err != nil {
		t.Error(err)
	}
	if got := holds(t, own) - before; got != 0 {
		t.Errorf("%d descriptors are left, want none", got)
	}

	// What is no namespace is not waited for.
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := parseTrace("-netns", "self,"+pipe); err == nil {
		t.Error("a pipe as a namespace: no error")
	}
	if got := holds(t, own) - before; got != 0 {
		t.Errorf("after an error %d descriptors are left, want none", got)
	}
}

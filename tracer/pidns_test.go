//go:build linux

package tracer_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/tracer"
)

// traceProgram traces a network namespace. It prints what it has lost and what it
// cannot see, and then so many events.
func traceProgram(c *netlab.Console, args []string) error {
	inode, err := strconv.ParseUint(args[0], 10, 32)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	tr, err := tracer.Open(&tracer.Options{NetNS: []uint32{uint32(inode)}})
	if err != nil {
		return err
	}
	defer tr.Close()
	s := tr.Stats()
	if err := c.Printf("unowned %d, missing %q", s.Lost.Unowned, s.Missing); err != nil {
		return err
	}
	for range n {
		e := <-tr.Events()
		p := &e.Process
		if err := c.Printf("%v %v of process %d, %s, %t", e.Kind, e.Direction, p.PID, p.Command, p.StartTime.IsZero()); err != nil {
			return err
		}
	}
	return nil
}

// TestFewCapabilities has the tracer have those that it asks for, and no other: it
// must look into its own network namespace all the same.
func TestFewCapabilities(t *testing.T) {
	l := before(t)
	_, server := l.connect()
	post(t, server)
	nobody := &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: 65534, Gid: 65534},
		AmbientCaps: []uintptr{unix.CAP_BPF, unix.CAP_PERFMON},
	}
	p := l.ns.Spawn(t, netlab.Spec{Program: "trace", Args: []string{fmt.Sprint(l.ns.Inode()), "1"}, Attr: nobody})
	if got := p.ReadLine(); !strings.HasPrefix(got, "unowned 1, ") {
		t.Errorf("got %s, want what is in no process as lost", got)
	}
	if got, want := p.ReadLine(), "open outgoing of process "; !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestInPIDNamespace has the tracer in a PID namespace of its own, and the processes
// that it sees outside.
func TestInPIDNamespace(t *testing.T) {
	l := before(t)
	l.connect()
	const events = 4
	p := l.ns.Spawn(t, netlab.Spec{
		Program: "trace",
		Args:    []string{fmt.Sprint(l.ns.Inode()), fmt.Sprint(events)},
		Attr:    &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID},
	})
	if got := p.ReadLine(); !strings.HasPrefix(got, "unowned 2, ") || !strings.Contains(got, "PID namespace") {
		t.Errorf("got %s, want what was open before as missing, and why", got)
	}
	client, server := l.connect()
	finish(t, client, server)
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, what := range []string{"close incoming", "close outgoing", "open incoming", "open outgoing"} {
		want = append(want, fmt.Sprintf("%s of process 0, %s, false", what, strings.TrimSpace(string(comm))))
		got = append(got, p.ReadLine())
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("events: got %q, want %q", got, want)
	}
}

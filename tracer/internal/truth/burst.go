//go:build linux

package truth

import (
	"encoding/json"
	"errors"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/traceformat"
)

// burst is a process that is born, connects, and is gone: it connects to its
// first argument, prints one line, and exits with the connection open. Further
// arguments are there to be seen. It needs no more of Go than that.
func burst(c *netlab.Console, args []string) error {
	to, err := netip.ParseAddrPort(args[0])
	if err != nil {
		return err
	}
	family := unix.AF_INET
	if to.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	var a reply
	if err := errors.Join(connect(fd, to), endpoints(fd, &a)); err != nil {
		return err
	}
	if a.Process, err = self(); err != nil {
		return err
	}
	a.PID = os.Getpid()
	line, err := json.Marshal(&a)
	if err != nil {
		return err
	}
	return c.Printf("%s", line)
}

// Burst runs a process that connects and ends at once, and returns when it is
// gone.
func (l *Lab) Burst(at Site, spec Spec, to netip.AddrPort) {
	l.Helper()
	p := at.Spawn(l, netlab.Spec{Program: burstProgram, Comm: spec.Comm, Args: append([]string{to.String()}, spec.Args...)})
	line := p.ReadLine()
	if err := p.Wait(); err != nil {
		l.Fatal(err)
	}
	var r reply
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		l.Fatalf("process %d printed %q: %v", p.PID(), line, err)
	}
	a := &Agent{lab: l, Site: at, pid: p.PID(), id: *r.Process, gone: true}
	l.agents = append(l.agents, a)
	c := &Conn{user: a}
	c.end.Direction, c.end.Local, c.end.Remote = traceformat.Outgoing, r.Local, r.Remote
	c.end.Process = a.process(at.Inode())
	l.opened(c).ended()
}

//go:build linux

package truth

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/traceformat"
)

// Listener is a socket that listens.
type Listener struct {
	*Socket
	Addr  netip.AddrPort
	owner traceformat.Process
}

// Listen makes a socket that listens. The port 0 is any.
func (a *Agent) Listen(k Kind, addr netip.Addr, port uint16) *Listener {
	a.lab.Helper()
	const backlog = 128
	s := a.Socket(k).Bind(addr, port)
	s.must(request{Op: opListen, FD: s.FD, N: backlog})
	return &Listener{Socket: s, Addr: s.Local, owner: a.process(a.Inode())}
}

// By is the listener under a descriptor that another agent has for it.
func (ln *Listener) By(a *Agent, fd int) *Listener {
	return &Listener{&Socket{Agent: a, FD: fd}, ln.Addr, ln.owner}
}

// Accepting is an accept under way.
type Accepting struct {
	*Listener
	number   int // of the request
	hookOnly bool
}

// HookOnly says that nothing but the accept tells of the connection.
func (ac *Accepting) HookOnly() *Accepting {
	ac.hookOnly = true
	return ac
}

// StartAccept starts an accept in the agent, on a thread of that name unless it
// is empty.
func (ln *Listener) StartAccept(thread string) *Accepting {
	ln.lab.Helper()
	return &Accepting{Listener: ln, number: ln.start(request{Op: opAccept, FD: ln.FD, Thread: thread})}
}

// Accept accepts a connection.
func (ln *Listener) Accept() *Conn {
	ln.lab.Helper()
	return ln.StartAccept("").Wait()
}

// Wait waits until it has accepted.
func (ac *Accepting) Wait() *Conn {
	ac.lab.Helper()
	return ac.accepted(ac.check(opAccept, ac.wait(ac.number)), ac.hookOnly)
}

func (ln *Listener) accepted(r reply, hookOnly bool) *Conn {
	e := End{HookOnly: hookOnly}
	e.Direction = traceformat.Incoming
	e.Local, e.Remote = r.Local, r.Remote
	e.Process, e.Listener = ln.process(ln.owner.NetNS), ln.owner
	return ln.lab.opened(&Conn{user: ln.Agent, fd: r.FD, end: e})
}

// Blocked waits until the thread of that name, which StartAccept was given,
// sleeps: in accept, since it has nothing else to do.
func (ac *Accepting) Blocked(thread string) *Accepting {
	ac.lab.Helper()
	ac.lab.until(fmt.Sprintf("thread %q sleeps", thread), func() bool {
		stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", ac.pid))
		for _, f := range stats {
			b, _ := os.ReadFile(f) // a thread may be gone
			if strings.Contains(string(b), "("+thread+") S ") {
				return true
			}
		}
		return false
	})
	return ac
}

// AcceptAny accepts a connection at whichever of some listeners, which must not
// block, has one.
func AcceptAny(group []*Listener) (conn *Conn) {
	lab := group[0].lab
	lab.Helper()
	lab.until("a listener of the group has a connection", func() bool {
		for _, ln := range group {
			r := ln.call(request{Op: opAccept, FD: ln.FD})
			if unix.Errno(r.Errno) != unix.EAGAIN {
				conn = ln.accepted(ln.check(opAccept, r), false)
				return true
			}
		}
		return false
	})
	return conn
}

// AcceptStale accepts a connection that is gone already, and closes it.
func (ln *Listener) AcceptStale() {
	ln.lab.Helper()
	fd := ln.must(request{Op: opAccept, FD: ln.FD}).FD
	ln.must(request{Op: opClose, FD: fd})
}

// Unaccepted notes the other end of a connection that nobody accepts: it is
// the listener's.
func (ln *Listener) Unaccepted(peer *Conn) *Conn {
	var e End
	e.Direction, e.Owner = traceformat.Incoming, traceformat.OwnerListener
	e.Local, e.Remote = peer.end.Remote, peer.end.Local
	e.Process, e.Listener = ln.owner, ln.owner
	return ln.lab.opened(&Conn{user: ln.Agent, end: e})
}

// AcceptedBy accepts a connection that was reported as unaccepted. From then on
// it belongs to who accepted it.
func (c *Conn) AcceptedBy(ln *Listener) *Conn {
	c.lab.Helper()
	r := ln.must(request{Op: opAccept, FD: ln.FD})
	if r.Remote != c.end.Remote {
		c.lab.Fatalf("process %d accepted the connection of %v, not that of %v", ln.pid, r.Remote, c.end.Remote)
	}
	c.user, c.fd = ln.Agent, r.FD
	c.end.Owner, c.end.Process = traceformat.OwnerDirect, ln.process(ln.owner.NetNS)
	return c
}

// opened notes that a connection is open.
func (l *Lab) opened(c *Conn) *Conn {
	c.lab, c.opened = l, time.Now()
	l.conns = append(l.conns, c)
	if l.traced {
		l.note(c.end)
	}
	return c
}

//go:build linux

package truth

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/traceformat"
)

// Kind says what socket to make. The zero value is a blocking one of IPv4.
type Kind uint

// The kinds of socket, to be combined.
const (
	V6          Kind = 1 << iota // IPv6; a listener is dual-stack
	Multipath                    // MPTCP
	Nonblocking                  // connect does not wait
	ReusePort                    // SO_REUSEPORT
	FastOpen                     // TCP_FASTOPEN on a listener
	DropAll                      // no segment that comes for it is let in
	DropSome                     // a few in a hundred are not
	ReuseAddr                    // SO_REUSEADDR
)

// Socket is a socket of an agent that is not connected.
type Socket struct {
	*Agent
	FD    int
	Local netip.AddrPort // once it is bound
}

// Socket makes a socket.
func (a *Agent) Socket(k Kind) *Socket {
	a.lab.Helper()
	r := request{Op: opSocket, Family: unix.AF_INET, Protocol: unix.IPPROTO_TCP}
	if k&V6 != 0 {
		r.Family = unix.AF_INET6
	}
	if k&Multipath != 0 {
		r.Protocol = unix.IPPROTO_MPTCP
	}
	if k&Nonblocking != 0 {
		r.Flags = unix.SOCK_NONBLOCK
	}
	s := &Socket{Agent: a, FD: a.must(r).FD}
	for _, o := range []struct {
		k             Kind
		level, option int
		value         int64
	}{
		{ReusePort, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1},
		{ReuseAddr, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
		{FastOpen, unix.IPPROTO_TCP, unix.TCP_FASTOPEN, 16},
	} {
		if k&o.k != 0 {
			s.Setsockopt(o.level, o.option, o.value)
		}
	}
	switch {
	case k&DropAll != 0:
		s.Drop(1000)
	case k&DropSome != 0:
		s.Drop(50)
	}
	return s
}

// Setsockopt sets an option.
func (s *Socket) Setsockopt(level, option int, value int64) {
	s.lab.Helper()
	s.must(request{Op: opSetsockopt, FD: s.FD, Level: level, Option: option, N: value})
}

// Drop drops some of 1000 segments that come for the socket, before TCP sees
// them.
func (s *Socket) Drop(permille int64) {
	s.lab.Helper()
	s.must(request{Op: opDrop, FD: s.FD, N: permille})
}

// Bind binds the socket.
func (s *Socket) Bind(addr netip.Addr, port uint16) *Socket {
	s.lab.Helper()
	s.Local = s.must(request{Op: opBind, FD: s.FD, Addr: netip.AddrPortFrom(addr, port)}).Local
	return s
}

// Close closes the socket. A connect under way is cancelled: see
// [Dialing.Failed].
func (s *Socket) Close() {
	s.lab.Helper()
	s.must(request{Op: opClose, FD: s.FD})
}

// Dialing is a connect under way.
type Dialing struct {
	*Socket
	remote netip.AddrPort
	number int // of the request
	end    End
	sent   int64 // by the SYN
}

// Connect starts a connect in the agent, on a thread of that name unless it is
// empty.
func (s *Socket) Connect(to netip.AddrPort, thread string) *Dialing {
	s.lab.Helper()
	return s.dialing(to, request{Op: opConnect, FD: s.FD, Addr: to, Thread: thread})
}

func (s *Socket) dialing(to netip.AddrPort, r request) *Dialing {
	s.lab.Helper()
	d := &Dialing{Socket: s, remote: to, number: s.start(r)}
	d.end.Direction = traceformat.Outgoing
	d.end.Local, d.end.Remote = s.Local, netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	d.end.Process = s.process(s.Inode())
	return d
}

// Wait waits until it is connected.
func (d *Dialing) Wait() *Conn {
	d.lab.Helper()
	r := d.wait(d.number)
	if unix.Errno(r.Errno) == unix.EINPROGRESS {
		r = d.call(request{Op: opConnected, FD: d.FD})
	}
	return d.connected(d.check(opConnect, r))
}

// connected notes that it is.
func (d *Dialing) connected(r reply) *Conn {
	d.end.Local, d.end.Remote = r.Local, r.Remote
	return d.lab.opened(&Conn{user: d.Agent, fd: d.FD, end: d.end, sent: d.sent})
}

// Established waits until it is connected, after Pending or Sent.
func (d *Dialing) Established() *Conn {
	d.lab.Helper()
	return d.connected(d.must(request{Op: opConnected, FD: d.FD}))
}

// Adopted says that the connect began before the tracer: its owner is found by
// the snapshot.
func (d *Dialing) Adopted() *Dialing {
	d.end.Owner = traceformat.OwnerSnapshot
	return d
}

// Pending waits until the connect is under way, for one that does not block.
func (d *Dialing) Pending() *Dialing {
	d.lab.Helper()
	r := d.wait(d.number)
	if unix.Errno(r.Errno) != unix.EINPROGRESS {
		d.lab.Fatalf("process %d: connect to %v: got %q, want EINPROGRESS", d.pid, d.remote, r.Err)
	}
	d.end.Local = r.Local
	return d
}

// Fails waits until the connect has failed, as it ought to.
func (d *Dialing) Fails(want unix.Errno) {
	d.lab.Helper()
	r := d.wait(d.number)
	if unix.Errno(r.Errno) == unix.EINPROGRESS {
		d.end.Local = r.Local
		r = d.call(request{Op: opConnected, FD: d.FD})
	}
	if unix.Errno(r.Errno) != want {
		d.lab.Fatalf("process %d: connect to %v: got %q, want %q", d.pid, d.remote, r.Err, want)
	}
	d.Failed(traceformat.Errno(want))
}

// Unsent says that the connect fails before anything is sent.
func (d *Dialing) Unsent() *Dialing {
	d.end.HookOnly = true
	return d
}

// Refused is Fails for a blocking connect of a socket that was not bound: the
// kernel tells its local endpoint to nobody, but it is known to be this.
func (d *Dialing) Refused(want unix.Errno, local netip.AddrPort) {
	d.lab.Helper()
	d.end.Local = local
	d.Fails(want)
}

// Failed notes that the connect failed.
func (d *Dialing) Failed(errno traceformat.Errno) {
	d.end.Kind, d.end.Errno = traceformat.Fail, errno
	d.lab.note(d.end)
}

// Dial makes a socket and connects it.
func (a *Agent) Dial(k Kind, to netip.AddrPort) *Conn {
	a.lab.Helper()
	return a.Socket(k).Connect(to, "").Wait()
}

// DialFast makes a socket and connects it with bytes that the SYN carries.
func (a *Agent) DialFast(k Kind, to netip.AddrPort, n int64) *Conn {
	a.lab.Helper()
	return a.Socket(k).ConnectFast(to, n).Sent().Established()
}

// ConnectFast starts a connect with bytes that the SYN carries.
func (s *Socket) ConnectFast(to netip.AddrPort, n int64) *Dialing {
	s.lab.Helper()
	return s.dialing(to, request{Op: opFastOpen, FD: s.FD, Addr: to, N: n})
}

// Sent waits until the SYN is sent, after ConnectFast, or until it is connected
// if the socket blocks.
func (d *Dialing) Sent() *Dialing {
	d.lab.Helper()
	r := d.check(opFastOpen, d.wait(d.number))
	d.end.Local, d.sent = r.Local, r.N
	return d
}

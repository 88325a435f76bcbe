//go:build linux

package truth

import "net/netip"

// Ring is an io_uring of an agent.
type Ring struct {
	*Agent
	fd int
}

// Ring makes an io_uring. The error is why the kernel has none to give.
func (a *Agent) Ring() (*Ring, string) {
	a.lab.Helper()
	r := a.call(request{Op: opRing})
	return &Ring{a, r.FD}, r.Err
}

// Accept accepts a connection through the io_uring.
func (r *Ring) Accept(ln *Listener) *Conn {
	r.lab.Helper()
	return r.StartAccept(ln).Wait()
}

// StartAccept starts an accept through the io_uring.
func (r *Ring) StartAccept(ln *Listener) *Accepting {
	r.lab.Helper()
	return &Accepting{Listener: ln, number: r.start(request{Op: opRingAccept, Unix: r.fd, FD: ln.FD})}
}

// Dial connects through the io_uring.
func (r *Ring) Dial(k Kind, to netip.AddrPort) *Conn {
	r.lab.Helper()
	s := r.Socket(k)
	return s.dialing(to, request{Op: opRingDial, Unix: r.fd, FD: s.FD, Addr: to}).Wait()
}

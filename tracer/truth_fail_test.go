//go:build linux

package tracer_test

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer/internal/truth"
)

// closed is an address and port that answers with a reset.
func closed(s truth.Site) netip.AddrPort { return netip.AddrPortFrom(s.V4, 9) }

var failCases = []truth.Case{
	{Group: "fail", Name: "refused", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		l.Agent(from, truth.Spec{}).Socket(0).Bind(from.V4, 0).Connect(closed(to), "").Fails(unix.ECONNREFUSED)
	}},
	{Group: "fail", Name: "refused, non-blocking, loopback", Run: func(l *truth.Lab) {
		site := l.Loopback()
		l.Traced()
		l.Agent(site, truth.Spec{}).Socket(truth.Nonblocking).Bind(site.V4, 0).Connect(closed(site), "").Fails(unix.ECONNREFUSED)
	}},
	{Group: "fail", Name: "refused, IPv6", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		l.Agent(from, truth.Spec{}).Socket(truth.V6).Bind(from.V6, 0).Connect(netip.AddrPortFrom(to.V6, 9), "").Fails(unix.ECONNREFUSED)
	}},
	{Group: "fail", Name: "refused, MPTCP", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		l.Agent(from, truth.Spec{}).Socket(truth.Multipath).Bind(from.V4, 0).Connect(closed(to), "").Fails(unix.ECONNREFUSED)
	}},
	{Group: "fail", Name: "refused, then connected on the same socket", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		s := l.Agent(from, truth.Spec{}).Socket(0).Bind(from.V4, 7005)
		s.Connect(closed(to), "").Fails(unix.ECONNREFUSED)
		ln := l.Agent(to, truth.Spec{}).Listen(0, to.V4, 0)
		exchange(s.Connect(ln.Addr, "").Wait(), ln.Accept())
	}},
	{Group: "fail", Name: "timed out", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		ln := l.Agent(to, truth.Spec{}).Listen(truth.DropAll, to.V4, 0)
		s := l.Agent(from, truth.Spec{}).Socket(truth.Nonblocking).Bind(from.V4, 0)
		s.Setsockopt(unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 1)
		s.Connect(ln.Addr, "").Fails(unix.ETIMEDOUT)
	}},
	{Group: "fail", Name: "host unreachable (no neighbour)", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		from.Sysctl(l, "net.ipv4.neigh.veth0.mcast_solicit", "1")
		from.Sysctl(l, "net.ipv4.neigh.veth0.retrans_time_ms", "10")
		nobody := netip.AddrPortFrom(to.V4.Next(), 80)
		l.Agent(from, truth.Spec{}).Socket(truth.Nonblocking).Bind(from.V4, 0).Connect(nobody, "").Fails(unix.EHOSTUNREACH)
	}},
	{Group: "fail", Name: "network unreachable (no route)", Run: func(l *truth.Lab) {
		from, _ := l.Veth()
		l.Traced()
		nowhere := netip.MustParseAddrPort("192.0.2.1:80")
		l.Agent(from, truth.Spec{}).Socket(0).Bind(from.V4, 7006).Connect(nowhere, "").Unsent().Fails(unix.ENETUNREACH)
	}},
	{Group: "fail", Name: "network unreachable, IPv6, MPTCP", Run: func(l *truth.Lab) {
		from, _ := l.Veth()
		l.Traced()
		nowhere := netip.MustParseAddrPort("[2001:db8::1]:80")
		a := l.Agent(from, truth.Spec{})
		a.Socket(truth.V6).Bind(from.V6, 7006).Connect(nowhere, "").Unsent().Fails(unix.ENETUNREACH)
		a.Socket(truth.V6|truth.Multipath).Bind(from.V6, 7007).Connect(nowhere, "").Unsent().Fails(unix.ENETUNREACH)
	}},
	{Group: "fail", Name: "network unreachable, IPv4-mapped", Run: func(l *truth.Lab) {
		from, _ := l.Veth()
		l.Traced()
		s := l.Agent(from, truth.Spec{}).Socket(truth.V6)
		s.Local = netip.MustParseAddrPort("0.0.0.0:0")
		s.Connect(netip.MustParseAddrPort("[::ffff:192.0.2.1]:80"), "").Unsent().Fails(unix.ENETUNREACH)
	}},
	{Group: "fail", Name: "refused, then unreachable, on one socket and on many", Run: func(l *truth.Lab) {
		site := l.Loopback()
		l.Traced()
		nowhere := netip.MustParseAddrPort("192.0.2.1:80")
		a := l.Agent(site, truth.Spec{})
		s := a.Socket(0).Bind(site.V4, 7008)
		s.Connect(closed(site), "").Fails(unix.ECONNREFUSED)
		s.Connect(nowhere, "").Unsent().Fails(unix.ENETUNREACH)
		s.Close()
		// The kernel gives a new socket the address of the last one that closed.
		for port := uint16(7010); port < 7020; port++ {
			s := a.Socket(truth.Nonblocking).Bind(site.V4, port)
			s.Connect(closed(site), "").Fails(unix.ECONNREFUSED)
			s.Close()
			s = a.Socket(0).Bind(site.V4, port)
			s.Connect(nowhere, "").Unsent().Fails(unix.ENETUNREACH)
			s.Close()
		}
	}},
	{Group: "fail", Name: "no local port left", Run: func(l *truth.Lab) {
		site := l.Loopback()
		l.Traced()
		site.Sysctl(l, "net.ipv4.ip_local_port_range", "30000 30000")
		ln := l.Agent(site, truth.Spec{}).Listen(0, site.V4, 80)
		c := l.Agent(site, truth.Spec{})
		client, server := c.Dial(0, ln.Addr), ln.Accept()
		c.Socket(0).Connect(ln.Addr, "").Refused(unix.EADDRNOTAVAIL, netip.AddrPortFrom(site.V4, 0))
		exchange(client, server)
	}},
	{Group: "fail", Name: "cancelled by close", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		ln := l.Agent(to, truth.Spec{}).Listen(truth.DropAll, to.V4, 0)
		d := l.Agent(from, truth.Spec{}).Socket(truth.Nonblocking).Bind(from.V4, 0).Connect(ln.Addr, "").Pending()
		d.Close()
		d.Failed(traceformat.Errno(unix.ECANCELED))
	}},
	{Group: "fail", Name: "cancelled by the end of the process", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		ln := l.Agent(to, truth.Spec{}).Listen(truth.DropAll, to.V4, 0)
		a := l.Agent(from, truth.Spec{})
		d := a.Socket(truth.Nonblocking).Bind(from.V4, 0).Connect(ln.Addr, "").Pending()
		a.Exit()
		d.Failed(traceformat.Errno(unix.ECANCELED))
	}},
	{Group: "fail", Name: "process killed in SYN_SENT", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		ln := l.Agent(to, truth.Spec{}).Listen(truth.DropAll, to.V4, 0)
		a := l.Agent(from, truth.Spec{})
		d := a.Socket(truth.Nonblocking).Bind(from.V4, 0).Connect(ln.Addr, "").Pending()
		a.Kill()
		d.Failed(traceformat.Killed)
	}},
}

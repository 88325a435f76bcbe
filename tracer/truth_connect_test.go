//go:build linux

package tracer_test

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/tracer/internal/truth"
)

// plain is a case in which a client connects to a server, a little is sent
// each way, and the client closes.
func plain(name string, client, server truth.Kind, place func(*truth.Lab) (from, to truth.Site, listen, dial netip.Addr)) truth.Case {
	return truth.Case{Group: "connect", Name: name, Run: func(l *truth.Lab) {
		from, to, listen, dial := place(l)
		l.Traced()
		c, s := l.Agent(from, truth.Spec{Comm: "client"}), l.Agent(to, truth.Spec{Comm: "server"})
		ln := s.Listen(server, listen, 0)
		exchange(c.Dial(client, netip.AddrPortFrom(dial, ln.Addr.Port())), ln.Accept())
	}}
}

// exchange sends a little each way and closes both ends.
func exchange(client, server *truth.Conn) {
	client.Send(server, 100)
	server.Send(client, 2000)
	truth.Close(client, server)
}

// place chooses where the client and the server are, what the server listens
// at, and what the client connects to.
func veth(choose func(truth.Site) netip.Addr) func(*truth.Lab) (from, to truth.Site, listen, dial netip.Addr) {
	return func(l *truth.Lab) (from, to truth.Site, listen, dial netip.Addr) {
		from, to = l.Veth()
		return from, to, choose(to), choose(to)
	}
}

func loopback(choose func(truth.Site) netip.Addr) func(*truth.Lab) (from, to truth.Site, listen, dial netip.Addr) {
	return func(l *truth.Lab) (from, to truth.Site, listen, dial netip.Addr) {
		s := l.Loopback()
		return s, s, choose(s), choose(s)
	}
}

func v4(s truth.Site) netip.Addr { return s.V4 }
func v6(s truth.Site) netip.Addr { return s.V6 }

var connectCases = []truth.Case{
	plain("IPv4, veth", 0, 0, veth(v4)),
	plain("IPv6, veth", truth.V6, truth.V6, veth(v6)),
	plain("IPv4, loopback", 0, 0, loopback(v4)),
	plain("IPv6, loopback", truth.V6, truth.V6, loopback(v6)),
	plain("IPv4 to a dual-stack listener", 0, truth.V6, func(l *truth.Lab) (from, to truth.Site, listen, dial netip.Addr) {
		from, to = l.Veth()
		return from, to, netip.IPv6Unspecified(), to.V4
	}),
	plain("IPv4-mapped on both sides", truth.V6, truth.V6, func(l *truth.Lab) (from, to truth.Site, listen, dial netip.Addr) {
		from, to = l.Veth()
		return from, to, netip.IPv6Unspecified(), to.V4
	}),
	plain("link-local with a zone", truth.V6, truth.V6, func(l *truth.Lab) (from, to truth.Site, listen, dial netip.Addr) {
		from, to = l.Veth()
		return from, to, netip.IPv6Unspecified(), to.LinkLocal
	}),
	plain("non-blocking connect", truth.Nonblocking, 0, veth(v4)),
	plain("MPTCP on both sides", truth.Multipath, truth.Multipath, veth(v4)),
	plain("MPTCP on both sides, IPv6", truth.V6|truth.Multipath, truth.V6|truth.Multipath, veth(v6)),
	plain("MPTCP, only the client", truth.Multipath, 0, veth(v4)),
	plain("MPTCP, only the server", 0, truth.Multipath, veth(v4)),
	{Group: "connect", Name: "bind before connect", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		ln := l.Agent(to, truth.Spec{}).Listen(0, to.V4, 80)
		c := l.Agent(from, truth.Spec{})
		exchange(c.Socket(0).Bind(from.V4, 1025).Connect(ln.Addr, "").Wait(), ln.Accept())
	}},
	{Group: "connect", Name: "from a thread with a name of its own", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		ln := l.Agent(to, truth.Spec{}).Listen(0, to.V4, 0)
		c := l.Agent(from, truth.Spec{Comm: "program"})
		exchange(c.Socket(0).Connect(ln.Addr, "worker-thread").Wait(), ln.Accept())
	}},
	{Group: "connect", Name: "many in flight in one process", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		ln := l.Agent(to, truth.Spec{}).Listen(0, to.V4, 0)
		c := l.Agent(from, truth.Spec{})
		var dialing []*truth.Dialing
		for range 20 {
			dialing = append(dialing, c.Socket(0).Connect(ln.Addr, ""))
		}
		var clients, servers []*truth.Conn
		for _, d := range dialing {
			clients = append(clients, d.Wait())
			servers = append(servers, ln.Accept())
		}
		for _, c := range clients {
			c.Close()
		}
		for _, s := range servers {
			s.ReadAll()
			s.Close()
		}
	}},
	{Group: "connect", Name: "io_uring", Run: func(l *truth.Lab) {
		site := l.Loopback()
		l.Traced()
		ln := l.Agent(site, truth.Spec{}).Listen(0, site.V4, 0)
		ring, why := l.Agent(site, truth.Spec{}).Ring()
		if why != "" {
			netlab.Skip(l, why)
		}
		exchange(ring.Dial(0, ln.Addr), ln.Accept())
	}},
	{Group: "connect", Name: "TCP Fast Open", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		for _, s := range []truth.Site{from, to} {
			// Client and server, without cookies (Documentation/networking/ip-sysctl.rst).
			s.Sysctl(l, "net.ipv4.tcp_fastopen", "519")
		}
		ln := l.Agent(to, truth.Spec{}).Listen(truth.FastOpen, to.V4, 0)
		const first = 1000
		c := l.Agent(from, truth.Spec{}).DialFast(0, ln.Addr, first)
		s := ln.Accept()
		s.Read(first)
		exchange(c.Fast(), s)
	}},
	{Group: "connect", Name: "simultaneous open", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		// Nothing is let in until both have sent their SYN.
		a := l.Agent(from, truth.Spec{}).Socket(truth.Nonblocking|truth.DropAll).Bind(from.V4, 7001)
		b := l.Agent(to, truth.Spec{}).Socket(truth.Nonblocking|truth.DropAll).Bind(to.V4, 7002)
		da := a.Connect(b.Local, "").Pending()
		db := b.Connect(a.Local, "").Pending()
		a.Drop(0)
		b.Drop(0)
		ca, cb := da.Established(), db.Established()
		exchange(ca, cb)
	}},
	{Group: "connect", Name: "to itself", Run: func(l *truth.Lab) {
		site := l.Loopback()
		l.Traced()
		s := l.Agent(site, truth.Spec{}).Socket(0).Bind(site.V4, 7003)
		c := s.Connect(s.Local, "").Wait()
		c.Write(10)
		c.Read(10)
		c.Close()
	}},
	{Group: "connect", Name: "again on the same socket after AF_UNSPEC", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		ln := l.Agent(to, truth.Spec{}).Listen(0, to.V4, 0)
		c := l.Agent(from, truth.Spec{}).Dial(0, ln.Addr)
		s := ln.Accept()
		c.Send(s, 100)
		again := c.Disconnect() // resets the connection
		s.Fails(unix.ECONNRESET)
		s.Close()
		exchange(again.Connect(ln.Addr, "").Wait(), ln.Accept())
	}},
	{Group: "connect", Name: "the same address and port in two network namespaces", Run: func(l *truth.Lab) {
		sites := []truth.Site{l.Loopback(), l.Loopback()}
		l.Traced()
		var clients, servers []*truth.Conn
		for _, site := range sites {
			ln := l.Agent(site, truth.Spec{}).Listen(0, site.V4, 80)
			clients = append(clients, l.Agent(site, truth.Spec{}).Socket(0).Bind(site.V4, 7004).Connect(ln.Addr, "").Wait())
			servers = append(servers, ln.Accept())
		}
		for i := range sites {
			exchange(clients[i], servers[i])
		}
	}},
}

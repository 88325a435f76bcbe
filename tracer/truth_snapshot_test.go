//go:build linux

package tracer_test

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer/internal/truth"
)

// openBefore is a case with connections that are open when the tracer starts, and
// one more to the same listener under it.
func openBefore(name string, client, server truth.Kind, choose func(truth.Site) netip.Addr) truth.Case {
	return truth.Case{Group: "snapshot", Name: name, Run: func(l *truth.Lab) {
		from, to := l.Veth()
		s, c := l.Agent(to, truth.Spec{Comm: "server"}), l.Agent(from, truth.Spec{Comm: "client"})
		ln := s.Listen(server, choose(to), 0)
		idle, idleServer := c.Dial(client, ln.Addr), ln.Accept()
		busy, busyServer := c.Dial(client, ln.Addr), ln.Accept()
		busy.Send(busyServer, 100)
		busyServer.Send(busy, 2000)
		l.Traced()
		fresh, freshServer := c.Dial(client, ln.Addr), ln.Accept()
		exchange(idle, idleServer)
		exchange(busy, busyServer)
		exchange(fresh, freshServer)
	}}
}

var snapshotCases = []truth.Case{
	openBefore("IPv4", 0, 0, v4),
	openBefore("IPv6", truth.V6, truth.V6, v6),
	openBefore("MPTCP on both sides", truth.Multipath, truth.Multipath, v4),
	openBefore("MPTCP, only the client", truth.Multipath, 0, v4),
	openBefore("MPTCP, only the server (Go's own net.Listen)", truth.V6, truth.V6|truth.Multipath, v6),
	{Group: "snapshot", Name: "half-closed in every way", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		s, c := l.Agent(to, truth.Spec{Comm: "server"}), l.Agent(from, truth.Spec{Comm: "client"})
		ln := s.Listen(0, to.V4, 0)
		var open [][2]*truth.Conn
		for i := range 4 {
			client, server := c.Dial(0, ln.Addr), ln.Accept()
			switch i {
			case 0:
				client.Shutdown()
				server.ReadAll()
			case 1:
				server.Shutdown()
				client.ReadAll()
			case 2:
				client.Send(server, 10)
				client.Shutdown()
				server.ReadAll()
			}
			open = append(open, [2]*truth.Conn{client, server})
		}
		l.Traced()
		for _, p := range open {
			truth.Close(p[1], p[0])
		}
	}},
	{Group: "snapshot", Name: "the listener is closed, the connection is not", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		s, c := l.Agent(to, truth.Spec{Comm: "server"}), l.Agent(from, truth.Spec{Comm: "client"})
		ln := s.Listen(0, to.V4, 0)
		client, server := c.Dial(0, ln.Addr), ln.Accept()
		ln.Close()
		l.Traced()
		exchange(client, server)
	}},
	{Group: "snapshot", Name: "the server connects out from its own port", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		s, c := l.Agent(to, truth.Spec{Comm: "server"}), l.Agent(from, truth.Spec{Comm: "client"})
		s.Listen(truth.ReuseAddr|truth.ReusePort, to.V4, 179)
		ln := c.Listen(0, from.V4, 179)
		out := s.Socket(truth.ReuseAddr|truth.ReusePort).Bind(to.V4, 179).Connect(ln.Addr, "").Wait()
		in := ln.Accept()
		l.Traced()
		exchange(out, in)
	}},
	{Group: "snapshot", Name: "established before, accepted after", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		s, c := l.Agent(to, truth.Spec{Comm: "server"}), l.Agent(from, truth.Spec{Comm: "client"})
		ln := s.Listen(0, to.V4, 0)
		client := c.Dial(0, ln.Addr)
		l.Traced()
		exchange(client, ln.StartAccept("").HookOnly().Wait())
	}},
	{Group: "snapshot", Name: "held by several processes: the oldest of them", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		parent := l.Agent(to, truth.Spec{Comm: "parent", Children: 1})
		ln := parent.Listen(0, to.V4, 0)
		client := l.Agent(from, truth.Spec{}).Dial(0, ln.Addr)
		server := ln.Accept()
		parent.NextPIDBelow()
		child := parent.Fork(server.FD()) // both have it
		l.Traced()
		client.Send(server, 10)
		client.Close()
		server.ReadAll()
		child.Exit()
		parent.Exit()
	}},
}

// pendingCases have a tracer to themselves because TCP waits twice as long for
// each SYN that it sends again: the tracer has to come soon after the first.
var pendingCases = []truth.Case{
	{Group: "snapshot", Name: "connect begun before, established after", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		ln := l.Agent(to, truth.Spec{}).Listen(truth.DropAll, to.V4, 0)
		d := l.Agent(from, truth.Spec{}).Socket(truth.Nonblocking).Bind(from.V4, 0).Connect(ln.Addr, "").Pending()
		l.Traced()
		ln.Drop(0)
		exchange(d.Adopted().Established(), ln.Accept())
	}},
	{Group: "snapshot", Name: "accepted before (TCP Fast Open), established after", Run: func(l *truth.Lab) {
		d, server := acceptedEarly(l)
		d.Drop(0)
		exchange(d.Adopted().Established(), server)
	}},
	{Group: "snapshot", Name: "accepted before (TCP Fast Open), closed before it is established", Run: func(l *truth.Lab) {
		d, server := acceptedEarly(l)
		server.Close()
		d.Drop(0)
		client := d.Adopted().Established()
		client.ReadAll()
		client.Close()
	}},
	{Group: "snapshot", Name: "accepted before (TCP Fast Open), reset before it is established", Run: func(l *truth.Lab) {
		d, server := acceptedEarly(l)
		server.Reset().Close()
		d.Close()
		d.Adopted().Failed(traceformat.Errno(unix.ECANCELED))
	}},
}

// acceptedEarly begins to trace when a connection is accepted, but not established.
func acceptedEarly(l *truth.Lab) (*truth.Dialing, *truth.Conn) {
	l.Helper()
	ln, d := sendFast(l, fastSite(l))
	server := ln.Accept().Early()
	server.Read(early)
	l.Traced()
	return d, server
}

var churnCases = []truth.Case{
	{Group: "snapshot", Name: "opened and closed all the time", Run: func(l *truth.Lab) {
		site := l.Loopback()
		site.Sysctl(l, "net.ipv4.tcp_tw_reuse", "0") // each local port once
		s, c := l.Agent(site, truth.Spec{Comm: "server"}), l.Agent(site, truth.Spec{Comm: "client"})
		l.Churn(c, s.Listen(0, site.V4, 0))
	}},
}

//go:build linux

package tracer_test

import (
	"golang.org/x/sys/unix"

	"example.com/tcpgraph/tracer/internal/truth"
)

// reuseCases are about what is used again within a second, each time by another
// process. The graph that is made of the events must keep them apart.
var reuseCases = []truth.Case{
	{Group: "reuse", Name: "a client's port by other processes", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		ln := l.Agent(to, truth.Spec{}).Listen(0, to.V4, 80)
		for range 3 {
			a := l.Agent(from, truth.Spec{})
			client := a.Socket(truth.ReuseAddr).Bind(from.V4, 7100).Connect(ln.Addr, "").Wait()
			server := ln.Accept()
			client.Send(server, 10)
			client.Reset().Close() // without TIME_WAIT
			server.Fails(unix.ECONNRESET)
			server.Close()
			a.Exit()
		}
	}},
	{Group: "reuse", Name: "a server's port by other processes", Run: func(l *truth.Lab) {
		site := l.Loopback()
		l.Traced()
		c := l.Agent(site, truth.Spec{})
		for range 3 {
			s := l.Agent(site, truth.Spec{})
			ln := s.Listen(truth.ReuseAddr, site.V4, 80)
			client, server := c.Dial(0, ln.Addr), ln.Accept()
			ln.Close()
			exchange(client, server)
			s.Exit()
			c.Socket(0).Bind(site.V4, 0).Connect(ln.Addr, "").Fails(unix.ECONNREFUSED)
		}
	}},
	{Group: "reuse", Name: "one name for all processes", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		same := truth.Spec{Comm: "same"}
		var clients []*truth.Agent
		for range 2 {
			clients = append(clients, l.Agent(from, same))
		}
		for range 2 {
			ln := l.Agent(to, same).Listen(0, to.V4, 0)
			for _, c := range clients {
				exchange(c.Dial(0, ln.Addr), ln.Accept())
			}
		}
	}},
	{Group: "reuse", Name: "loopback, where another network namespace has the server", Run: func(l *truth.Lab) {
		with, without := l.Loopback(), l.Loopback()
		l.Traced()
		ln := l.Agent(with, truth.Spec{}).Listen(0, with.V4, 80)
		client := l.Agent(with, truth.Spec{}).Socket(0).Bind(with.V4, 7004).Connect(ln.Addr, "").Wait()
		server := ln.Accept()
		l.Agent(without, truth.Spec{}).Socket(0).Bind(without.V4, 7004).Connect(ln.Addr, "").Fails(unix.ECONNREFUSED)
		exchange(client, server)
	}},
}

//go:build linux

package tracer_test

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer/internal/truth"
)

// inherited is the number under which a process finds the first descriptor
// that it inherited from the test, and the child of an agent the first that it
// inherited from its parent.
const (
	inherited      = 3
	inheritedChild = 4
)

var acceptCases = []truth.Case{
	{Group: "accept", Name: "pre-forked workers", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		const workers = 3
		parent := l.Agent(to, truth.Spec{Comm: "master", Children: workers})
		ln := parent.Listen(0, to.V4, 0)
		var pool []*truth.Listener
		for range workers {
			pool = append(pool, ln.By(parent.Fork(ln.FD), inheritedChild))
		}
		c := l.Agent(from, truth.Spec{Comm: "client"})
		for i := range 2 * workers {
			client := c.Dial(0, ln.Addr)
			exchange(client, pool[i%workers].Accept())
		}
	}},
	{Group: "accept", Name: "workers blocked in accept before the tracer", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		const workers = 4
		parent := l.Agent(to, truth.Spec{Comm: "master", Children: workers})
		ln := parent.Listen(0, to.V4, 0)
		var blocked []*truth.Accepting
		for range workers {
			worker := ln.By(parent.Fork(ln.FD), inheritedChild)
			blocked = append(blocked, worker.StartAccept("waits").Blocked("waits"))
		}
		l.Traced()
		c := l.Agent(from, truth.Spec{Comm: "client"})
		var clients []*truth.Conn
		for range workers {
			clients = append(clients, c.Dial(0, ln.Addr))
		}
		servers := make(map[string]*truth.Conn) // whoever was woken
		for _, a := range blocked {
			s := a.Wait()
			servers[s.Remote().String()] = s
		}
		for _, c := range clients {
			exchange(c, servers[c.Local().String()])
		}
	}},
	{Group: "accept", Name: "inherited listener (socket activation)", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		activator := l.Agent(to, truth.Spec{Comm: "init", Children: 1})
		ln := activator.Listen(0, to.V4, 0)
		service := activator.Fork(ln.FD)
		ln.Close() // the activator's own descriptor
		client := l.Agent(from, truth.Spec{}).Dial(0, ln.Addr)
		exchange(client, ln.By(service, inheritedChild).Accept())
	}},
	{Group: "accept", Name: "inherited listener, MPTCP", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		activator := l.Agent(to, truth.Spec{Comm: "init", Children: 1})
		ln := activator.Listen(truth.V6|truth.Multipath, to.V6, 0)
		service := ln.By(activator.Fork(ln.FD), inheritedChild)
		c := l.Agent(from, truth.Spec{})
		client := c.Dial(truth.V6, ln.Addr)
		exchange(client, service.Accept())
		client = c.Dial(truth.V6|truth.Multipath, ln.Addr)
		exchange(client, service.Accept())
	}},
	{Group: "accept", Name: "by a thread with a name of its own", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		ln := l.Agent(to, truth.Spec{Comm: "program"}).Listen(0, to.V4, 0)
		client := l.Agent(from, truth.Spec{}).Dial(0, ln.Addr)
		exchange(client, ln.StartAccept("accept-thread").Wait())
	}},
	{Group: "accept", Name: "SO_REUSEPORT group", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		const kind = truth.ReusePort | truth.Nonblocking
		first := l.Agent(to, truth.Spec{}).Listen(kind, to.V4, 0)
		group := []*truth.Listener{first, l.Agent(to, truth.Spec{}).Listen(kind, to.V4, first.Addr.Port())}
		c := l.Agent(from, truth.Spec{})
		for range 8 {
			client := c.Dial(0, first.Addr)
			exchange(client, truth.AcceptAny(group))
		}
	}},
	{Group: "accept", Name: "reset before it is accepted", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		ln := l.Agent(to, truth.Spec{Comm: "late"}).Listen(0, to.V4, 0)
		client := l.Agent(from, truth.Spec{}).Dial(0, ln.Addr)
		server := ln.Unaccepted(client)
		client.Reset().Close()
		server.Gone()
		l.Seen()
		ln.AcceptStale() // gives the socket all the same
	}},
	{Group: "accept", Name: "never accepted, then the listener is closed", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		ln := l.Agent(to, truth.Spec{Comm: "lazy"}).Listen(0, to.V4, 0)
		client := l.Agent(from, truth.Spec{}).Dial(0, ln.Addr)
		server := ln.Unaccepted(client)
		ln.Close()
		server.Gone()
		client.Gone()
	}},
	{Group: "accept", Name: "io_uring", Run: func(l *truth.Lab) {
		site := l.Loopback()
		l.Traced()
		activator := l.Agent(site, truth.Spec{Comm: "init", Children: 1})
		ln := activator.Listen(0, site.V4, 0)
		service := activator.Fork(ln.FD)
		ring, why := service.Ring()
		if why != "" {
			netlab.Skip(l, why)
		}
		c := l.Agent(site, truth.Spec{})
		client := c.Dial(0, ln.Addr)
		exchange(client, ring.Accept(ln.By(service, inheritedChild))) // one that waits
		accepting := ring.StartAccept(ln.By(service, inheritedChild)) // and one to wait for
		client = c.Dial(0, ln.Addr)
		exchange(client, accepting.Wait())
	}},
	{Group: "accept", Name: "fork per connection: the acceptor owns it", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		parent := l.Agent(to, truth.Spec{Comm: "inetd", Children: 2})
		ln := parent.Listen(0, to.V4, 0)
		c := l.Agent(from, truth.Spec{})
		for range 2 {
			client := c.Dial(0, ln.Addr)
			server := ln.Accept()
			server.Inherited(parent.Fork(server.FD()), inheritedChild)
			exchange(client, server)
		}
	}},
	{Group: "accept", Name: "descriptor passed on: the acceptor owns it", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		a, b := l.Socketpair()
		front := l.Agent(to, truth.Spec{Comm: "front", Files: []*os.File{a}})
		back := l.Agent(to, truth.Spec{Comm: "back", Files: []*os.File{b}})
		ln := front.Listen(0, to.V4, 0)
		client := l.Agent(from, truth.Spec{}).Dial(0, ln.Addr)
		server := ln.Accept()
		server.PassTo(back, inherited, inherited)
		exchange(client, server)
	}},
	{Group: "accept", Name: "closed before it is established (TCP Fast Open)", Run: func(l *truth.Lab) {
		ln, d := halfOpen(l)
		server := ln.Accept().Early()
		server.Read(early)
		server.Close()
		d.Drop(0)
		client := d.Established()
		client.ReadAll()
		client.Close()
	}},
	{Group: "accept", Name: "reset before it is established (TCP Fast Open)", Run: func(l *truth.Lab) {
		ln, d := halfOpen(l)
		server := ln.StartAccept("").HookOnly().Wait()
		server.Read(early)
		server.Reset().Close()
		d.Close()
		d.Failed(traceformat.Errno(unix.ECANCELED))
	}},
}

// early is how many bytes the SYN of halfOpen carries.
const early = 1000

// halfOpen connects by TCP Fast Open. The server can accept the connection, but
// the client, which drops all answers, does not establish it.
func halfOpen(l *truth.Lab) (*truth.Listener, *truth.Dialing) {
	l.Helper()
	site := fastSite(l)
	l.Traced()
	return sendFast(l, site)
}

// fastSite has TCP Fast Open.
func fastSite(l *truth.Lab) truth.Site {
	l.Helper()
	site := l.Loopback()
	site.Sysctl(l, "net.ipv4.tcp_fastopen", "519") // both sides, without cookies
	return site
}

// sendFast connects there.
func sendFast(l *truth.Lab, site truth.Site) (*truth.Listener, *truth.Dialing) {
	l.Helper()
	ln := l.Agent(site, truth.Spec{}).Listen(truth.FastOpen, site.V4, 0)
	s := l.Agent(site, truth.Spec{}).Socket(truth.Nonblocking|truth.DropAll).Bind(site.V4, 0)
	return ln, s.ConnectFast(ln.Addr, early).Sent()
}

// waitingCases are those in which a connection waits for an accept until it is
// reported without one.
var waitingCases = []truth.Case{
	{Group: "accept", Name: "never accepted, then closed by the client", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		s := l.Agent(to, truth.Spec{Comm: "lazy"})
		ln := s.Listen(0, to.V4, 0)
		client := l.Agent(from, truth.Spec{}).Dial(0, ln.Addr)
		server := ln.Unaccepted(client)
		l.Seen()
		client.Write(10)
		server.Arrived(10)
		client.Reset().Close()
		server.Gone()
	}},
	{Group: "accept", Name: "accepted when it was reported already", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		parent := l.Agent(to, truth.Spec{Comm: "slow", Children: 1})
		ln := parent.Listen(0, to.V4, 0)
		worker := ln.By(parent.Fork(ln.FD), inheritedChild)
		client := l.Agent(from, truth.Spec{}).Dial(0, ln.Addr)
		server := ln.Unaccepted(client)
		l.Seen()
		exchange(client, server.AcceptedBy(worker))
	}},
}

// staleCases are those in which a connection that was accepted is taken for one
// that still waits.
var staleCases = []truth.Case{
	{Group: "accept", Name: "before it is established (TCP Fast Open), then gone", Run: func(l *truth.Lab) {
		ln, d := halfOpen(l)
		server := ln.Accept().Early()
		server.Read(early)
		d.Drop(0)
		truth.Close(d.Established(), server)
		// Sockets in whose memory that one was, most likely.
		var clients, servers []*truth.Conn
		for range 8 {
			clients = append(clients, d.Dial(0, ln.Addr))
			servers = append(servers, ln.Accept())
		}
		time.Sleep(2 * staleAfter)
		for i := range clients {
			truth.Close(clients[i], servers[i])
		}
	}},
}

// staleAfter is more than the case takes until its sockets are used again.
const staleAfter = time.Second

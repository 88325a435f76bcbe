//go:build linux

package tracer_test

import (
	"slices"
	"testing"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"example.com/tcpgraph/tracer/internal/truth"
)

// ending is a case about the end of a connection.
func ending(group, name string, run func(client, server *truth.Conn)) truth.Case {
	return endingOf(group, name, 0, 0, run)
}

func endingOf(group, name string, client, server truth.Kind, run func(client, server *truth.Conn)) truth.Case {
	return truth.Case{Group: group, Name: name, Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		ln := l.Agent(to, truth.Spec{Comm: "server"}).Listen(server, to.V4, 0)
		c := l.Agent(from, truth.Spec{Comm: "client"}).Dial(client, ln.Addr)
		run(c, ln.Accept())
	}}
}

var closeCases = []truth.Case{
	ending("close", "by the client first (its TIME_WAIT)", func(c, s *truth.Conn) { truth.Close(c, s) }),
	ending("close", "by the server first (its TIME_WAIT)", func(c, s *truth.Conn) { truth.Close(s, c) }),
	ending("close", "half-close, then the answer", func(c, s *truth.Conn) {
		c.Send(s, 1000)
		c.Shutdown()
		s.ReadAll()
		s.Send(c, 3000)
		truth.Close(s, c)
	}),
	ending("close", "half-close by both", func(c, s *truth.Conn) {
		c.Shutdown()
		s.Shutdown()
		c.ReadAll()
		s.ReadAll()
		c.Close()
		s.Close()
	}),
	ending("close", "reset by SO_LINGER 0", func(c, s *truth.Conn) {
		c.Send(s, 500)
		s.Send(c, 700)
		c.Reset().Close()
		s.Fails(unix.ECONNRESET)
		s.Close()
	}),
	ending("close", "reset because of unread data", func(c, s *truth.Conn) {
		s.Write(300)
		c.Readable()
		c.Arrived(300)
		c.Close()
		s.Fails(unix.ECONNRESET)
		s.Close()
	}),
	ending("close", "by the end of the client", func(c, s *truth.Conn) {
		c.Send(s, 10)
		c.User().Exit()
		s.ReadAll()
		s.Close()
	}),
	ending("close", "by the end of the server, which is killed", func(c, s *truth.Conn) {
		c.Send(s, 10)
		s.User().Kill()
		c.ReadAll()
		c.Close()
	}),
	endingOf("close", "MPTCP, reset", truth.Multipath, truth.Multipath, func(c, s *truth.Conn) {
		c.Send(s, 500)
		c.Reset().Close()
		s.Ends()
		s.Close()
	}),
	endingOf("close", "MPTCP, by the end of both", truth.Multipath, truth.Multipath, func(c, s *truth.Conn) {
		c.Send(s, 500)
		c.User().Kill()
		s.ReadAll()
		s.User().Exit()
	}),
}

const megabyte = 1 << 20

var byteCases = []truth.Case{
	ending("bytes", "0", func(c, s *truth.Conn) { truth.Close(c, s) }),
	ending("bytes", "1", func(c, s *truth.Conn) {
		c.Send(s, 1)
		truth.Close(c, s)
	}),
	ending("bytes", "10 MB up, 5 MB down", func(c, s *truth.Conn) {
		c.Send(s, 10*megabyte)
		s.Send(c, 5*megabyte)
		truth.Close(c, s)
	}),
	ending("bytes", "10 MB into a half-closed connection", func(c, s *truth.Conn) {
		c.Shutdown()
		s.ReadAll()
		s.Send(c, 10*megabyte)
		truth.Close(s, c)
	}),
	endingOf("bytes", "10 MB with losses", 0, truth.DropSome, func(c, s *truth.Conn) {
		c.Send(s, 10*megabyte)
		c.Retransmitted()
		truth.Close(c, s)
	}),
	endingOf("bytes", "1 MB each way with losses on both sides", truth.DropSome, truth.DropSome, func(c, s *truth.Conn) {
		c.Send(s, megabyte)
		s.Send(c, megabyte)
		truth.Close(c, s)
	}),
	{Group: "bytes", Name: "MPTCP, 10 MB each way", Run: func(l *truth.Lab) {
		if !multipathCounts(l) {
			l.Traced()
			l.Skip("before Linux 6.5, MPTCP sockets do not count; what MPTCP sends again is then counted as new")
		}
		endingOf("", "", truth.Multipath, truth.Multipath, func(c, s *truth.Conn) {
			c.Send(s, 10*megabyte)
			s.Send(c, 10*megabyte)
			truth.Close(c, s)
		}).Run(l)
	}},
}

// multipathCounts reports whether the kernel's MPTCP sockets count bytes.
func multipathCounts(t testing.TB) bool {
	t.Helper()
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		t.Fatal(err)
	}
	var msk *btf.Struct
	if err := spec.TypeByName("mptcp_sock", &msk); err != nil {
		return false
	}
	return slices.ContainsFunc(msk.Members, func(m btf.Member) bool { return m.Name == "bytes_received" })
}

//go:build linux

package tracer_test

import (
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/tracer/internal/truth"
)

var processCases = []truth.Case{
	{Group: "process", Name: "short-lived", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		ln := l.Agent(to, truth.Spec{}).Listen(0, to.V4, 0)
		for range 5 {
			l.Burst(from, truth.Spec{Comm: "blink"}, ln.Addr)
			server := ln.Accept()
			server.ReadAll()
			server.Close()
		}
	}},
	{Group: "process", Name: "hostile names and arguments", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		ln := l.Agent(to, truth.Spec{Comm: "a|b CMD=c\nd\"<"}).Listen(0, to.V4, 0)
		c := l.Agent(from, truth.Spec{Comm: "\xff\u202e\x1b[2J", Args: []string{"", "a b\n", "\xff\xfe", "<script>", `"`, ""}})
		exchange(c.Dial(0, ln.Addr), ln.Accept())
	}},
	{Group: "process", Name: "long arguments", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		ln := l.Agent(to, truth.Spec{}).Listen(0, to.V4, 0)
		long := make([]byte, 3000)
		for i := range long {
			long[i] = 'a' + byte(i%26)
		}
		exchange(l.Agent(from, truth.Spec{Args: []string{string(long)}}).Dial(0, ln.Addr), ln.Accept())
	}},
	{Group: "process", Name: "in a PID namespace of its own", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		inside := truth.Spec{Comm: "container", Attr: &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}}
		ln := l.Agent(to, inside).Listen(0, to.V4, 0)
		exchange(l.Agent(from, inside).Dial(0, ln.Addr), ln.Accept())
	}},
	{Group: "process", Name: "another user", Run: func(l *truth.Lab) {
		from, to := l.Veth()
		l.Traced()
		nobody := truth.Spec{Comm: "nobody", Attr: &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}}
		ln := l.Agent(to, nobody).Listen(0, to.V4, 0)
		exchange(l.Agent(from, nobody).Dial(0, ln.Addr), ln.Accept())
	}},
}

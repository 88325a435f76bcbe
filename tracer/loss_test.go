//go:build linux

package tracer_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer"
	"example.com/tcpgraph/tracer/internal/truth"
)

// openTable opens one with a table of accepted connections, whatever hook is
// being tried: without a hook there is none.
func openTable(t *testing.T, o tracer.Options) *live {
	t.Helper()
	hook := acceptHook(t)
	if hook == tracer.AcceptNone {
		hook = tracer.AcceptAuto
	}
	l := openHooked(t, o, hook)
	if s := l.Stats(); s.Accept == tracer.AcceptNone {
		t.Fatalf("no accept hook: %q", s.Missing)
	}
	return l
}

// deafen lets the tracer see nothing, or again all.
func (l *live) deafen(on bool) {
	l.t.Helper()
	if err := l.Deafen(on); err != nil {
		l.t.Fatal(err)
	}
}

// socket makes a socket, open until the test ends, and tells the address that it
// can connect to. The descriptor is that of the file, which is not to be asked for
// it: then calls would block.
func (l *live) socket(flags int) (f *os.File, fd int, to unix.Sockaddr) {
	l.t.Helper()
	var err error
	l.ns.Do(l.t, func() { fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|flags, 0) })
	if err != nil {
		l.t.Fatal(err)
	}
	f = os.NewFile(uintptr(fd), "socket")
	l.t.Cleanup(func() { f.Close() })
	a := addrPort(l.ln.Addr())
	return f, fd, &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
}

// noMore stops the tracer, and wants no event that was not read.
func (l *live) noMore() {
	l.t.Helper()
	l.Stop()
	for e := range l.Events() {
		l.t.Errorf("one event too many: %v", e)
	}
}

// TestRingFull lets nobody read, and wants each event delivered or counted.
func TestRingFull(t *testing.T) {
	l := openLive(t, tracer.Options{RingSize: 1, Buffer: 1})
	const connections, want = 100, 4 * 100
	for range connections {
		client, server := l.connect()
		finish(t, client, server)
	}
	accounted := func() uint64 { s := l.Stats(); return s.Received + s.Lost.Events() }
	delivered := 0
	until(t, "each event is delivered or lost", func() bool {
		select {
		case <-l.Events():
			delivered++
		default:
		}
		return accounted() >= want
	})
	l.Stop()
	for range l.Events() {
		delivered++
	}
	s := l.Stats()
	if s.Lost.RingFull == 0 || delivered == 0 {
		t.Errorf("got %d events and %+v, want some of both", delivered, s.Lost)
	}
	if got := uint64(delivered) + s.Lost.RingFull; got != want || s.Received != uint64(delivered) {
		t.Errorf("%d delivered (%d received) and %d lost make %d, want %d", delivered, s.Received, s.Lost.RingFull, got, want)
	}
}

// TestTableFull has more connections accepted than there is room for.
func TestTableFull(t *testing.T) {
	const room, connections = 2, 5
	l := openTable(t, tracer.Options{MaxAccepted: room, Unaccepted: time.Hour})
	var ends [][2]net.Conn
	for range connections {
		client, server := l.connect()
		ends = append(ends, [2]net.Conn{client, server})
	}
	for _, e := range ends {
		finish(t, e[0], e[1])
	}
	count := make(map[string]int)
	for range 4 * connections {
		e := l.next()
		count[fmt.Sprint(e.Kind, " ", e.Direction, " ", e.Owner)]++
	}
	l.noMore()
	want := map[string]int{
		"open outgoing direct":    connections,
		"close outgoing direct":   connections,
		"open incoming direct":    room,
		"close incoming direct":   room,
		"open incoming listener":  connections - room,
		"close incoming listener": connections - room,
	}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	l.wantLost(tracer.Lost{TableFull: connections - room})
}

// TestTableFullUnaccepted has more connections wait for their accept, and in vain,
// than there is room for.
func TestTableFullUnaccepted(t *testing.T) {
	const room, connections = 2, 5
	l := openTable(t, tracer.Options{MaxAccepted: room, Unaccepted: 10 * time.Millisecond})
	for range connections {
		l.dial()
	}
	want := map[string]int{"open outgoing direct": connections, "open incoming listener": room}
	count := make(map[string]int)
	for range connections + room {
		e := l.next()
		count[fmt.Sprint(e.Kind, " ", e.Direction, " ", e.Owner)]++
	}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Errorf("events while they wait (-want +got):\n%s", diff)
	}
	until(t, "they are counted", func() bool { return l.lost().TableFull >= connections-room })
	l.ln.Close()
	want = map[string]int{"open incoming listener": connections - room, "close incoming listener": connections}
	clear(count)
	for range 2*connections - room {
		e := l.next()
		for e.Direction == traceformat.Outgoing { // reset
			e = l.next()
		}
		count[fmt.Sprint(e.Kind, " ", e.Direction, " ", e.Owner)]++
	}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Errorf("events of their ends (-want +got):\n%s", diff)
	}
	l.wantLost(tracer.Lost{TableFull: connections - room})
}

// TestUnseenEnd lets connections end unseen, of which one end is traced. When
// the memory of such a socket is another's, that must be reported all the same,
// and the loss with it.
func TestUnseenEnd(t *testing.T) {
	for _, direction := range []traceformat.Direction{traceformat.Incoming, traceformat.Outgoing} {
		t.Run(direction.String(), func(t *testing.T) {
			l := openTable(t, tracer.Options{Unaccepted: time.Hour})
			peer := netlab.New(t)
			ours, theirs := netip.MustParsePrefix("10.77.0.1/24"), netip.MustParsePrefix("10.77.0.2/24")
			netlab.Veth(t, l.ns, peer, []netip.Prefix{ours}, []netip.Prefix{theirs})
			listening, dialing, addr := l.ns, peer, ours.Addr()
			if direction == traceformat.Outgoing {
				listening, dialing, addr = peer, l.ns, theirs.Addr()
			}
			ln, err := listening.Listen("tcp", netip.AddrPortFrom(addr, 0).String())
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			connect := func() (client, server *net.TCPConn) {
				t.Helper()
				c, err := dialing.Dial(t.Context(), "tcp", ln.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				s, err := ln.Accept()
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { s.Close() })
				if e := l.next(); e.Kind != traceformat.Open || e.Direction != direction || e.Owner != traceformat.OwnerDirect {
					t.Fatalf("got %v, want one that opens, %v", e, direction)
				}
				return c.(*net.TCPConn), s.(*net.TCPConn)
			}

			var ends [16][2]*net.TCPConn // some of their sockets' memory will be the other end's
			for i := range ends {
				ends[i][0], ends[i][1] = connect()
			}
			l.deafen(true)
			for _, e := range ends {
				client, server := e[0], e[1]
				if err := server.SetLinger(0); err != nil {
					t.Fatal(err)
				}
				server.Close()
				if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
					t.Fatalf("got %v, want %v", err, syscall.ECONNRESET)
				}
				client.Close()
			}
			l.deafen(false)
			const enough = 1000
			for range enough {
				connect() // and keep it, so that the next one is elsewhere
				if got := l.lost(); got == (tracer.Lost{Ends: 1}) {
					return
				} else if got != (tracer.Lost{}) {
					t.Fatalf("lost: got %+v, want 1 in Ends", got)
				}
			}
			t.Errorf("the memory of no socket was used again by %d others", enough)
		})
	}
}

// TestUnseenEstablished lets a connection be established unseen. It must be
// reported all the same, at its end at the latest.
func TestUnseenEstablished(t *testing.T) {
	l := openLive(t, tracer.Options{Unaccepted: time.Hour})
	// A backlog that is full drops what comes: the connect has to wait.
	const backlog = 1 // and one more is let in
	raw, err := l.ln.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	listener := func(f func(fd int) error) {
		t.Helper()
		var err error
		if errControl := raw.Control(func(fd uintptr) { err = f(int(fd)) }); errControl != nil || err != nil {
			t.Fatal(errControl, err)
		}
	}
	listener(func(fd int) error { return unix.Listen(fd, backlog) })
	l.deafen(true)
	for range backlog + 1 {
		l.dial()
	}
	until(t, "the backlog is full", func() (full bool) {
		listener(func(fd int) error {
			info, err := unix.GetsockoptTCPInfo(fd, unix.SOL_TCP, unix.TCP_INFO)
			full = err == nil && info.Unacked == backlog+1 // of a listener, those that wait
			return err
		})
		return full
	})
	l.deafen(false)
	to := addrPort(l.ln.Addr())
	client, fd, sockaddr := l.socket(unix.SOCK_NONBLOCK)
	if err := unix.Connect(fd, sockaddr); err != unix.EINPROGRESS {
		t.Fatalf("connect: got %v, want %v", err, unix.EINPROGRESS)
	}
	l.deafen(true)
	if _, err := unix.Getpeername(fd); err != unix.ENOTCONN {
		t.Fatalf("the connect did not wait: Getpeername: got %v, want %v", err, unix.ENOTCONN)
	}
	for range backlog + 1 {
		l.accept()
	}
	server := l.accept() // once the SYN is sent again
	l.deafen(false)
	client.Close()
	if _, err := io.Copy(io.Discard, server); err != nil {
		t.Fatal(err)
	}
	server.Close()

	remote := addrPort(server.RemoteAddr())
	var got []string
	for range 4 {
		e := l.next()
		d, ends := e.Direction, [2]netip.AddrPort{e.Remote, e.Local}
		if d == traceformat.Outgoing {
			ends = [2]netip.AddrPort{e.Local, e.Remote}
		}
		if e.Process.PID != uint32(os.Getpid()) || ends != [2]netip.AddrPort{remote, to} {
			t.Errorf("got %v, want process %d and %v to %v", e, os.Getpid(), remote, to)
		}
		got = append(got, fmt.Sprint(e.Kind, " ", d))
	}
	want := []string{"open outgoing", "open incoming", "close outgoing", "close incoming"}
	if diff := cmp.Diff(want, got, sorted); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	l.noMore()
	l.wantLost(tracer.Lost{})
}

// TestListenAfterUnseenEnd lets a connection end unseen whose socket then listens.
// Who that is, connections of it must know.
func TestListenAfterUnseenEnd(t *testing.T) {
	l := openLive(t, tracer.Options{Unaccepted: 10 * time.Millisecond})
	_, fd, to := l.socket(0)
	if err := unix.Connect(fd, to); err != nil {
		t.Fatal(err)
	}
	l.accept()
	for range 2 {
		if e := l.next(); e.Kind != traceformat.Open {
			t.Fatalf("got %v, want one that opens", e)
		}
	}
	l.deafen(true)
	if err := truth.Disconnect(fd); err != nil {
		t.Fatal(err)
	}
	l.deafen(false)
	if err := unix.Listen(fd, 1); err != nil {
		t.Fatal(err)
	}
	l.wantLost(tracer.Lost{Ends: 1})
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port := name.(*unix.SockaddrInet4).Port
	client, err := l.ns.Dial(t.Context(), "tcp", fmt.Sprint("127.0.0.1:", port))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range 2 {
		e := l.next()
		if e.Kind != traceformat.Open || e.Process.PID != uint32(os.Getpid()) {
			t.Errorf("got %v, want one that process %d opens", e, os.Getpid())
		}
		if e.Direction == traceformat.Incoming && e.Owner != traceformat.OwnerListener {
			t.Errorf("got %v, want the listener's", e)
		}
	}
}

//go:build linux

package tracer_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer"
)

// until waits for a condition that nothing announces.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// live is a tracer of a network namespace of its own.
type live struct {
	*tracer.Tracer
	t  *testing.T
	ns *netlab.NS
	ln net.Listener
}

func openLive(t *testing.T, o tracer.Options) *live {
	t.Helper()
	return openHooked(t, o, acceptHook(t))
}

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

func openHooked(t *testing.T, o tracer.Options, hook tracer.AcceptHook) *live {
	t.Helper()
	l := &live{t: t, ns: netlab.New(t)}
	o.NetNS, o.AcceptHook = []uint32{l.ns.Inode()}, hook
	var err error
	if l.Tracer, err = tracer.Open(&o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if l.ln, err = l.ns.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.ln.Close() })
	return l
}

// next waits for an event.
func (l *live) next() tracer.Event {
	l.t.Helper()
	select {
	case e, ok := <-l.Events():
		if !ok {
			l.t.Fatalf("the channel of events was closed: %v", l.Err())
		}
		return e
	case <-time.After(30 * time.Second):
		l.t.Fatal("waited in vain for an event")
	}
	panic("unreachable")
}

// lost is what the kernel lost, but for the bound of what it may have skipped:
// if it did, an event is missing.
func (l *live) lost() tracer.Lost {
	lost := l.Stats().Lost
	lost.Skipped = 0
	return lost
}

// connect makes a connection and accepts it.
func (l *live) connect() (client, server net.Conn) {
	l.t.Helper()
	client = l.dial()
	server, err := l.ln.Accept()
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { server.Close() })
	return client, server
}

func (l *live) dial() net.Conn {
	l.t.Helper()
	c, err := l.ns.Dial(l.t.Context(), "tcp", l.ln.Addr().String())
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	return c
}

// finish closes both ends and waits until both know.
func finish(t *testing.T, client, server net.Conn) {
	t.Helper()
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, server); err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
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
	l.Stop()
	for e := range l.Events() {
		t.Errorf("one event too many: %v", e)
	}
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
	if got := l.lost(); got != (tracer.Lost{TableFull: connections - room}) {
		t.Errorf("lost: got %+v, want %d in TableFull", got, connections-room)
	}
}

// TestUnseenEnd lets a connection end unseen. One whose socket is in the same
// memory must be reported all the same, and the loss with it.
func TestUnseenEnd(t *testing.T) {
	l := openTable(t, tracer.Options{Unaccepted: time.Hour})
	var ends [16][2]net.Conn // some of their sockets' memory will be a client's
	for i := range ends {
		ends[i][0], ends[i][1] = l.connect()
		l.next()
		l.next()
	}
	if err := l.Deafen(true); err != nil {
		t.Fatal(err)
	}
	for _, e := range ends {
		client, server := e[0], e[1]
		if err := server.(*net.TCPConn).SetLinger(0); err != nil {
			t.Fatal(err)
		}
		server.Close()
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Fatalf("got %v, want %v", err, syscall.ECONNRESET)
		}
		client.Close()
	}
	if err := l.Deafen(false); err != nil {
		t.Fatal(err)
	}
	const enough = 1000
	for range enough {
		l.connect() // and keep it, so that the next one is elsewhere
		var got []string
		for range 2 {
			e := l.next()
			got = append(got, fmt.Sprint(e.Kind, " ", e.Direction, " ", e.Owner))
		}
		if diff := cmp.Diff([]string{"open incoming direct", "open outgoing direct"}, got, sorted); diff != "" {
			t.Fatalf("events (-want +got):\n%s", diff)
		}
		if got := l.lost(); got == (tracer.Lost{Ends: 1}) {
			return
		} else if got != (tracer.Lost{}) {
			t.Fatalf("lost: got %+v, want 1 in Ends", got)
		}
	}
	t.Errorf("the memory of no socket was used again by %d others", enough)
}

// TestUnseenEstablished lets a connection be established unseen. It must be
// reported all the same, at its end at the latest.
func TestUnseenEstablished(t *testing.T) {
	l := openLive(t, tracer.Options{Unaccepted: time.Hour})
	deafen := func(on bool) {
		t.Helper()
		if err := l.Deafen(on); err != nil {
			t.Fatal(err)
		}
	}
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
	deafen(true)
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
	deafen(false)
	to := addrPort(l.ln.Addr())
	var fd int
	l.ns.Do(t, func() {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	})
	if err != nil {
		t.Fatal(err)
	}
	client := os.NewFile(uintptr(fd), "client")
	defer client.Close()
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != unix.EINPROGRESS {
		t.Fatalf("connect: got %v, want %v", err, unix.EINPROGRESS)
	}
	accept := func() net.Conn {
		t.Helper()
		c, err := l.ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	deafen(true)
	if _, err := unix.Getpeername(fd); err != unix.ENOTCONN {
		t.Fatalf("the connect did not wait: Getpeername: got %v, want %v", err, unix.ENOTCONN)
	}
	for range backlog + 1 {
		accept()
	}
	server := accept() // once the SYN is sent again
	deafen(false)
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
	l.Stop()
	for e := range l.Events() {
		t.Errorf("one event too many: %v", e)
	}
	if got := l.lost(); got != (tracer.Lost{}) {
		t.Errorf("lost: got %+v, want nothing", got)
	}
}

// TestStop wants all that happened before, even what nobody has accepted, and
// nothing of what happens later.
func TestStop(t *testing.T) {
	l := openLive(t, tracer.Options{Unaccepted: time.Hour})
	client := l.dial()
	l.Stop()
	l.Stop()
	var got []string
	for e := range l.Events() {
		got = append(got, fmt.Sprint(e.Kind, " ", e.Direction, " ", e.Owner, " ", e.Local == addrPort(client.LocalAddr())))
	}
	want := []string{"open outgoing direct true", "open incoming listener false"}
	if diff := cmp.Diff(want, got, sorted); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if err := l.Err(); err != nil {
		t.Errorf("Err after Stop: %v", err)
	}
	l.connect()
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if got := l.Stats().Received; got != uint64(len(want)) {
		t.Errorf("received: got %d, want %d", got, len(want))
	}
}

var sorted = cmp.Transformer("sort", func(s []string) map[string]int {
	count := make(map[string]int)
	for _, s := range s {
		count[s]++
	}
	return count
})

// TestClose closes while the reader is blocked on a channel that nobody reads,
// and while others wait for events.
func TestClose(t *testing.T) {
	full := openLive(t, tracer.Options{Buffer: 1})
	full.Events()
	for range 3 {
		full.connect()
	}
	until(t, "the reader is blocked", func() bool { return full.Stats().Received >= 2 })
	idle := openLive(t, tracer.Options{})
	waiting := make(chan int)
	go func() {
		n := 0
		for range idle.Events() {
			n++
		}
		waiting <- n
	}()
	for _, l := range []*live{full, idle} {
		closed := make(chan error)
		for range 3 {
			go func() { closed <- l.Close() }()
		}
		for range 3 {
			if err := <-closed; err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		l.Stop() // harmless
		if err := l.Err(); err != nil {
			t.Errorf("Err after Close: %v", err)
		}
		if s := l.Stats(); len(s.Hooks) == 0 || l.lost() != (tracer.Lost{}) {
			t.Errorf("Stats after Close: got %+v, want the hooks and no losses", s)
		}
	}
	if n := <-waiting; n != 0 {
		t.Errorf("an idle namespace gave %d events", n)
	}
}

// TestTimes checks what the harness of TestTruth leaves out.
func TestTimes(t *testing.T) {
	l := openLive(t, tracer.Options{})
	before := time.Now()
	client, server := l.connect()
	finish(t, client, server)
	opened := make(map[traceformat.Direction]time.Time)
	for range 4 {
		e := l.next()
		if e.Time.Location() != time.UTC || e.Time.Before(before.Add(-time.Second)) || e.Time.After(time.Now().Add(time.Second)) {
			t.Errorf("time: got %v, want about %v, in UTC", e.Time, before)
		}
		switch {
		case e.Kind == traceformat.Open:
			opened[e.Direction] = e.Time
		case e.Direction == traceformat.Outgoing && e.Duration != e.Time.Sub(opened[e.Direction]):
			t.Errorf("duration: got %v, want %v", e.Duration, e.Time.Sub(opened[e.Direction]))
		case e.Duration <= 0 || e.Duration > time.Since(before)+time.Second:
			t.Errorf("duration: got %v", e.Duration)
		}
	}
}

// openProgram opens a tracer and prints why that is not possible.
func openProgram(c *netlab.Console, _ []string) error {
	tr, err := tracer.Open(nil)
	if err == nil {
		tr.Close()
		return c.Printf("opened")
	}
	return c.Printf("%t %q", errors.Is(err, os.ErrPermission), err)
}

// TestUnprivileged opens a tracer as nobody.
func TestUnprivileged(t *testing.T) {
	netlab.Require(t) // root, to become nobody
	p := netlab.Current(t).Spawn(t, netlab.Spec{
		Program: "open",
		Attr:    &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}},
	})
	got := p.ReadLine()
	if !strings.HasPrefix(got, `true "tracer: `) || !strings.Contains(got, "CAP_BPF") || strings.Contains(got, `\n`) {
		t.Errorf("error of Open as nobody: got %s, want one that matches os.ErrPermission and names the remedy on one line", got)
	}
	p.Stop()
}

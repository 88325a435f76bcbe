//go:build linux

package tracer_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer"
)

// acceptEnv names the environment variable by which the kernel matrix forces
// an accept hook upon the tests: fexit, kretprobe, tracepoint or none. Unset or
// empty is the best that the kernel gives.
const acceptEnv = "TCPGRAPH_ACCEPT"

// acceptHooks are the values of acceptEnv.
var acceptHooks = map[string]tracer.AcceptHook{
	"":           tracer.AcceptAuto,
	"fexit":      tracer.AcceptFexit,
	"kretprobe":  tracer.AcceptKretprobe,
	"tracepoint": tracer.AcceptTracepoint,
	"none":       tracer.AcceptNone,
}

// acceptHook is the value of [tracer.Options.AcceptHook] that tests must use.
func acceptHook(t testing.TB) tracer.AcceptHook {
	t.Helper()
	hook, ok := acceptHooks[os.Getenv(acceptEnv)]
	if !ok {
		t.Fatalf("%s=%q: want fexit, kretprobe, tracepoint, none or nothing", acceptEnv, os.Getenv(acceptEnv))
	}
	return hook
}

// TestSmoke traces a few connections that this process makes to itself, before
// and after the tracer is opened, and wants each event of them and no other. It
// is what a kernel and an accept hook must pass before more is worth trying.
func TestSmoke(t *testing.T) {
	s := &smoke{t: t, ns: netlab.New(t), hook: acceptHook(t)}
	s.listen("127.0.0.1:0", false)
	s.listen("[::1]:0", false)
	s.listen("127.0.0.1:0", true)
	s.listen("[::1]:0", true)
	for _, ln := range s.listeners {
		s.connect(ln, false)
		s.connect(ln, true)
	}
	before := s.pairs

	tr, err := tracer.Open(&tracer.Options{NetNS: []uint32{s.ns.Inode()}, AcceptHook: s.hook, Unaccepted: never})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	}()
	t.Logf("hooks: %q, missing: %q", tr.Stats().Hooks, tr.Stats().Missing)
	for i := range before {
		before[i].owner = traceformat.OwnerSnapshot
	}

	s.listen("[::]:0", false)
	s.listen("[::]:0", true)
	for _, ln := range s.listeners {
		s.connect(ln, false)
		s.connect(ln, true)
	}
	for _, p := range s.pairs {
		s.finish(p)
	}
	s.refuse()
	s.check(tr)
}

// TestTooOld wants Open to refuse a kernel before 5.13 in words that help.
func TestTooOld(t *testing.T) {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimSpace(string(release))
	if !strings.HasPrefix(name, "5.10.") {
		t.Skipf("Linux %s is not the one that TestMatrix runs this on", name)
	}
	tr, err := tracer.Open(nil)
	if err == nil {
		tr.Close()
		t.Fatal("Open worked")
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Open: got the error %v, want one that matches %v", err, errors.ErrUnsupported)
	}
	got, want := err.Error(), "tracer: kernel "+name+" is too old: Linux 5.13 or later is needed"
	if !strings.HasPrefix(got, want) || strings.Contains(got, "\n") {
		t.Errorf("Open: got the error %q, want one line that begins with %q", got, want)
	}
}

// smoke makes connections and notes the events that they ought to give.
type smoke struct {
	t         *testing.T
	ns        *netlab.NS
	hook      tracer.AcceptHook
	listeners []net.Listener
	pairs     []pair
	want      []smokeEvent
}

// pair is a connection with both its ends.
type pair struct {
	client, server net.Conn
	multipath      bool
	owner          traceformat.Owner
}

// smokeEvent is as much of an event as is known beforehand.
type smokeEvent struct {
	Kind           traceformat.Kind
	Direction      traceformat.Direction
	Owner          traceformat.Owner
	Local, Remote  netip.AddrPort
	PID            uint32
	Sent, Received uint64
	Errno          traceformat.Errno
}

func (s *smoke) listen(addr string, multipath bool) net.Listener {
	s.t.Helper()
	var lc net.ListenConfig
	lc.SetMultipathTCP(multipath)
	var ln net.Listener
	err := s.ns.Run(func() (err error) {
		ln, err = lc.Listen(s.t.Context(), "tcp", addr)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { ln.Close() })
	s.listeners = append(s.listeners, ln)
	return ln
}

func (s *smoke) dial(addr string, multipath bool) (c net.Conn, err error) {
	var d net.Dialer
	d.SetMultipathTCP(multipath)
	err = s.ns.Run(func() (err error) {
		c, err = d.DialContext(s.t.Context(), "tcp", addr)
		return err
	})
	return c, err
}

func (s *smoke) connect(ln net.Listener, multipath bool) {
	s.t.Helper()
	addr := addrPort(ln.Addr())
	if addr.Addr().IsUnspecified() {
		addr = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), addr.Port())
	}
	client, err := s.dial(addr.String(), multipath)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { client.Close() })
	server, err := ln.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { server.Close() })
	s.pairs = append(s.pairs, pair{client: client, server: server, multipath: multipath})
}

// up and down are the bytes that each client and each server sends.
const up, down = 1, 100_000

// finish sends a little each way, closes both ends and notes all four events.
func (s *smoke) finish(p pair) {
	s.t.Helper()
	s.transfer(p.client, p.server, up)
	s.transfer(p.server, p.client, down)
	for _, end := range []struct {
		conn           net.Conn
		direction      traceformat.Direction
		sent, received uint64
	}{
		{p.client, traceformat.Outgoing, up, down},
		{p.server, traceformat.Incoming, down, up},
	} {
		e := smokeEvent{
			Direction: end.direction,
			Owner:     p.owner,
			Local:     addrPort(end.conn.LocalAddr()),
			Remote:    addrPort(end.conn.RemoteAddr()),
			PID:       uint32(os.Getpid()),
		}
		if s.hook == tracer.AcceptNone && e.Direction == traceformat.Incoming && e.Owner == traceformat.OwnerDirect {
			e.Owner = traceformat.OwnerListener
		}
		s.want = append(s.want, e)
		e.Kind, e.Sent, e.Received = traceformat.Close, end.sent, end.received
		s.want = append(s.want, e)
		if err := end.conn.Close(); err != nil {
			s.t.Fatal(err)
		}
	}
}

// transfer sends n bytes and waits until they are there.
func (s *smoke) transfer(from, to net.Conn, n int64) {
	s.t.Helper()
	sent := make(chan error, 1)
	go func() {
		_, err := from.Write(make([]byte, n))
		sent <- err
	}()
	_, err := io.CopyN(io.Discard, to, n)
	if err := errors.Join(<-sent, err); err != nil {
		s.t.Fatal(err)
	}
}

// refuse connects to a port that nobody listens at.
func (s *smoke) refuse() {
	s.t.Helper()
	ln := s.listen("127.0.0.1:0", false)
	addr := ln.Addr()
	if err := ln.Close(); err != nil {
		s.t.Fatal(err)
	}
	if c, err := s.dial(addr.String(), false); !errors.Is(err, unix.ECONNREFUSED) {
		if err == nil {
			c.Close()
		}
		s.t.Fatalf("connect to the closed port %v: got %v, want %v", addr, err, unix.ECONNREFUSED)
	}
	s.want = append(s.want, smokeEvent{
		Kind:      traceformat.Fail,
		Direction: traceformat.Outgoing,
		Remote:    addrPort(addr),
		PID:       uint32(os.Getpid()),
		Errno:     traceformat.Errno(unix.ECONNREFUSED),
	})
}

// check waits for the events and compares them, in whatever order they came.
func (s *smoke) check(tr *tracer.Tracer) {
	s.t.Helper()
	multipath := make(map[netip.AddrPort]bool) // clients
	for _, p := range s.pairs {
		multipath[addrPort(p.client.LocalAddr())] = p.multipath
	}
	var got []smokeEvent
	note := func(e *tracer.Event) {
		// What Multipath TCP lacks an acknowledgement of it sends again as
		// if it were new, which a slow machine makes it do.
		if multipath[e.Local] {
			e.BytesSent, e.BytesReceived = min(e.BytesSent, up), min(e.BytesReceived, down)
		} else if multipath[e.Remote] {
			e.BytesSent, e.BytesReceived = min(e.BytesSent, down), min(e.BytesReceived, up)
		}
		if e.Kind == traceformat.Fail {
			e.Local = netip.AddrPort{} // chosen by the kernel, told to nobody
		}
		got = append(got, smokeEvent{
			e.Kind, e.Direction, e.Owner, e.Local, e.Remote,
			e.Process.PID, e.BytesSent, e.BytesReceived, e.Errno,
		})
	}
	tooLong := time.After(30 * time.Second)
wait:
	for len(got) < len(s.want) {
		select {
		case e, ok := <-tr.Events():
			if !ok {
				break wait
			}
			note(&e)
		case <-tooLong:
			break wait
		}
	}
	tr.Stop()
	for e := range tr.Events() {
		note(&e) // one too many
	}
	if err := tr.Err(); err != nil {
		s.t.Error(err)
	}
	addrs := cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })
	if diff := cmp.Diff(s.want, got, cmpopts.SortSlices(byEnds), addrs); diff != "" {
		s.t.Errorf("events (-want +got):\n%s", diff)
	}
	stats := tr.Stats()
	if lost := certain(stats.Lost); lost != (tracer.Lost{}) {
		s.t.Errorf("lost: got %+v, want nothing", lost)
	}
	if stats.Accept != tracer.AcceptNone && tr.Watched() < 2 {
		s.t.Errorf("of %q, %d programs are watched for skipped runs, want those of accept and connect", stats.Hooks, tr.Watched())
	}
	if s.hook != tracer.AcceptAuto && stats.Accept != s.hook {
		s.t.Errorf("accept hook: got %v, want %v", stats.Accept, s.hook)
	}
}

// byEnds orders events for comparing.
func byEnds(a, b smokeEvent) bool {
	if c := a.Local.Compare(b.Local); c != 0 {
		return c < 0
	}
	if c := a.Remote.Compare(b.Remote); c != 0 {
		return c < 0
	}
	return a.Kind < b.Kind
}

func addrPort(a net.Addr) netip.AddrPort {
	ap := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

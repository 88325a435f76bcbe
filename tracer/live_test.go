//go:build linux

package tracer_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

func openHooked(t *testing.T, o tracer.Options, hook tracer.AcceptHook) *live {
	t.Helper()
	l := &live{t: t, ns: netlab.New(t)}
	l.trace(o, hook)
	l.listen()
	return l
}

// before is a namespace with a listener and no tracer yet.
func before(t *testing.T) *live {
	t.Helper()
	l := &live{t: t, ns: netlab.New(t)}
	l.listen()
	return l
}

func (l *live) listen() {
	l.t.Helper()
	var err error
	if l.ln, err = l.ns.Listen("tcp", "127.0.0.1:0"); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { l.ln.Close() })
}

// open begins to trace.
func (l *live) open(o tracer.Options) {
	l.t.Helper()
	l.trace(o, acceptHook(l.t))
}

func (l *live) trace(o tracer.Options, hook tracer.AcceptHook) {
	l.t.Helper()
	o.NetNS, o.AcceptHook = []uint32{l.ns.Inode()}, hook
	var err error
	if l.Tracer, err = tracer.Open(&o); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { l.Close() })
}

// fileOf returns another descriptor of a connection or a listener.
func fileOf(t *testing.T, of any) *os.File {
	t.Helper()
	f, err := of.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	return f
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

// wantNext waits for some events of this process, in any order: the kind, the
// direction and how the owner is known of each.
func (l *live) wantNext(want ...string) {
	l.t.Helper()
	var got []string
	for range want {
		e := l.next()
		got = append(got, fmt.Sprint(e.Kind, " ", e.Direction, " ", e.Owner))
		if e.Process.PID != uint32(os.Getpid()) {
			l.t.Errorf("%v: got the owner %d, want %d", e, e.Process.PID, os.Getpid())
		}
	}
	if diff := cmp.Diff(want, got, sorted); diff != "" {
		l.t.Errorf("events (-want +got):\n%s", diff)
	}
}

// lost is what the kernel lost for certain.
func (l *live) lost() tracer.Lost { return certain(l.Stats().Lost) }

// wantLost checks what was lost for certain.
func (l *live) wantLost(want tracer.Lost) {
	l.t.Helper()
	if got := l.lost(); got != want {
		l.t.Errorf("lost: got %+v, want %+v", got, want)
	}
}

// certain is what was lost but for the bounds of what the kernel may have skipped:
// if it did, an event is missing or wrong.
func certain(lost tracer.Lost) tracer.Lost {
	lost.Calls = 0
	if tracer.AtLeast(7, 0) {
		lost.Skipped = 0
	}
	return lost
}

// connect makes a connection and accepts it.
func (l *live) connect() (client, server net.Conn) {
	l.t.Helper()
	return l.dial(), l.accept()
}

func (l *live) accept() net.Conn {
	l.t.Helper()
	c, err := l.ln.Accept()
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	return c
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

// TestUnprivileged opens a tracer as nobody, and as the root of a user namespace,
// whose capabilities are worth nothing outside of it.
func TestUnprivileged(t *testing.T) {
	netlab.Require(t) // root, to become nobody
	one := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}
	for _, tt := range []struct {
		name, says string
		attr       syscall.SysProcAttr
	}{
		{"nobody", "CAP_BPF", syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}},
		{"user namespace", "user namespace", syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: one, GidMappings: one}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// Several times, since the loader makes tables in no order.
			for range 10 {
				p := netlab.Current(t).Spawn(t, netlab.Spec{Program: "open", Attr: &tt.attr})
				got := p.ReadLine()
				if !strings.HasPrefix(got, `true "tracer: `) || !strings.Contains(got, tt.says) || strings.Contains(got, `\n`) {
					t.Errorf("error of Open: got %s, want one that matches os.ErrPermission and says %q on one line", got, tt.says)
				}
				t.Log(got)
				p.Stop()
			}
		})
	}
}

// TestNoRoom traces connections whose state has no room where that of most is.
func TestNoRoom(t *testing.T) {
	tracer.WithoutSlots(t)
	l := openLive(t, tracer.Options{})
	client, server := l.connect()
	finish(t, client, server)
	var got []string
	for range 4 {
		e := l.next()
		if e.Process.PID != uint32(os.Getpid()) {
			t.Errorf("got %v, want one of process %d", e, os.Getpid())
		}
		got = append(got, fmt.Sprint(e.Kind, " ", e.Direction))
	}
	l.noMore()
	want := []string{"open outgoing", "open incoming", "close outgoing", "close incoming"}
	if diff := cmp.Diff(want, got, sorted); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

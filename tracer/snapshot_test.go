//go:build linux

package tracer_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/tracer"
)

// TestSnapshotMany has more connections open than the kernel hands out at a time.
func TestSnapshotMany(t *testing.T) {
	const n = 1500 // 3,000 descriptors; the limit is 4,096 or more
	l := before(t)
	for range n {
		l.connect()
	}
	l.open(tracer.Options{})
	seen := make(map[string]int)
	for range l.Stats().Snapshot {
		e := l.next()
		if e.Process.PID != uint32(os.Getpid()) {
			t.Fatalf("got %v, want one of process %d", e, os.Getpid())
		}
		seen[e.Local.String()+" "+e.Remote.String()]++
	}
	l.noMore()
	if len(seen) != 2*n || l.Stats().Snapshot != 2*n {
		t.Errorf("got %d events of %d ends of connections, want %d", l.Stats().Snapshot, len(seen), 2*n)
	}
	l.wantLost(tracer.Lost{})
}

// TestSnapshotInFlight begins while no process has a descriptor of one end of a
// connection.
func TestSnapshotInFlight(t *testing.T) {
	l := before(t)
	_, server := l.connect()
	post(t, server)
	l.open(tracer.Options{})
	l.wantNext("open outgoing snapshot")
	l.noMore()
	l.wantLost(tracer.Lost{Unowned: 1})
}

// post puts a connection into a message that nobody receives, and nowhere else.
func post(t *testing.T, c net.Conn) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Close(pair[0])
		unix.Close(pair[1])
	})
	f := fileOf(t, c)
	if err := unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(int(f.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
	f.Close()
	c.Close()
}

// TestSnapshotMeanwhile makes more events during the snapshot than the ring buffer
// has room for.
func TestSnapshotMeanwhile(t *testing.T) {
	const n, size = 500, 128 << 10 // of some 960 events
	l := before(t)
	tracer.OnSnapshot(t, tracer.Patience, func() {
		for range n {
			client, server := l.connect()
			finish(t, client, server)
		}
	})
	l.open(tracer.Options{RingSize: size})
	for range 4 * n {
		if e := l.next(); e.Process.PID != uint32(os.Getpid()) {
			t.Fatalf("got %v, want one of process %d", e, os.Getpid())
		}
	}
	l.noMore()
	l.wantLost(tracer.Lost{})
}

// TestSnapshotNotBefore has a connection come, and into a message, during the
// snapshot: to a process that is not traced.
func TestSnapshotNotBefore(t *testing.T) {
	l := before(t)
	tracer.OnSnapshot(t, 10*time.Millisecond, func() {
		_, server := l.connect()
		post(t, server)
	})
	l.open(tracer.Options{PIDs: []uint32{1}})
	l.noMore()
	l.wantLost(tracer.Lost{})
}

// TestSnapshotLocked keeps a socket locked: its process is about to copy what it
// sends, and waits for that.
func TestSnapshotLocked(t *testing.T) {
	l := before(t)
	client, server := l.connect()
	f := fileOf(t, client)
	defer f.Close()
	x := newTrap(t)
	fd := int(f.Fd()) // calls block from here on
	sent := make(chan error, 1)
	go func() {
		_, err := unix.Write(fd, x.page)
		sent <- err
	}()
	x.wait()
	tracer.WalkFor(t, 100*time.Millisecond)
	l.open(tracer.Options{})
	if s := l.Stats(); !strings.Contains(fmt.Sprint(s.Missing), "locked") {
		t.Errorf("missing: got %q, want that a socket is locked", s.Missing)
	}
	x.release()
	if err := <-sent; err != nil {
		t.Error(err)
	}
	f.Close()
	l.wantNext("open outgoing snapshot", "open incoming snapshot")
	finish(t, client, server)
	l.wantNext("close outgoing snapshot", "close incoming snapshot")
	l.noMore()
}

// TestNoNamespace traces none, and so sees nothing of this process.
func TestNoNamespace(t *testing.T) {
	l := before(t)
	l.connect()
	var err error
	if l.Tracer, err = tracer.Open(&tracer.Options{NetNS: []uint32{}, AcceptHook: acceptHook(t)}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, server := l.connect()
	finish(t, client, server)
	l.noMore()
	l.wantLost(tracer.Lost{})
}

// holdProgram says that it has descriptor 3, and keeps it.
func holdProgram(c *netlab.Console, _ []string) error {
	if _, err := unix.Getpeername(3); err != nil {
		return err
	}
	if err := c.Printf("held"); err != nil {
		return err
	}
	return c.WaitEOF()
}

// TestSnapshotHolders has two processes hold one end of a connection, and traces
// one of them or neither: what the others have is not missing.
func TestSnapshotHolders(t *testing.T) {
	l := before(t)
	_, server := l.connect()
	f := fileOf(t, server)
	child := netlab.Current(t).Spawn(t, netlab.Spec{Program: "hold", Files: []*os.File{f}})
	f.Close()
	if got := child.ReadLine(); got != "held" {
		t.Fatalf("the child says %q", got)
	}
	older, younger := uint32(os.Getpid()), uint32(child.PID())
	for _, tt := range []struct {
		name   string
		pids   []uint32
		owners []uint32 // of the ends
	}{
		{"both", []uint32{older, younger}, []uint32{older, older}},
		{"the older", []uint32{older}, []uint32{older, older}},
		{"the younger", []uint32{younger}, []uint32{younger}},
		{"neither", []uint32{1}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := &live{t: t, ns: l.ns}
			l.open(tracer.Options{PIDs: tt.pids})
			for _, want := range tt.owners {
				if e := l.next(); e.Process.PID != want {
					t.Errorf("got %v, want one of process %d", e, want)
				}
			}
			l.noMore()
			l.wantLost(tracer.Lost{})
		})
	}
}

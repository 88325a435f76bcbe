package netlab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// threadNS returns the inode of the calling thread's network namespace.
func threadNS() (uint32, error) {
	var st unix.Stat_t
	err := unix.Stat("/proc/thread-self/ns/net", &st)
	return uint32(st.Ino), err
}

func TestNew(t *testing.T) {
	a, b, own := New(t), New(t), Current(t)
	if a.Inode() == b.Inode() || a.Inode() == own.Inode() {
		t.Errorf("inodes of two namespaces and of the test's own: %d, %d, %d, want three different ones",
			a.Inode(), b.Inode(), own.Inode())
	}
	for _, ns := range []*NS{a, b, own} {
		var st unix.Stat_t
		if err := unix.Stat(ns.Path(), &st); err != nil {
			t.Fatal(err)
		}
		if got := uint32(st.Ino); got != ns.Inode() {
			t.Errorf("inode of %s: got %d, want %d", ns.Path(), got, ns.Inode())
		}
	}
	a.Do(t, func() {
		devs, err := net.Interfaces()
		if err != nil {
			t.Fatal(err)
		}
		if len(devs) == 0 || devs[0].Name != "lo" || devs[0].Flags&net.FlagUp == 0 {
			t.Errorf("interfaces of a new namespace: got %v, want lo, up", devs)
		}
	})
}

func TestRun(t *testing.T) {
	a, b, current := New(t), New(t), Current(t)
	own, err := threadNS()
	if err != nil {
		t.Fatal(err)
	}
	var got []uint32
	note := func() error {
		ino, err := threadNS()
		got = append(got, ino)
		return err
	}
	err = errors.Join(
		note(),
		a.Run(func() error {
			return errors.Join(note(), b.Run(note), a.Run(note), current.Run(note), note())
		}),
		note(),
	)
	if err != nil {
		t.Fatal(err)
	}
	want := []uint32{own, a.Inode(), b.Inode(), a.Inode(), own, a.Inode(), own}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("namespaces before, in and after nested runs (-want +got):\n%s", diff)
	}
}

func TestRunError(t *testing.T) {
	ns, want := New(t), errors.New("no such luck")
	if got := ns.Run(func() error { return want }); got != want {
		t.Errorf("Run: got error %v, want %v", got, want)
	}
}

func TestRunGoexit(t *testing.T) {
	ns := New(t)
	got := verdict(t, func(tb testing.TB) {
		ns.Do(tb, func() { tb.Fatalf("within") })
		tb.Fatalf("after")
	})
	if want := "fatal: within"; got != want {
		t.Errorf("a test that ends within Do: got %q, want %q", got, want)
	}
}

func TestRunAfterTest(t *testing.T) {
	Require(t)
	var ns *NS
	t.Run("owner", func(t *testing.T) { ns = New(t) })
	err := ns.Run(func() error { return nil })
	if !errors.Is(err, os.ErrClosed) {
		t.Errorf("Run after the test's end: got %v, want an error that is %v", err, os.ErrClosed)
	}
}

// TestRunConcurrent shows that a thread that was in a namespace serves nobody
// else, however many run at once.
func TestRunConcurrent(t *testing.T) {
	spaces := []*NS{New(t), New(t), Current(t)}
	own := spaces[2].Inode()
	before := takeSnapshot()
	errs := make(chan error, 200)
	var wg sync.WaitGroup
	for i := range cap(errs) {
		wg.Go(func() {
			ns := spaces[i%len(spaces)]
			errs <- ns.Run(func() error {
				runtime.Gosched()
				return inNS(ns.Inode())
			})
			if err := inNS(own); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	waitForNone(t, before)
}

// inNS checks the network namespace of the calling thread.
func inNS(want uint32) error {
	got, err := threadNS()
	if err == nil && got != want {
		err = fmt.Errorf("thread %d is in network namespace %d, want %d", unix.Gettid(), got, want)
	}
	return err
}

// TestMainThreadStaysClean holds so many threads at once that the main one is
// offered too, and looks at what /proc/self says.
func TestMainThreadStaysClean(t *testing.T) {
	ns := New(t)
	const n = 50
	var all, wg sync.WaitGroup
	all.Add(n)
	for range n {
		wg.Go(func() {
			err := ns.Run(func() error {
				all.Done()
				all.Wait()
				if unix.Gettid() == unix.Getpid() {
					return errors.New("ran on the main thread")
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var st unix.Stat_t
	if err := unix.Stat("/proc/self/ns/net", &st); err != nil {
		t.Fatal(err)
	}
	if got, want := uint32(st.Ino), Current(t).Inode(); got != want {
		t.Errorf("network namespace of the main thread: got %d, want %d", got, want)
	}
}

func TestSysctl(t *testing.T) {
	ns := New(t)
	ns.Sysctl(t, "net.ipv4.ip_local_port_range", "20000 20003")
	ns.Sysctl(t, "net/ipv4/tcp_syn_retries", "1")
	ln, err := ns.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if got := addrPort(ln.Addr()).Port(); got < 20000 || got > 20003 {
		t.Errorf("a port of the range 20000 to 20003: got %d", got)
	}
	ns.Do(t, func() {
		got, err := os.ReadFile("/proc/sys/net/ipv4/tcp_syn_retries")
		if string(got) != "1\n" || err != nil {
			t.Errorf("tcp_syn_retries: got %q, %v, want 1", got, err)
		}
	})
	for name, value := range map[string]string{"net.no.such": "1", "net.ipv4.tcp_syn_retries": "many"} {
		got := verdict(t, func(tb testing.TB) { ns.Sysctl(tb, name, value) })
		if !strings.HasPrefix(got, "fatal: netlab: sysctl "+name) {
			t.Errorf("Sysctl(%q, %q): got %q, want an error that names it", name, value, got)
		}
	}
}

// TestCurrentIsSpared shows that a test cannot change the machine's own network.
func TestCurrentIsSpared(t *testing.T) {
	own, other := Current(t), New(t)
	for name, change := range map[string]func(testing.TB){
		"Sysctl":      func(tb testing.TB) { own.Sysctl(tb, "net.ipv4.ip_forward", "0") },
		"AddAddr":     func(tb testing.TB) { own.AddAddr(tb, "lo", netip.MustParsePrefix("127.9.9.9/8")) },
		"Veth":        func(tb testing.TB) { Veth(tb, own, other, nil, nil) },
		"Veth's peer": func(tb testing.TB) { Veth(tb, other, own, nil, nil) },
	} {
		if got := verdict(t, change); !strings.Contains(got, "refused to change") {
			t.Errorf("%s of the test's own namespace: got %q, want a refusal", name, got)
		}
	}
}

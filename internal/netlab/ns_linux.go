package netlab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// NS is a network namespace. It is kept alive by a descriptor, which is closed
// when the test ends, and by every socket and process in it. The methods may
// be called from any goroutine at any time, except that those that take a
// [testing.TB] must be called from that test's goroutine.
type NS struct {
	file  *os.File
	path  string
	inode uint32
	own   bool // the test's own namespace: nothing to enter, nothing to change
	veths atomic.Int32
}

// Require skips the test if it cannot make network namespaces and veth pairs
// here, which takes Linux and root; see [Skip]. [New] includes it.
func Require(t testing.TB) {
	t.Helper()
	if err := available(); err != nil {
		if errors.Is(err, os.ErrPermission) {
			err = fmt.Errorf("%w (run as root: go test -exec sudo)", err)
		}
		Skip(t, fmt.Sprintf("no network namespaces here: %v", err))
	}
}

// available tries once what the tests need.
var available = sync.OnceValue(func() error {
	ns, err := newNS()
	if err != nil {
		return err
	}
	defer ns.file.Close()
	_, _, err = veth(ns, ns)
	return err
})

// New makes an empty network namespace with its loopback interface up. IPv6
// addresses in it are usable as soon as they are added (no duplicate address
// detection), and it makes none of its own accord. [Require] is called first.
func New(t testing.TB) *NS {
	t.Helper()
	Require(t)
	ns, err := newNS()
	if err != nil {
		t.Fatalf("netlab: %v", err)
	}
	t.Cleanup(func() { ns.file.Close() })
	return ns
}

// Current returns the network namespace that the test itself runs in. It needs
// no privilege. It is there to start processes in; it cannot be changed.
func Current(t testing.TB) *NS {
	t.Helper()
	ns, err := openNS()
	if err != nil {
		t.Fatalf("netlab: %v", err)
	}
	ns.own = true
	t.Cleanup(func() { ns.file.Close() })
	return ns
}

func newNS() (ns *NS, err error) {
	onThread(func() {
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			err = fmt.Errorf("make a network namespace: %w", err)
			return
		}
		if ns, err = openNS(); err != nil {
			return
		}
		if err = configure(); err != nil {
			ns.file.Close()
		}
	})
	return ns, err
}

// openNS returns the calling thread's network namespace.
func openNS() (*NS, error) {
	f, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("open the network namespace: %w", err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		f.Close()
		return nil, fmt.Errorf("stat the network namespace: %w", err)
	}
	path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd())
	return &NS{file: f, path: path, inode: uint32(st.Ino)}, nil
}

// configure prepares the calling thread's new network namespace.
func configure() error {
	if hasIPv6() {
		for _, s := range []struct{ name, value string }{
			{"net.ipv6.conf.all.disable_ipv6", "0"},
			{"net.ipv6.conf.default.disable_ipv6", "0"},
			{"net.ipv6.conf.default.accept_dad", "0"},
			{"net.ipv6.conf.default.accept_ra", "0"},
			{"net.ipv6.conf.default.router_solicitations", "0"},
			{"net.ipv6.conf.default.addr_gen_mode", "1"}, // IN6_ADDR_GEN_MODE_NONE
		} {
			if err := writeSysctl(s.name, s.value); err != nil {
				return err
			}
		}
	}
	return linkUp("lo")
}

// hasIPv6 reports whether the calling thread's network namespace has IPv6.
func hasIPv6() bool {
	_, err := os.Stat("/proc/sys/net/ipv6")
	return err == nil
}

// Inode returns the inode number by which the kernel names the namespace, as
// in net:[4026531840].
func (ns *NS) Inode() uint32 { return ns.inode }

// Path returns a path that names the namespace for as long as the test runs.
// Any process may open it, to enter the namespace, that may inspect this one.
func (ns *NS) Path() string { return ns.path }

// Run calls fn on a thread inside the namespace, waits for it, and returns its
// error. Goroutines that fn starts are outside of the namespace. If fn ends its
// goroutine, as [testing.T.Fatal] does, then Run ends the caller's, so tests
// may fail within. It may be nested and called concurrently.
func (ns *NS) Run(fn func() error) error {
	var err error
	returned := false
	onThread(func() {
		if err = ns.enter(); err == nil {
			err = fn()
		}
		returned = true
	})
	if !returned {
		runtime.Goexit()
	}
	return err
}

// Do is [NS.Run] for a function that reports its errors to the test itself.
func (ns *NS) Do(t testing.TB, fn func()) {
	t.Helper()
	if err := ns.Run(func() error { fn(); return nil }); err != nil {
		t.Fatal(err)
	}
}

// enter moves the calling thread into the namespace. It must be one of
// [onThread].
func (ns *NS) enter() error {
	if ns.own {
		return nil
	}
	return ns.withFD(func(fd int) error {
		if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter the network namespace: %w", err)
		}
		return nil
	})
}

// withFD calls fn with the namespace's descriptor, which stays open meanwhile.
func (ns *NS) withFD(fn func(fd int) error) error {
	var err error
	conn, connErr := ns.file.SyscallConn()
	if connErr == nil {
		connErr = conn.Control(func(fd uintptr) { err = fn(int(fd)) })
	}
	if connErr != nil { // the one thing that can be wrong with the file
		return fmt.Errorf("the network namespace is used after its test: %w", os.ErrClosed)
	}
	return err
}

// Sysctl sets a kernel parameter of the namespace, such as
// net.ipv4.ip_local_port_range. A name that contains a slash is taken to be in
// the form with slashes, where an interface name may contain dots.
func (ns *NS) Sysctl(t testing.TB, name, value string) {
	t.Helper()
	if err := ns.change(func() error { return writeSysctl(name, value) }); err != nil {
		t.Fatalf("netlab: %v", err)
	}
}

var errOwn = errors.New("refused to change the test's own network namespace: use one of netlab.New")

// change is [NS.Run] for what alters the namespace: it spares the test's own.
func (ns *NS) change(fn func() error) error {
	if ns.own {
		return errOwn
	}
	return ns.Run(fn)
}

func writeSysctl(name, value string) error {
	path := name
	if !strings.Contains(name, "/") {
		path = strings.ReplaceAll(name, ".", "/")
	}
	f, err := os.OpenFile(filepath.Join("/proc/sys", path), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("sysctl %s: %w", name, err)
	}
	defer f.Close()
	if _, err := f.WriteString(value); err != nil {
		return fmt.Errorf("sysctl %s=%s: %w", name, value, err)
	}
	return nil
}

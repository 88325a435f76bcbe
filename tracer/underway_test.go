//go:build linux

package tracer_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer"
)

// Of include/uapi/linux/userfaultfd.h.
const (
	uffdioAPI      = 0xc018aa3f
	uffdioRegister = 0xc020aa00
	uffdioZeropage = 0xc020aa04
	uffdAPI        = 0xaa
	uffdMissing    = 1
)

// trap is a page of memory. Whoever touches it waits until it is released.
type trap struct {
	t    *testing.T
	fd   int
	page []byte
}

func newTrap(t *testing.T) *trap {
	t.Helper()
	fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC, 0, 0)
	if errno != 0 {
		t.Skipf("this kernel has no userfaultfd: %v", errno)
	}
	t.Cleanup(func() { unix.Close(int(fd)) })
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	x := &trap{t, int(fd), page}
	x.ioctl(uffdioAPI, uffdAPI, 0, 0)
	x.ioctl(uffdioRegister, x.addr(), uint64(len(page)), uffdMissing, 0)
	return x
}

func (x *trap) addr() uint64 { return uint64(uintptr(unsafe.Pointer(&x.page[0]))) }

func (x *trap) ioctl(request uintptr, args ...uint64) {
	x.t.Helper()
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(x.fd), request, uintptr(unsafe.Pointer(&args[0]))); errno != 0 {
		x.t.Fatalf("userfaultfd, request %#x: %v", request, errno)
	}
}

// wait waits until somebody has stepped in.
func (x *trap) wait() {
	x.t.Helper()
	var message [32]byte
	if n, err := unix.Read(x.fd, message[:]); n != len(message) {
		x.t.Fatalf("userfaultfd: read %d bytes, %v", n, err)
	}
}

func (x *trap) release() { x.ioctl(uffdioZeropage, x.addr(), uint64(len(x.page)), 0, 0) }

// TestAcceptUnderWay begins to trace while an accept has passed the hook, and has
// no descriptor yet: it waits to write the peer's address.
func TestAcceptUnderWay(t *testing.T) {
	ns := netlab.New(t)
	ln, err := ns.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := ns.Dial(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	f := blocking(t, ln)
	defer f.Close()
	x := newTrap(t)
	accepted := make(chan int, 1)
	go func() {
		size := uint32(unix.SizeofSockaddrInet4)
		fd, _, errno := unix.Syscall6(unix.SYS_ACCEPT4, f.Fd(), uintptr(x.addr()), uintptr(unsafe.Pointer(&size)), unix.SOCK_CLOEXEC, 0, 0)
		if errno != 0 {
			t.Errorf("accept4: %v", errno)
		}
		accepted <- int(fd)
	}()
	x.wait()
	// Longer than the walks take, and long before it is waited for in vain.
	const held, wait = 50 * time.Millisecond, 500 * time.Millisecond
	tracer.OnSnapshot(t, wait, func() { time.AfterFunc(held, x.release) })
	l := &live{t: t, ns: ns, ln: ln}
	l.Tracer, err = tracer.Open(&tracer.Options{NetNS: []uint32{ns.Inode()}, AcceptHook: acceptHook(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	server := <-accepted
	if port := binary.BigEndian.Uint16(x.page[2:]); port != addrPort(client.LocalAddr()).Port() {
		t.Errorf("accepted from port %d, want that of %v", port, client.LocalAddr())
	}
	owner := traceformat.OwnerSnapshot
	if l.Stats().Accept == tracer.AcceptTracepoint {
		owner = traceformat.OwnerDirect // its hook is the end of the system call
	}
	l.wantNext("open outgoing snapshot", fmt.Sprintf("open incoming %v", owner))
	unix.Close(server)
	client.Close()
	l.wantNext("close outgoing snapshot", fmt.Sprintf("close incoming %v", owner))
	l.noMore()
}

// TestSecondAcceptHook has accepts miss the first of their two hooks, as they do
// where the kernel skips it.
func TestSecondAcceptHook(t *testing.T) {
	const unaccepted = 100 * time.Millisecond
	l := openLive(t, tracer.Options{Unaccepted: unaccepted})
	if !l.DropAccept(t) {
		t.Skipf("there is one hook of accept at the most: %v", l.Stats().Hooks)
	}
	client, server := l.connect()
	l.wantNext("open outgoing direct", "open incoming direct")
	finish(t, client, server)
	l.wantNext("close outgoing direct", "close incoming direct")
	client = l.dial()
	l.wantNext("open outgoing direct", "open incoming listener") // when it has waited for so long
	finish(t, client, l.accept())
	l.wantNext("close outgoing direct", "close incoming direct")
	l.noMore()
	if lost := l.lost(); lost != (tracer.Lost{}) {
		t.Errorf("lost: got %+v, want nothing", lost)
	}
}

// blocking returns a listener's descriptor, of which calls block.
func blocking(t *testing.T, ln net.Listener) *os.File {
	t.Helper()
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

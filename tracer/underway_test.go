//go:build linux

package tracer_test

import (
	"encoding/binary"
	"net"
	"os"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

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
	t.Run("for a while", func(t *testing.T) {
		// Longer than the walks take.
		a := newAcceptUnderWay(t, tracer.Patience, func(x *trap) { time.AfterFunc(50*time.Millisecond, x.release) })
		a.wantLost(tracer.Lost{})
		a.finish("snapshot")
	})
	t.Run("for too long", func(t *testing.T) {
		a := newAcceptUnderWay(t, 10*time.Millisecond, func(*trap) {})
		a.wantLost(tracer.Lost{Unowned: 1})
		a.x.release()
		a.finish("")
	})
}

// acceptUnderWay is a tracer that began during an accept.
type acceptUnderWay struct {
	*live
	x        *trap
	client   net.Conn
	accepted chan int
}

func newAcceptUnderWay(t *testing.T, patience time.Duration, begun func(*trap)) *acceptUnderWay {
	t.Helper()
	a := &acceptUnderWay{live: before(t), accepted: make(chan int, 1)}
	a.client = a.dial()
	f := fileOf(t, a.ln) // of which calls block
	t.Cleanup(func() { f.Close() })
	a.x = newTrap(t)
	go func() {
		size := uint32(unix.SizeofSockaddrInet4)
		fd, _, errno := unix.Syscall6(unix.SYS_ACCEPT4, f.Fd(), uintptr(a.x.addr()), uintptr(unsafe.Pointer(&size)), unix.SOCK_CLOEXEC, 0, 0)
		if errno != 0 {
			t.Errorf("accept4: %v", errno)
		}
		a.accepted <- int(fd)
	}()
	a.x.wait()
	tracer.OnSnapshot(t, patience, func() { begun(a.x) })
	a.open(tracer.Options{})
	return a
}

// finish ends the connection, whose accepted end is to be reported as that owner's,
// or not at all if it is "".
func (a *acceptUnderWay) finish(owner string) {
	a.t.Helper()
	server := <-a.accepted
	if port := binary.BigEndian.Uint16(a.x.page[2:]); port != addrPort(a.client.LocalAddr()).Port() {
		a.t.Errorf("accepted from port %d, want that of %v", port, a.client.LocalAddr())
	}
	if a.Stats().Accept == tracer.AcceptTracepoint {
		owner = "direct" // its hook is the end of the system call
	}
	for _, kind := range []string{"open", "close"} {
		if kind == "close" {
			unix.Close(server)
			a.client.Close()
		}
		want := []string{kind + " outgoing snapshot"}
		if owner != "" {
			want = append(want, kind+" incoming "+owner)
		}
		a.wantNext(want...)
	}
	a.noMore()
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
	l.wantLost(tracer.Lost{})
}

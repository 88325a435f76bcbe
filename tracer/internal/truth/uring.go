//go:build linux

package truth

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// From include/uapi/linux/io_uring.h.
const (
	uringOpAccept    = 13
	uringOpConnect   = 16
	uringGetEvents   = 1
	uringOffSQRing   = 0
	uringOffCQRing   = 0x8000000
	uringOffSQEs     = 0x10000000
	uringEntries     = 4
	sqeSize, cqeSize = 64, 16
)

type uringParams struct {
	sqEntries, cqEntries, flags, sqThreadCPU, sqThreadIdle, features, wqFD uint32
	_                                                                      [3]uint32

	sq struct {
		head, tail, ringMask, ringEntries, flags, dropped, array, _ uint32
		_                                                           uint64
	}
	cq struct {
		head, tail, ringMask, ringEntries, overflow, cqes, flags, _ uint32
		_                                                           uint64
	}
}

// sqe is the part of a struct io_uring_sqe that accept and connect need.
type sqe struct {
	opcode, flags uint8
	_             uint16
	fd            int32
	off, addr     uint64
	len, opFlags  uint32
	userData      uint64
	_             [3]uint64
}

type cqe struct {
	userData uint64
	res      int32
	flags    uint32
}

// ring is an io_uring on which one call is made at a time. It lives as long as
// its process.
type ring struct {
	mu           sync.Mutex
	fd           int
	p            uringParams
	sq, cq, sqes []byte
}

func newRing() (*ring, error) {
	var r ring
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, uringEntries, uintptr(unsafe.Pointer(&r.p)), 0)
	if errno != 0 {
		return nil, fmt.Errorf("io_uring_setup: %w", errno)
	}
	r.fd = int(fd)
	for _, m := range []struct {
		to     *[]byte
		offset int64
		size   uint32
	}{
		{&r.sq, uringOffSQRing, r.p.sq.array + 4*r.p.sqEntries},
		{&r.cq, uringOffCQRing, r.p.cq.cqes + cqeSize*r.p.cqEntries},
		{&r.sqes, uringOffSQEs, sqeSize * r.p.sqEntries},
	} {
		b, err := unix.Mmap(r.fd, m.offset, int(m.size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
		if err != nil {
			return nil, fmt.Errorf("map the io_uring: %w", errors.Join(err, unix.Close(r.fd)))
		}
		*m.to = b
	}
	return &r, nil
}

func word(b []byte, offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&b[offset])) }

// call makes one call and waits for its result.
func (r *ring) call(e sqe) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tail := atomic.LoadUint32(word(r.sq, r.p.sq.tail))
	i := tail & *word(r.sq, r.p.sq.ringMask)
	*(*sqe)(unsafe.Pointer(&r.sqes[i*sqeSize])) = e
	*word(r.sq, r.p.sq.array+4*i) = i
	atomic.StoreUint32(word(r.sq, r.p.sq.tail), tail+1)

	submit := uintptr(1)
	head := atomic.LoadUint32(word(r.cq, r.p.cq.head))
	for atomic.LoadUint32(word(r.cq, r.p.cq.tail)) == head {
		n, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), submit, 1, uringGetEvents, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return 0, fmt.Errorf("io_uring_enter: %w", errno)
		}
		submit -= min(submit, n)
	}
	res := (*cqe)(unsafe.Pointer(&r.cq[r.p.cq.cqes+cqeSize*(head&*word(r.cq, r.p.cq.ringMask))])).res
	atomic.StoreUint32(word(r.cq, r.p.cq.head), head+1)
	if res < 0 {
		return 0, unix.Errno(-res)
	}
	return int(res), nil
}

func (r *ring) accept(fd int) (int, error) {
	return r.call(sqe{opcode: uringOpAccept, fd: int32(fd), opFlags: unix.SOCK_CLOEXEC})
}

func (r *ring) connect(fd int, to netip.AddrPort) error {
	sa := &unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: to.Addr().As4()}
	*(*[2]byte)(unsafe.Pointer(&sa.Port)) = [2]byte{byte(to.Port() >> 8), byte(to.Port())}
	defer runtime.KeepAlive(sa) // the kernel reads it
	_, err := r.call(sqe{opcode: uringOpConnect, fd: int32(fd), addr: uint64(uintptr(unsafe.Pointer(sa))), off: unix.SizeofSockaddrInet4})
	return err
}

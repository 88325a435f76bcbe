//go:build linux

package truth

import (
	"fmt"
	"net/netip"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// chunk is how much is written and read at a time.
const chunk = 64 << 10

// doSocket carries out the requests that are about one TCP socket.
func doSocket(r *request, a *reply) (err error) {
	switch r.Op {
	case opSocket:
		a.FD, err = unix.Socket(r.Family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|r.Flags, r.Protocol)
		return err
	case opSetsockopt:
		return unix.SetsockoptInt(r.FD, r.Level, r.Option, int(r.N))
	case opLinger:
		return unix.SetsockoptLinger(r.FD, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	case opDrop:
		return drop(r.FD, r.N)
	case opBind:
		if err := bind(r.FD, r.Addr); err != nil {
			return err
		}
		a.Local, err = nameOf(unix.Getsockname(r.FD))
		return err
	case opListen:
		return unix.Listen(r.FD, int(r.N))
	case opConnect:
		err = connect(r.FD, r.Addr)
		if err != nil && err != unix.EINPROGRESS {
			return err
		}
		if named := endpoints(r.FD, a); err == nil {
			return named
		}
		return err
	case opConnected:
		return connected(r.FD, a)
	case opDisconnect:
		return Disconnect(r.FD)
	case opAccept:
		if a.FD, err = accept(r.FD); err != nil {
			return err
		}
		return endpoints(a.FD, a)
	case opFastOpen:
		to, err := sockaddr(r.FD, r.Addr)
		if err != nil {
			return err
		}
		n, err := unix.SendmsgN(r.FD, make([]byte, r.N), nil, to, unix.MSG_FASTOPEN|unix.MSG_NOSIGNAL)
		a.N = int64(n)
		if err != nil {
			return err
		}
		return endpoints(r.FD, a)
	case opWrite:
		a.N, err = write(r.FD, r.N)
		return err
	case opRead:
		a.N, err = read(r.FD, r.N)
		return err
	case opReadable:
		return poll(r.FD, unix.POLLIN)
	case opRetransmits:
		info, err := unix.GetsockoptTCPInfo(r.FD, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil {
			a.N = int64(info.Total_retrans)
		}
		return err
	case opOptions:
		info, err := unix.GetsockoptTCPInfo(r.FD, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil {
			a.N = int64(info.Options)
		}
		return err
	case opShutdown:
		return unix.Shutdown(r.FD, unix.SHUT_WR)
	case opClose:
		return unix.Close(r.FD)
	}
	return fmt.Errorf("no operation %q", r.Op)
}

func orNil(errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

// sockaddr is an address as a socket wants it: one of IPv6 has IPv4 mapped.
func sockaddr(fd int, a netip.AddrPort) (unix.Sockaddr, error) {
	family, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return nil, err
	}
	if family == unix.AF_INET {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}, nil
	}
	zone, _ := strconv.ParseUint(a.Addr().Zone(), 10, 32) // without a zone: 0
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16(), ZoneId: uint32(zone)}, nil
}

func bind(fd int, a netip.AddrPort) error {
	sa, err := sockaddr(fd, a)
	if err != nil {
		return err
	}
	return unix.Bind(fd, sa)
}

func connect(fd int, a netip.AddrPort) error {
	sa, err := sockaddr(fd, a)
	if err != nil {
		return err
	}
	return unix.Connect(fd, sa)
}

// Disconnect resets the connection of a socket, which can connect or listen again.
func Disconnect(fd int) error {
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&unix.RawSockaddr{Family: unix.AF_UNSPEC})), unix.SizeofSockaddrInet4)
	return orNil(errno)
}

func accept(fd int) (int, error) {
	for {
		child, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
		if err != unix.EINTR {
			return child, err
		}
	}
}

// connected waits for the end of a connect that did not block.
func connected(fd int, a *reply) error {
	if err := poll(fd, unix.POLLOUT); err != nil {
		return err
	}
	// Kernels before 6.10 wake whoever waits before they close the socket, and
	// to read the error takes it from it: the tracer would find none.
	for {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil || info.State != unix.BPF_TCP_SYN_SENT {
			break
		}
		time.Sleep(100 * time.Microsecond)
	}
	errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if errno != 0 {
		return unix.Errno(errno)
	}
	return endpoints(fd, a)
}

func poll(fd int, events int16) error {
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, -1)
		if err != unix.EINTR {
			return err
		}
	}
}

// endpoints reads both names of a socket, as far as it has them.
func endpoints(fd int, a *reply) (err error) {
	if a.Local, err = nameOf(unix.Getsockname(fd)); err != nil {
		return fmt.Errorf("getsockname: %w", err)
	}
	a.Remote, err = nameOf(unix.Getpeername(fd))
	if err == unix.ENOTCONN { // in SYN_SENT
		return nil
	}
	if err != nil {
		return fmt.Errorf("getpeername: %w", err)
	}
	return nil
}

func nameOf(sa unix.Sockaddr, err error) (netip.AddrPort, error) {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)), nil
	case *unix.SockaddrInet6:
		addr := netip.AddrFrom16(sa.Addr).Unmap()
		if sa.ZoneId != 0 {
			addr = addr.WithZone(strconv.FormatUint(uint64(sa.ZoneId), 10))
		}
		return netip.AddrPortFrom(addr, uint16(sa.Port)), nil
	}
	return netip.AddrPort{}, err
}

// write writes n bytes. It returns how many the kernel took.
func write(fd int, n int64) (done int64, err error) {
	buf := make([]byte, chunk)
	for done < n {
		m, err := unix.SendmsgN(fd, buf[:min(n-done, chunk)], nil, nil, unix.MSG_NOSIGNAL)
		switch err {
		case nil:
			done += int64(m)
		case unix.EINTR:
		case unix.EAGAIN:
			if err := poll(fd, unix.POLLOUT); err != nil {
				return done, err
			}
		default:
			return done, err
		}
	}
	return done, nil
}

// read reads n bytes, or to the end if n is negative.
func read(fd int, n int64) (done int64, err error) {
	buf := make([]byte, chunk)
	for n < 0 || done < n {
		want := int64(chunk)
		if n >= 0 {
			want = min(n-done, chunk)
		}
		m, err := unix.Read(fd, buf[:want])
		switch err {
		case nil:
			if m == 0 {
				return done, nil
			}
			done += int64(m)
		case unix.EINTR:
		case unix.EAGAIN:
			if err := poll(fd, unix.POLLIN); err != nil {
				return done, err
			}
		default:
			return done, err
		}
	}
	return done, nil
}

// drop attaches a filter to a socket that drops permille of the segments that
// come for it, at random, before TCP sees them: all, or some, or none. A
// listener's filter is inherited by the connections that it accepts.
func drop(fd int, permille int64) error {
	const (
		dropIt    = 0
		keepAll   = 0xffffffff
		random    = 0xfffff000 + 56 // SKF_AD_OFF + SKF_AD_RANDOM, linux/filter.h
		threshold = 0xffffffff / 1000
	)
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: random},
		{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: uint32(permille) * threshold, Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: dropIt},
		{Code: unix.BPF_RET | unix.BPF_K, K: keepAll},
	}
	if permille >= 1000 {
		program = program[2:3]
	}
	if permille == 0 {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{
		Len:    uint16(len(program)),
		Filter: &program[0],
	})
}

// receiveFD receives one descriptor over a UNIX socket.
func receiveFD(sock int) (int, error) {
	oob := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(sock, make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil {
		return -1, err
	}
	if len(messages) != 1 {
		return -1, fmt.Errorf("%d control messages, not 1", len(messages))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return -1, err
	}
	return fds[0], nil
}

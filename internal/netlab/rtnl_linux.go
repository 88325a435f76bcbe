package netlab

import (
	"encoding/binary"
	"fmt"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// rtnlTimeout is how long the kernel may take to answer or to do what is
// waited for, in seconds: far longer than it needs, on any machine.
const rtnlTimeout = 30

// rtnl is a routing netlink socket. It belongs to the network namespace in
// which it was opened, on whatever thread it is used.
type rtnl struct {
	fd  int
	seq uint32
	buf []byte
}

// openRTNL opens a socket that receives the notifications of groups, a mask of
// RTMGRP_ bits.
func openRTNL(groups uint32) (*rtnl, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	c := &rtnl{fd: fd, buf: make([]byte, 64<<10)}
	err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: rtnlTimeout})
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups})
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("set up a netlink socket: %w", err)
	}
	return c, nil
}

func (c *rtnl) close() { unix.Close(c.fd) }

// request sends one message and returns what the kernel answers to it.
func (c *rtnl) request(typ, flags uint16, header any, attrs ...[]byte) error {
	c.seq++
	body := encode(header, attrs...)
	msg := encode(unix.NlMsghdr{
		Len:   uint32(unix.NLMSG_HDRLEN + len(body)),
		Type:  typ,
		Flags: unix.NLM_F_REQUEST | unix.NLM_F_ACK | flags,
		Seq:   c.seq,
	}, body)
	if err := unix.Sendto(c.fd, msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("send to netlink: %w", err)
	}
	var answer error
	err := c.await(func(m *syscall.NetlinkMessage) bool {
		if m.Header.Type != unix.NLMSG_ERROR || m.Header.Seq != c.seq || len(m.Data) < 4 {
			return false
		}
		if errno := int32(binary.NativeEndian.Uint32(m.Data)); errno != 0 {
			answer = unix.Errno(-errno)
		}
		return true
	})
	if err != nil {
		return err
	}
	return answer
}

// await receives messages until done returns true for one.
func (c *rtnl) await(done func(*syscall.NetlinkMessage) bool) error {
	for {
		n, _, err := unix.Recvfrom(c.fd, c.buf, 0)
		switch err {
		case nil:
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return fmt.Errorf("receive from netlink: nothing for %d seconds", rtnlTimeout)
		default:
			return fmt.Errorf("receive from netlink: %w", err)
		}
		msgs, err := syscall.ParseNetlinkMessage(c.buf[:n])
		if err != nil {
			return fmt.Errorf("parse what netlink sent: %w", err)
		}
		for i := range msgs {
			if done(&msgs[i]) {
				return nil
			}
		}
	}
}

// encode returns a fixed-size header in the machine's byte order, followed by
// parts that are encoded already.
func encode(header any, parts ...[]byte) []byte {
	b, err := binary.Append(nil, binary.NativeEndian, header)
	if err != nil {
		panic(err) // not a fixed-size value: a mistake in this package
	}
	return append(b, slices.Concat(parts...)...)
}

// attr encodes an attribute, padded to four bytes.
func attr(typ uint16, data ...[]byte) []byte {
	value := slices.Concat(data...)
	b := encode(unix.RtAttr{Len: uint16(unix.SizeofRtAttr + len(value)), Type: typ}, value)
	return append(b, make([]byte, -len(b)&3)...)
}

// attrs returns the attributes of a message by type; nil if it is malformed.
func attrs(m *syscall.NetlinkMessage) map[uint16][]byte {
	list, err := syscall.ParseNetlinkRouteAttr(m)
	if err != nil {
		return nil
	}
	byType := make(map[uint16][]byte, len(list))
	for _, a := range list {
		byType[a.Attr.Type] = a.Value
	}
	return byType
}

package netlab

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// vethInfoPeer is VETH_INFO_PEER of linux/veth.h.
const vethInfoPeer = 1

// Interface is a network interface in a namespace.
type Interface struct {
	// Name and Index name it within its namespace.
	Name  string
	Index int
	// LinkLocal is its IPv6 link-local address, without a zone. It is the
	// zero Addr where the kernel has no IPv6.
	LinkLocal netip.Addr
}

// Zone returns the zone of link-local addresses that are reached through the
// interface: its index in decimal, which needs no name to be looked up.
func (i Interface) Zone() string { return strconv.Itoa(i.Index) }

// Veth joins two namespaces by a pair of virtual Ethernet interfaces and
// returns a's end and b's. Each end gets its addresses, and a link-local one
// if the kernel has IPv6; both are up, and every address is usable, when Veth
// returns. Interfaces are named veth0, veth1 and so on in each namespace. The
// pair is gone with either namespace. a and b may be the same.
func Veth(t testing.TB, a, b *NS, addrsA, addrsB []netip.Prefix) (endA, endB Interface) {
	t.Helper()
	endA, endB, err := veth(a, b)
	if err != nil {
		t.Fatalf("netlab: %v", err)
	}
	a.AddAddr(t, endA.Name, addrsA...)
	b.AddAddr(t, endB.Name, addrsB...)
	return endA, endB
}

// AddAddr adds addresses to an interface of the namespace, such as "lo", and
// returns when they are usable.
func (ns *NS) AddAddr(t testing.TB, ifname string, addrs ...netip.Prefix) {
	t.Helper()
	err := ns.change(func() error {
		for _, addr := range addrs {
			if err := addAddr(ifname, addr); err != nil {
				return fmt.Errorf("add %v to interface %q: %w", addr, ifname, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("netlab: %v", err)
	}
}

// veth makes a pair, without addresses other than link-local ones.
func veth(a, b *NS) (endA, endB Interface, err error) {
	if a.own || b.own {
		return endA, endB, errOwn // an end in it would be there before b.change refuses
	}
	endA = Interface{Name: a.nextVeth()}
	endB = Interface{Name: b.nextVeth()}
	err = b.withFD(func(fd int) error {
		return a.change(func() error { return newVeth(endA.Name, endB.Name, fd) })
	})
	if err != nil {
		return endA, endB, fmt.Errorf("make a veth pair: %w", err)
	}
	// An end has a carrier when both ends are up.
	watchA, err := a.watch(unix.RTMGRP_LINK)
	if err != nil {
		return endA, endB, err
	}
	defer watchA.close()
	watchB, err := b.watch(unix.RTMGRP_LINK)
	if err != nil {
		return endA, endB, err
	}
	defer watchB.close()
	for _, up := range []func() error{
		func() error { return a.change(func() error { return linkUp(endA.Name) }) },
		func() error { return b.change(func() error { return linkUp(endB.Name) }) },
		func() error { return watchA.awaitRunning(endA.Name) },
		func() error { return watchB.awaitRunning(endB.Name) },
		func() error { return a.identify(&endA, "fe80::1/64") },
		func() error { return b.identify(&endB, "fe80::2/64") },
	} {
		if err := up(); err != nil {
			return endA, endB, fmt.Errorf("set up a veth pair: %w", err)
		}
	}
	return endA, endB, nil
}

func (ns *NS) nextVeth() string {
	return fmt.Sprintf("veth%d", ns.veths.Add(1)-1)
}

// watch opens a socket that receives what happens in the namespace from now on.
func (ns *NS) watch(groups uint32) (c *rtnl, err error) {
	err = ns.Run(func() error {
		c, err = openRTNL(groups)
		return err
	})
	return c, err
}

// identify completes an end of a pair: its index and its link-local address.
func (ns *NS) identify(i *Interface, linkLocal string) error {
	return ns.change(func() error {
		dev, err := net.InterfaceByName(i.Name)
		if err != nil {
			return err
		}
		i.Index = dev.Index
		if !hasIPv6() {
			return nil
		}
		addr := netip.MustParsePrefix(linkLocal)
		i.LinkLocal = addr.Addr()
		return addAddr(i.Name, addr)
	})
}

// newVeth makes a pair: an end in the calling thread's network namespace, its
// peer in that of a descriptor.
func newVeth(name, peer string, peerNS int) error {
	c, err := openRTNL(0)
	if err != nil {
		return err
	}
	defer c.close()
	return c.request(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, unix.IfInfomsg{},
		attr(unix.IFLA_IFNAME, []byte(name)),
		attr(unix.IFLA_LINKINFO,
			attr(unix.IFLA_INFO_KIND, []byte("veth")),
			attr(unix.IFLA_INFO_DATA,
				attr(vethInfoPeer,
					encode(unix.IfInfomsg{},
						attr(unix.IFLA_IFNAME, []byte(peer)),
						attr(unix.IFLA_NET_NS_FD, encode(uint32(peerNS))))))))
}

// linkUp sets an interface of the calling thread's network namespace up.
func linkUp(name string) error {
	c, err := openRTNL(0)
	if err != nil {
		return err
	}
	defer c.close()
	err = c.request(unix.RTM_NEWLINK, 0, unix.IfInfomsg{Flags: unix.IFF_UP, Change: unix.IFF_UP},
		attr(unix.IFLA_IFNAME, []byte(name)))
	if err != nil {
		return fmt.Errorf("set interface %q up: %w", name, err)
	}
	return nil
}

// awaitRunning waits until an interface is up and has a carrier.
func (c *rtnl) awaitRunning(name string) error {
	return c.await(func(m *syscall.NetlinkMessage) bool {
		const ready = unix.IFF_UP | unix.IFF_RUNNING | unix.IFF_LOWER_UP
		if m.Header.Type != unix.RTM_NEWLINK || len(m.Data) < unix.SizeofIfInfomsg {
			return false
		}
		flags := binary.NativeEndian.Uint32(m.Data[8:]) // IfInfomsg.Flags
		got, _, _ := bytes.Cut(attrs(m)[unix.IFLA_IFNAME], []byte{0})
		return flags&ready == ready && string(got) == name
	})
}

// addAddr adds an address to an interface of the calling thread's network
// namespace and returns when it is usable.
func addAddr(ifname string, p netip.Prefix) error {
	if !p.IsValid() || p.Addr().Zone() != "" {
		return fmt.Errorf("not a prefix of an address without a zone")
	}
	dev, err := net.InterfaceByName(ifname)
	if err != nil {
		return err
	}
	c, err := openRTNL(0)
	if err != nil {
		return err
	}
	defer c.close()
	// The kernel makes an IPv6 address usable later, in a work queue, which
	// ends with its local route.
	routes, err := openRTNL(unix.RTMGRP_IPV6_ROUTE)
	if err != nil {
		return err
	}
	defer routes.close()

	addr := p.Addr().AsSlice()
	header := unix.IfAddrmsg{
		Family:    unix.AF_INET6,
		Prefixlen: uint8(p.Bits()),
		Flags:     unix.IFA_F_NODAD,
		Index:     uint32(dev.Index),
	}
	if p.Addr().Is4() {
		header.Family, header.Flags = unix.AF_INET, 0
	}
	err = c.request(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, header,
		attr(unix.IFA_LOCAL, addr), attr(unix.IFA_ADDRESS, addr))
	if err != nil || p.Addr().Is4() {
		return err
	}
	return routes.awaitLocalRoute(addr, dev.Index)
}

// awaitLocalRoute waits until an IPv6 address of an interface is one to which
// the kernel delivers.
func (c *rtnl) awaitLocalRoute(addr []byte, index int) error {
	return c.await(func(m *syscall.NetlinkMessage) bool {
		if m.Header.Type != unix.RTM_NEWROUTE || len(m.Data) < unix.SizeofRtMsg ||
			m.Data[7] != unix.RTN_LOCAL { // RtMsg.Type
			return false
		}
		a := attrs(m)
		return bytes.Equal(a[unix.RTA_DST], addr) &&
			bytes.Equal(a[unix.RTA_OIF], encode(uint32(index)))
	})
}

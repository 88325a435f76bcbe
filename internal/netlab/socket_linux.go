package netlab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// Listen is [net.Listen] inside the namespace. The host of addr is empty or a
// literal IP address; a zone may be an interface's name or its index.
//
// Package net keeps one table of interface names for the whole process, so the
// zone in an address that the socket itself reports may be another namespace's
// name for that index.
func (ns *NS) Listen(network, addr string) (net.Listener, error) {
	var ln net.Listener
	err := ns.Run(func() error {
		addr, err := literal(addr)
		if err != nil {
			return err
		}
		ln, err = net.Listen(network, addr)
		return err
	})
	return ln, err
}

// Dial connects from inside the namespace, as [net.Dialer.DialContext] does,
// and with the addresses of [NS.Listen].
func (ns *NS) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var conn net.Conn
	err := ns.Run(func() error {
		addr, err := literal(addr)
		if err != nil {
			return err
		}
		conn, err = (&net.Dialer{}).DialContext(ctx, network, addr)
		return err
	})
	return conn, err
}

// literal checks that addr needs no resolver, since that would run on other
// threads and so outside of the calling thread's network namespace, and makes
// its zone numeric, since package net would look the name up in a table that
// may stem from another namespace.
func literal(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host == "" {
		return addr, err
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return "", fmt.Errorf("netlab: address %q: the host must be a literal IP address", addr)
	}
	if zone := ip.Zone(); zone != "" {
		if dev, err := net.InterfaceByName(zone); err == nil {
			ip = ip.WithZone(strconv.Itoa(dev.Index))
		} else if _, numErr := strconv.Atoi(zone); numErr != nil {
			return "", fmt.Errorf("netlab: address %q: zone %q: %w", addr, zone, err)
		}
	}
	return net.JoinHostPort(ip.String(), port), nil
}

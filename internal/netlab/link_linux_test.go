package netlab

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

func prefixes(list ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(list))
	for i, s := range list {
		all[i] = netip.MustParsePrefix(s)
	}
	return all
}

func addrPort(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }

// needIPv6 skips the test where a namespace has no IPv6.
func needIPv6(t *testing.T, ns *NS) {
	t.Helper()
	ns.Do(t, func() {
		if !hasIPv6() {
			Skip(t, "this kernel has no IPv6")
		}
	})
}

// exchange connects from one namespace to an address in another, where it
// listens at listen, and returns the peer that the server saw.
func exchange(t *testing.T, server *NS, listen string, client *NS, host string) netip.AddrPort {
	t.Helper()
	ln, err := server.Listen("tcp", net.JoinHostPort(listen, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	// The three-way handshake needs no Accept, so one goroutine does for both.
	conn, err := client.Dial(t.Context(), "tcp", net.JoinHostPort(host, port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		t.Fatal(err)
	}
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	got := make([]byte, 6)
	if _, err := io.ReadFull(accepted, got); err != nil || string(got) != "hello\n" {
		t.Errorf("received %q, %v, want %q", got, err, "hello\n")
	}
	return addrPort(accepted.RemoteAddr())
}

func TestVeth(t *testing.T) {
	a, b := New(t), New(t)
	needIPv6(t, a)
	// More veths in a than in b, so that the two ends differ in name and index.
	Veth(t, a, New(t), nil, nil)
	endA, endB := Veth(t, a, b,
		prefixes("10.1.0.1/24", "fd00:1::1/64"),
		prefixes("10.1.0.2/24", "fd00:1::2/64", "10.1.0.3/24"))
	wantA := Interface{Name: "veth1", LinkLocal: netip.MustParseAddr("fe80::1")}
	wantB := Interface{Name: "veth0", LinkLocal: netip.MustParseAddr("fe80::2")}
	opts := []cmp.Option{cmpopts.IgnoreFields(Interface{}, "Index"), cmpopts.EquateComparable(netip.Addr{})}
	if diff := cmp.Diff([]Interface{wantA, wantB}, []Interface{endA, endB}, opts...); diff != "" {
		t.Errorf("the two ends (-want +got):\n%s", diff)
	}

	for _, tt := range []struct {
		name           string
		server         *NS
		listen         string
		client         *NS
		host, wantPeer string
	}{
		{"v4", b, "10.1.0.2", a, "10.1.0.2", "10.1.0.1"},
		{"v4 back", a, "10.1.0.1", b, "10.1.0.1", "10.1.0.2"},
		{"v4 second address", b, "10.1.0.3", a, "10.1.0.3", "10.1.0.1"},
		{"v6", b, "fd00:1::2", a, "fd00:1::2", "fd00:1::1"},
		{"v6 back", a, "fd00:1::1", b, "fd00:1::1", "fd00:1::2"},
		{"v4 to a listener of both", b, "", a, "10.1.0.2", "::ffff:10.1.0.1"},
		{"link-local by index", b, "fe80::2%" + endB.Zone(), a, "fe80::2%" + endA.Zone(), "fe80::1"},
		{"link-local by name", b, "fe80::2%" + endB.Name, a, "fe80::2%" + endA.Name, "fe80::1"},
		{"link-local back", a, "fe80::1%veth1", b, "fe80::1%veth0", "fe80::2"},
		{"own v4 address", a, "10.1.0.1", a, "10.1.0.1", "10.1.0.1"},
		{"loopback v4", a, "127.0.0.1", a, "127.0.0.1", "127.0.0.1"},
		{"loopback v6", b, "::1", b, "::1", "::1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			peer := exchange(t, tt.server, tt.listen, tt.client, tt.host)
			if got := peer.Addr().WithZone("").String(); got != tt.wantPeer {
				t.Errorf("the server's peer: got %s, want %s", got, tt.wantPeer)
			}
		})
	}
}

func TestVethOneNamespace(t *testing.T) {
	ns := New(t)
	endA, endB := Veth(t, ns, ns, prefixes("10.1.0.1/24"), prefixes("10.2.0.1/24"))
	if endA.Name != "veth0" || endB.Name != "veth1" || endA.Index == endB.Index {
		t.Errorf("ends in one namespace: got %+v and %+v, want veth0 and veth1", endA, endB)
	}
	exchange(t, ns, "10.2.0.1", ns, "10.2.0.1")
}

// TestLoopbackIsSeparate has a server at one address and port in each of two
// namespaces, which do not hear of one another.
func TestLoopbackIsSeparate(t *testing.T) {
	a, b := New(t), New(t)
	needIPv6(t, a)
	for _, host := range []string{"127.0.0.1", "::1"} {
		inA, err := a.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer inA.Close()
		addr := addrPort(inA.Addr()).String()
		if _, err := b.Dial(t.Context(), "tcp", addr); !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("dial %s in the namespace without the server: got %v, want %v", addr, err, unix.ECONNREFUSED)
		}
		inB, err := b.Listen("tcp", addr)
		if err != nil {
			t.Errorf("listen at %s in the second namespace: %v", addr, err)
			continue
		}
		inB.Close()
	}
}

func TestAddAddr(t *testing.T) {
	ns := New(t)
	needIPv6(t, ns)
	ns.AddAddr(t, "lo", prefixes("192.0.2.7/32", "fd00::7/128")...)
	for _, host := range []string{"192.0.2.7", "fd00::7", "127.0.0.9"} {
		exchange(t, ns, host, ns, host)
	}
	for _, tt := range []struct {
		ifname string
		addr   netip.Prefix
		want   string
	}{
		{"lo", netip.MustParsePrefix("192.0.2.7/32"), `fatal: netlab: add 192.0.2.7/32 to interface "lo": file exists`},
		{"eth\n7", netip.MustParsePrefix("192.0.2.8/32"), `fatal: netlab: add 192.0.2.8/32 to interface "eth\n7": `},
		{"lo", netip.Prefix{}, `fatal: netlab: add invalid Prefix to interface "lo": not a prefix`},
	} {
		got := verdict(t, func(tb testing.TB) { ns.AddAddr(tb, tt.ifname, tt.addr) })
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("AddAddr(%q, %v): got %q, want %q", tt.ifname, tt.addr, got, tt.want)
		}
	}
}

// TestCleanup shows that the kernel has destroyed a namespace after its test:
// the pair that had an end in it vanishes from the other namespace.
func TestCleanup(t *testing.T) {
	Require(t)
	before := takeSnapshot()
	t.Run("both", func(t *testing.T) {
		a := New(t)
		events, err := a.watch(unix.RTMGRP_LINK)
		if err != nil {
			t.Fatal(err)
		}
		defer events.close()
		t.Run("one", func(t *testing.T) {
			b := New(t)
			Veth(t, a, b, prefixes("10.1.0.1/24"), prefixes("10.1.0.2/24"))
			b.Spawn(t, Spec{Program: "echo"}) // killed by the end of the test
			exchange(t, b, "10.1.0.2", a, "10.1.0.2")
		})
		err = events.await(func(m *syscall.NetlinkMessage) bool {
			return m.Header.Type == unix.RTM_DELLINK
		})
		if err != nil {
			t.Errorf("wait for the pair to vanish: %v", err)
		}
	})
	waitForNone(t, before)
}

func TestLiteral(t *testing.T) {
	for _, tt := range []struct{ addr, want, wantErr string }{
		{"10.1.0.1:80", "10.1.0.1:80", ""},
		{":80", ":80", ""},
		{"[::1]:80", "[::1]:80", ""},
		{"[fe80::1%1]:80", "[fe80::1%1]:80", ""},
		{"[fe80::1%lo]:80", "[fe80::1%1]:80", ""},
		{"[fe80::1%no such]:80", "", `netlab: address "[fe80::1%no such]:80": zone "no such": `},
		{"localhost:80", "", `netlab: address "localhost:80": the host must be a literal IP address`},
		{"10.1.0.1", "", "address 10.1.0.1: missing port in address"},
	} {
		var got string
		err := New(t).Run(func() (err error) {
			got, err = literal(tt.addr)
			return err
		})
		if got != tt.want && tt.wantErr == "" || (err != nil) != (tt.wantErr != "") {
			t.Errorf("literal(%q): got %q, %v, want %q, %q", tt.addr, got, err, tt.want, tt.wantErr)
		}
		if err != nil && !strings.HasPrefix(err.Error(), tt.wantErr) {
			t.Errorf("literal(%q): got error %q, want %q", tt.addr, err, tt.wantErr)
		}
	}
}

func TestDialCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(t).Dial(ctx, "tcp", "127.0.0.1:1"); !errors.Is(err, context.Canceled) {
		t.Errorf("Dial with a context that has ended: got %v, want an error that is %v", err, context.Canceled)
	}
}

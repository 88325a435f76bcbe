//go:build linux

package main

import "net/netip"

// scenario is a part of the workload: some servers, and then clients of theirs.
type scenario struct {
	name    string
	server  job
	servers int // processes with a listener each; 1 if it is 0
	client  job
	clients int  // processes, one after another; 1 if it is 0
	v6      bool // the family
	wire    bool // between two network namespaces; else on loopback
	refused bool // nobody listens
	blocked bool // servers are blocked in accept when the tool starts
	before  bool // connections are open when the tool starts
}

// The addresses of the workload, which are its own on any likely machine: what
// is said of others is never looked at. See [ours].
var (
	ourPrefixes = []netip.Prefix{
		netip.MustParsePrefix("127.211.0.0/16"),
		netip.MustParsePrefix("10.211.0.0/16"),
		netip.MustParsePrefix("fd00:211::/32"),
	}
	loopback4 = netip.MustParseAddr("127.211.0.1")
	loopback6 = netip.MustParseAddr("fd00:211::1")
	wireA     = []netip.Prefix{netip.MustParsePrefix("10.211.0.1/24"), netip.MustParsePrefix("fd00:211:1::1/64")}
	wireB     = []netip.Prefix{netip.MustParsePrefix("10.211.0.2/24"), netip.MustParsePrefix("fd00:211:1::2/64")}
)

// basePort is where the ports of the scenarios begin. Each server has its own,
// and ephemeral ports are used once, so that an end is known by its endpoints.
const basePort = 21000

func ours(a netip.Addr) bool {
	for _, p := range ourPrefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// addr is where a scenario's servers listen.
func (s *scenario) addr() netip.Addr {
	switch {
	case s.wire && s.v6:
		return wireB[1].Addr()
	case s.wire:
		return wireB[0].Addr()
	case s.v6:
		return loopback6
	default:
		return loopback4
	}
}

// conns is how many connections, or attempts, the scenario makes.
func (s *scenario) conns() int {
	j := &s.client
	return max(1, s.clients) * max(1, j.Threads) * j.Times * max(1, s.servers) * len(j.Sizes)
}

func connects(n int) job { return job{Do: doConnect, Times: n, Sizes: []int64{100}} }

var serve = job{Do: doServe}

// workload is what each tool is confronted with, in this order.
var workload = []scenario{
	{name: "IPv4, loopback", server: serve, client: connects(20)},
	{name: "IPv4, veth", server: serve, client: connects(20), wire: true},
	{name: "IPv6, loopback", server: serve, client: connects(10), v6: true},
	{name: "IPv6, veth", server: serve, client: connects(10), v6: true, wire: true},
	{name: "short-lived clients", server: serve, client: connects(1), clients: 20, wire: true},
	{name: "the server closes first", server: job{Do: doServe, ServerFirst: true}, client: job{Do: doConnect, Times: 20, Sizes: []int64{3}, ServerFirst: true}},
	{name: "4 pre-forked workers", server: job{Do: doServe, Workers: 4}, client: connects(16), wire: true},
	{name: "32 servers blocked in accept before the tool starts", server: serve, servers: 32, client: connects(2), blocked: true},
	{name: "320 connects by 16 threads of one process", server: serve, client: job{Do: doConnect, Times: 20, Threads: 16, Sizes: []int64{0}}},
	{name: "0 B, 1 B, 10 MB", server: serve, client: job{Do: doConnect, Times: 1, Sizes: []int64{0, 1, 10_000_000}}, wire: true},
	{name: "refused, IPv4", client: connects(5), refused: true},
	{name: "refused, IPv6", client: connects(5), refused: true, v6: true},
	{name: "open before the tool starts", server: serve, client: job{Do: doHold, Times: 1, Threads: 5, Sizes: []int64{100}}, wire: true, before: true},
}

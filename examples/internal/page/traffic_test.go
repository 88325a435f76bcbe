package page_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"example.com/tcpgraph/traceformat"
)

// traffic makes up the events of a number of processes that connect to each
// other, the same for the same seed: some web servers in front of many
// services, some of which use databases, with clients outside.
type traffic struct {
	rand      *rand.Rand
	now       time.Time
	processes []traceformat.Process
	addrs     []netip.Addr
	pairs     [][2]int // client, server
	ports     []uint16 // of each process
	next      uint16   // ephemeral port
	open      []conn
}

type conn struct {
	client, server int
	from, to       netip.AddrPort
	opened         time.Time
}

func newTraffic(processes, edges int) *traffic {
	f := &traffic{rand: rand.New(rand.NewPCG(1, 2)), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	kinds := []struct {
		name string
		port uint16
	}{{"nginx", 443}, {"checkout", 8080}, {"catalog", 8081}, {"search", 9200}, {"mailer", 25}, {"postgres", 5432}, {"redis-server", 6379}, {"prometheus", 9090}, {"curl", 0}, {"worker", 0}}
	for i := range processes {
		k := kinds[i%len(kinds)]
		f.processes = append(f.processes, traceformat.Process{
			PID: uint32(1000 + i), Command: k.name, StartTime: f.now.Add(-time.Hour), NetNS: uint32(4026531840 + i%4),
			Host: fmt.Sprintf("node-%d", i%3), Container: fmt.Sprintf("%s-%d", k.name, i%5), Exe: "/usr/bin/" + k.name, Cmdline: k.name + "\x00--config\x00/etc/" + k.name + ".conf", UID: traceformat.NewUID(uint32(i % 7)),
		})
		f.addrs = append(f.addrs, netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
		f.ports = append(f.ports, k.port)
	}
	seen := map[[2]int]bool{}
	for tries := 0; len(f.pairs) < edges && tries < 100*edges; tries++ {
		// Towards servers that come later in the list of kinds, mostly.
		c, s := f.rand.IntN(processes), f.rand.IntN(processes)
		if f.ports[s] == 0 || c == s || seen[[2]int{c, s}] || (c%10 < 8 && c%10 >= s%10) {
			continue
		}
		seen[[2]int{c, s}] = true
		f.pairs = append(f.pairs, [2]int{c, s})
	}
	return f
}

// connect returns the events of a new connection of a pair: of both halves.
func (f *traffic) connect(pair int) []traceformat.Event {
	p := f.pairs[pair]
	f.next++
	f.now = f.now.Add(time.Millisecond)
	c := conn{p[0], p[1], netip.AddrPortFrom(f.addrs[p[0]], 32768+f.next%28000), netip.AddrPortFrom(f.addrs[p[1]], f.ports[p[1]]), f.now}
	f.open = append(f.open, c)
	return f.halves(c, traceformat.Event{Time: f.now})
}

// disconnect returns the events of the end of the oldest connection.
func (f *traffic) disconnect() []traceformat.Event {
	c := f.open[0]
	f.open = f.open[1:]
	return f.halves(c, traceformat.Event{Kind: traceformat.Close, Time: f.now, Duration: f.now.Sub(c.opened), BytesSent: 512, BytesReceived: 8192})
}

func (f *traffic) halves(c conn, e traceformat.Event) []traceformat.Event {
	client, server := e, e
	client.Direction, server.Direction = traceformat.Outgoing, traceformat.Incoming
	client.Local, client.Remote, client.Process = c.from, c.to, f.processes[c.client]
	server.Local, server.Remote, server.Process = c.to, c.from, f.processes[c.server]
	server.BytesSent, server.BytesReceived = e.BytesReceived, e.BytesSent
	return []traceformat.Event{client, server}
}

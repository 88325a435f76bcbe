package picture

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
)

// scene makes the events of a make-believe data centre with about n processes:
// hosts with a proxy, application workers, stores and helpers, clients from
// outside, and services outside. The same n gives the same events.
type scene struct {
	rnd    *rand.Rand
	port   uint16
	pid    uint32
	at     time.Time
	events []traceformat.Event
}

// member is a process with an address.
type member struct {
	process traceformat.Process
	addr    netip.Addr
}

func newScene(n int) *scene {
	return &scene{
		rnd:  rand.New(rand.NewPCG(7, uint64(n))),
		port: 32768,
		pid:  1000,
		at:   time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
	}
}

// spawn makes processes with one command on a host.
func (s *scene) spawn(host, command string, addr netip.Addr, n int) []member {
	var out []member
	for range n {
		s.pid += 1 + s.rnd.Uint32N(5)
		out = append(out, member{traceformat.Process{
			PID: s.pid, Command: command, Host: host, StartTime: s.at, UID: traceformat.NewUID(33),
			Exe: "/usr/bin/" + command, Cmdline: command + "\x00--config\x00/etc/" + command,
		}, addr})
	}
	return out
}

// connect makes connections, each seen from both ends as far as they are traced.
func (s *scene) connect(client, server member, port uint16, times int) {
	for range times {
		if s.port++; s.port < 32768 {
			s.port = 32768
		}
		s.at = s.at.Add(time.Millisecond)
		c, v := netip.AddrPortFrom(client.addr, s.port), netip.AddrPortFrom(server.addr, port)
		sent, received := uint64(s.rnd.ExpFloat64()*1e5), uint64(s.rnd.ExpFloat64()*1e6)
		for _, kind := range []traceformat.Kind{traceformat.Open, traceformat.Close} {
			e := traceformat.Event{Kind: kind, Time: s.at}
			if kind == traceformat.Close {
				s.at = s.at.Add(time.Millisecond)
				e.Time, e.Duration = s.at, time.Millisecond
				e.BytesSent, e.BytesReceived = sent, received
			}
			if client.process.PID != 0 {
				e.Direction, e.Local, e.Remote, e.Process = traceformat.Outgoing, c, v, client.process
				s.events = append(s.events, e)
			}
			if server.process.PID != 0 {
				e.Direction, e.Local, e.Remote, e.Process = traceformat.Incoming, v, c, server.process
				e.BytesSent, e.BytesReceived = e.BytesReceived, e.BytesSent
				s.events = append(s.events, e)
			}
		}
	}
}

func (s *scene) pick(m []member) member { return m[s.rnd.IntN(len(m))] }

// scenery returns the events of a scene with about n processes.
func scenery(n int) []traceformat.Event {
	s := newScene(n)
	addr := func(host, i int) netip.Addr {
		return netip.AddrFrom4([4]byte{10, byte(host >> 8), byte(host), byte(i)})
	}
	hosts := max(1, min(n/50, 40))
	per := n / hosts
	var stores, proxies []member
	var storePorts []uint16
	for h := range hosts {
		host := ""
		if hosts > 1 {
			host = fmt.Sprintf("node-%02d", h+1)
		}
		proxy := s.spawn(host, "nginx", addr(h, 1), 1+per/12)
		apps := make([][]member, 1+per/30)
		for i := range apps {
			apps[i] = s.spawn(host, []string{"gunicorn", "puma", "billing", "search", "mailer"}[(h+i)%5], addr(h, 10+i), 1+per/10)
		}
		db := s.spawn(host, []string{"postgres", "mysqld"}[h%2], addr(h, 2), 1+per/9)
		cache := s.spawn(host, "redis-server", addr(h, 3), 1)[0]
		agents := s.spawn(host, "node_exporter", addr(h, 1), min(1, per/8))
		stores, storePorts = append(stores, cache), append(storePorts, 6379)
		proxies = append(proxies, proxy...)
		for i, w := range proxy {
			for j := range 1 + per/20 {
				client := member{addr: netip.AddrFrom4([4]byte{54, byte(s.rnd.IntN(9)), byte(i), byte(j + s.rnd.IntN(200))})}
				s.connect(client, w, 443, 1+s.rnd.IntN(3))
			}
			for _, group := range apps {
				s.connect(w, s.pick(group), 8000, 1+s.rnd.IntN(40))
			}
		}
		for i, group := range apps {
			for _, w := range group {
				s.connect(w, s.pick(db), []uint16{5432, 3306}[h%2], 1+s.rnd.IntN(5))
				s.connect(w, cache, 6379, 1+s.rnd.IntN(9))
				if i == 0 {
					s.connect(w, member{addr: netip.AddrFrom4([4]byte{3, 120, byte(h), byte(s.rnd.IntN(3))})}, 443, 1)
				}
				if hosts > 1 && s.rnd.IntN(6) == 0 {
					k := s.rnd.IntN(len(stores))
					s.connect(w, stores[k], storePorts[k], 2)
				}
			}
		}
		for _, a := range agents {
			s.connect(member{process: traceformat.Process{PID: 900, Command: "prometheus", Host: "node-01"}, addr: addr(0, 9)}, a, 9100, 6)
		}
		for range per / 6 {
			s.connect(s.spawn(host, "curl", addr(h, 1), 1)[0], s.pick(proxies), 443, 1)
		}
	}
	return s.events
}

// graphOf returns the graph of events.
func graphOf(events []traceformat.Event) *flowgraph.Graph {
	g := flowgraph.New(nil)
	for _, e := range events {
		g.Add(e)
	}
	return g
}

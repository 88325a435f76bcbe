package workload

import (
	"fmt"
	"net/netip"
	"time"

	"example.com/tcpgraph/traceformat"
)

var (
	ports = []uint16{80, 443, 5432, 6379, 8080}
	start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

// detail adds what livetrace knows of process i.
func detail(p *traceformat.Process, i int) {
	p.StartTime = start.Add(-time.Duration(i) * 77777777)
	p.UID = traceformat.NewUID(uint32(i % 9))
	p.NetNS = uint32(4026532000 + i/20)
	p.CgroupID = uint64(7000 + i)
	p.Exe = "/usr/bin/" + p.Command
	p.Cmdline = fmt.Sprintf("%s\x00--config\x00/etc/%d.conf", p.Command, i%50)
}

// Len returns the number of events.
func (t *Trace) Len() int { return len(t.events) }

// Event stores event i in e.
func (t *Trace) Event(i int, e *traceformat.Event) {
	c := &t.events[i]
	*e = traceformat.Event{
		Direction: traceformat.Outgoing,
		Local:     netip.AddrPortFrom(t.addrs[c.client], c.port),
		Remote:    netip.AddrPortFrom(t.addrs[c.server], ports[c.server%uint32(len(ports))]),
		Process:   t.procs[c.client],
	}
	if c.incoming {
		e.Direction, e.Process = traceformat.Incoming, t.procs[c.server]
		e.Local, e.Remote = e.Remote, e.Local
	}
	if !t.full {
		return
	}
	e.Time = start.Add(time.Duration(c.number) * time.Microsecond)
	if !c.closes {
		return
	}
	e.Kind, e.Duration = traceformat.Close, 3*time.Millisecond
	e.Time = e.Time.Add(e.Duration)
	e.BytesSent, e.BytesReceived = 100+uint64(c.number%1000), 2000+uint64(c.number%30000)
	if c.incoming {
		e.BytesSent, e.BytesReceived = e.BytesReceived, e.BytesSent
	}
}

//go:build linux

package truth

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/traceformat"
)

// Lab is where a case makes its connections, and the record of what truly
// happened there. Failures and skips of its TB are those of the case alone.
// It is used by the goroutine of the case.
type Lab struct {
	testing.TB
	Case Case

	x      *Experiment
	once   sync.Once // x.ready.Done
	traced bool
	agents []*Agent
	conns  []*Conn

	// Under x.mu.
	ends     []End
	got      []traceformat.Event
	problems []string
	skipped  string
}

// Site is a network namespace with the addresses under which the others of the
// case reach it. Those of a single one are its loopback addresses.
type Site struct {
	*netlab.NS
	V4, V6    netip.Addr
	LinkLocal netip.Addr // with the zone that the peer must use
}

func (l *Lab) run() {
	defer l.x.done.Done()
	defer l.once.Do(l.x.ready.Done)
	l.x.slots <- struct{}{}
	defer func() { <-l.x.slots }()
	defer l.stopAgents()
	l.Case.Run(l)
	if !l.traced {
		l.Error("the case did not call Traced")
	}
	l.Seen()
}

// Traced waits until the tracer runs.
func (l *Lab) Traced() {
	for _, c := range l.conns {
		if !c.closed {
			c.end.Owner = traceformat.OwnerSnapshot
			c.end.Process = c.user.process(c.end.Process.NetNS)
			l.note(c.end)
		}
	}
	l.traced = true
	l.once.Do(l.x.ready.Done)
	<-l.x.slots
	<-l.x.traced
	l.x.slots <- struct{}{}
}

// Loopback makes a network namespace of which only the loopback interface is
// used.
func (l *Lab) Loopback() Site {
	l.Helper()
	return Site{NS: l.enter(netlab.New(l)), V4: netip.AddrFrom4([4]byte{127, 0, 0, 1}), V6: netip.IPv6Loopback()}
}

// Veth makes two network namespaces that are joined.
func (l *Lab) Veth() (a, b Site) {
	l.Helper()
	prefix := func(s string) netip.Prefix { return netip.MustParsePrefix(s) }
	a.NS, b.NS = l.enter(netlab.New(l)), l.enter(netlab.New(l))
	endA, endB := netlab.Veth(l, a.NS, b.NS,
		[]netip.Prefix{prefix("10.1.0.1/24"), prefix("fd01::1/64")},
		[]netip.Prefix{prefix("10.1.0.2/24"), prefix("fd01::2/64")})
	a.V4, a.V6 = netip.MustParseAddr("10.1.0.1"), netip.MustParseAddr("fd01::1")
	b.V4, b.V6 = netip.MustParseAddr("10.1.0.2"), netip.MustParseAddr("fd01::2")
	a.LinkLocal = endA.LinkLocal.WithZone(endB.Zone())
	b.LinkLocal = endB.LinkLocal.WithZone(endA.Zone())
	return a, b
}

// enter makes the events of a namespace this case's.
func (l *Lab) enter(ns *netlab.NS) *netlab.NS {
	l.x.mu.Lock()
	defer l.x.mu.Unlock()
	l.x.byNS[ns.Inode()] = l
	return ns
}

// note enters an event into the record of what happened.
func (l *Lab) note(e End) {
	l.x.mu.Lock()
	defer l.x.mu.Unlock()
	if l.x.only != nil && !l.x.only(&e.Event) {
		return
	}
	l.ends = append(l.ends, e)
}

// Seen waits until all that was noted so far was reported, or is overdue.
func (l *Lab) Seen() {
	l.x.await(func() bool {
		due := 0
		for i := range l.ends {
			if !l.x.blind || !l.ends[i].HookOnly {
				due++
			}
		}
		return len(l.got) >= due
	})
}

// until waits for a condition that no event announces.
func (l *Lab) until(what string, ok func() bool) {
	l.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			l.Fatalf("waited for %v until %s", patience, what)
		}
	}
}

func (l *Lab) problem(text string) {
	l.x.mu.Lock()
	defer l.x.mu.Unlock()
	l.problems = append(l.problems, strings.TrimSuffix(text, "\n"))
}

// Problems returns what went wrong in making the connections.
func (l *Lab) Problems() []string { return l.problems }

// SkipReason returns why the case could not be tried; empty if it was.
func (l *Lab) SkipReason() string { return l.skipped }

// Ends returns what truly happened.
func (l *Lab) Ends() []End { return slices.Clone(l.ends) }

// Got returns what was reported of it.
func (l *Lab) Got() []traceformat.Event { return slices.Clone(l.got) }

// Timeless returns what a tracer reported as it can be compared with the truth:
// without times and durations. The start time of a process of the case is that
// of the truth if it is equal to the precision of /proc. It is to be called
// when the case is over.
func (l *Lab) Timeless(events []traceformat.Event) []traceformat.Event {
	events = slices.Clone(events)
	for i := range events {
		e := &events[i]
		e.Time, e.Duration = time.Time{}, 0
		for _, a := range l.agents {
			p := a.process(e.Process.NetNS)
			if p.PID == e.Process.PID && near(p.StartTime, e.Process.StartTime) {
				e.Process.StartTime = p.StartTime
			}
		}
	}
	return events
}

// near reports whether a start time is the one that /proc rounds down to a
// tick. The clock may have been set a little in between.
func near(floor, start time.Time) bool {
	d := start.Sub(floor)
	return d > -tick && d < 2*tick
}

const tick = 10 * time.Millisecond

// cgroupID returns the number of a control group, 0 if it cannot be told.
func cgroupID(path string) uint64 {
	root, err := netlab.CgroupRoot()
	var st unix.Stat_t
	if err != nil || unix.Stat(root+path, &st) != nil {
		return 0
	}
	return st.Ino
}

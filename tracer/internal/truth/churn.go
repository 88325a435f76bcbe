//go:build linux

package truth

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/traceformat"
)

// churnOpen is how many connections are open at a time while others open and
// close, and churnMost how many there can be: each local port is used once.
const (
	churnOpen = 8
	churnMost = 20000
)

// churnRest is for how many times as long as a connect took none is made.
const churnRest = 2

// churn connects and closes until it is told to stop. It returns the local
// endpoints in the order of connecting.
func (s *server) churn(to netip.AddrPort) (locals []netip.AddrPort, err error) {
	var open []int
	for len(locals) < churnMost && !s.stop.Load() {
		began := time.Now()
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return locals, err
		}
		if err := connect(fd, to); err != nil {
			return locals, err
		}
		var a reply
		if err := endpoints(fd, &a); err != nil {
			return locals, err
		}
		locals = append(locals, a.Local)
		// The tracer, which starts meanwhile, has to get its turn on a machine
		// that this keeps busy.
		time.Sleep(churnRest * time.Since(began))
		if open = append(open, fd); len(open) > churnOpen {
			if err := unix.Close(open[0]); err != nil {
				return locals, err
			}
			open = open[1:]
		}
	}
	for _, fd := range open {
		if err := unix.Close(fd); err != nil {
			return locals, err
		}
	}
	return locals, nil
}

// serveAll accepts connections and closes each when its peer has.
func serveAll(fd int) error {
	for {
		conn, err := accept(fd)
		if err != nil {
			return err
		}
		go func() {
			_, _ = read(conn, -1)
			_ = unix.Close(conn)
		}()
	}
}

// Churn lets a client connect to a listener and close again all the time, from
// before the tracer to a while after it has started. An end that was closed
// before is not to be reported, and every other is, once opened and once closed.
func (l *Lab) Churn(client *Agent, ln *Listener) {
	l.Helper()
	ln.start(request{Op: opServe, FD: ln.FD})
	churning := client.start(request{Op: opChurn, Addr: ln.Addr})
	l.Traced()
	t := &churnTally{ln: ln.Addr, halves: make(map[half]*halfCount), first: churnMost}
	const enough = 100 // of those that opened and closed under the tracer
	l.x.await(func() bool { t.read(l.got); return t.closes >= enough })
	client.must(request{Op: opStop})
	t.index(client.check(opChurn, client.wait(churning)).Addrs)
	l.x.await(func() bool { t.read(l.got); return t.whole() })
	l.x.mu.Lock()
	t.read(l.got)
	l.x.mu.Unlock()
	l.noteChurn(client, ln, t)
}

// half is an end of a connection.
type half struct{ local, remote netip.AddrPort }

// halfCount is what was reported of an end.
type halfCount struct {
	events int
	owner  traceformat.Owner
}

// churnTally follows what is reported of a churn.
type churnTally struct {
	ln     netip.AddrPort
	locals []netip.AddrPort

	heard  int
	closes int
	halves map[half]*halfCount
	direct []netip.AddrPort       // clients whose connect was seen
	order  map[netip.AddrPort]int // of the last use in locals
	first  int                    // from here on, in locals, all were open
}

func (t *churnTally) read(got []traceformat.Event) {
	for ; t.heard < len(got); t.heard++ {
		e := &got[t.heard]
		h := half{e.Local, e.Remote}
		c := t.halves[h]
		if c == nil {
			c = &halfCount{owner: e.Owner}
			t.halves[h] = c
		}
		c.events++
		if e.Owner != traceformat.OwnerDirect || e.Direction != traceformat.Outgoing {
			continue
		}
		if e.Kind == traceformat.Close {
			t.closes++
		}
		t.direct = append(t.direct, e.Local)
	}
}

// index is called when the order of the connects is known.
func (t *churnTally) index(locals []netip.AddrPort) {
	t.locals, t.first = locals, len(locals)
	t.order = make(map[netip.AddrPort]int, len(locals))
	for i, a := range locals {
		t.order[a] = i
	}
	for _, a := range t.direct {
		if i, ok := t.order[a]; ok {
			t.first = min(t.first, i)
		}
	}
	// As the first of those connected, these were still open.
	t.first = max(0, t.first-churnOpen)
}

// must reports whether an end has to be reported: because it was open, or
// because a part of it was reported. On loopback the kernel uses a port again
// after a second (tcp_tw_reuse); the report is about the last use then.
func (t *churnTally) must(i int, h half) bool {
	return i >= t.first || t.order[t.locals[i]] == i && t.halves[h] != nil
}

func (t *churnTally) ends(i int) [2]half {
	return [2]half{{t.locals[i], t.ln}, {t.ln, t.locals[i]}}
}

// whole reports whether all that has to be reported was.
func (t *churnTally) whole() bool {
	if t.heard < 4*(len(t.locals)-t.first) {
		return false
	}
	for i := range t.locals {
		for _, h := range t.ends(i) {
			if c := t.halves[h]; t.must(i, h) && (c == nil || c.events < 2) {
				return false
			}
		}
	}
	return true
}

// noteChurn notes what has to be reported. Whether an end was open when the
// tracer started is taken from the report.
func (l *Lab) noteChurn(client *Agent, ln *Listener, t *churnTally) {
	for i := range t.locals {
		for side, h := range t.ends(i) {
			if !t.must(i, h) {
				continue
			}
			e := End{Listener: ln.owner}
			e.Local, e.Remote = h.local, h.remote
			e.Direction, e.Process = traceformat.Outgoing, client.process(client.Inode())
			if side == 1 {
				e.Direction, e.Process, e.Uncertain = traceformat.Incoming, ln.owner, true
			}
			if c := t.halves[h]; c != nil && c.owner == traceformat.OwnerSnapshot {
				e.Owner = traceformat.OwnerSnapshot
			}
			l.note(e)
			e.Kind = traceformat.Close
			l.note(e)
		}
	}
}

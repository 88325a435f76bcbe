//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"example.com/tcpgraph/traceformat"
)

// A parser reads a line of a tool's output, without its newline. The error is
// errNoRecord for a line that is about no connection.
type parser func(line string) (record, error)

// errNoRecord is for headings, and for lines about something else.
var errNoRecord = errors.New("not about a connection")

// columns splits a line of columns of which only the command's name, somewhere
// in the middle, can contain spaces: it returns the fields before and after it.
func columns(line string, before, after int) (head, tail []string, err error) {
	f := strings.Fields(line)
	if len(f) < before+1+after {
		return nil, nil, fmt.Errorf("%d columns, want %d or more", len(f), before+1+after)
	}
	return f[:before], f[len(f)-after:], nil
}

// set reads columns one by one and keeps the first error.
type set struct{ err error }

func (s *set) note(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *set) pid(text string) uint32 {
	n, err := strconv.ParseUint(text, 10, 32)
	s.note(err)
	return uint32(n)
}

// endpoint reads an address and a port; port "" is one that is not told.
func (s *set) endpoint(addr, port string) netip.AddrPort {
	a, err := netip.ParseAddr(addr)
	s.note(err)
	var n uint64
	if port != "" {
		n, err = strconv.ParseUint(port, 10, 16)
		s.note(err)
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(n))
}

// kilobytes reads a number of KiB with two decimals. The printed number is the
// nearest one, so the bytes can be half of the last digit away.
func (s *set) kilobytes(text string) amount {
	n, err := strconv.ParseFloat(text, 64)
	s.note(err)
	const half = 0.005 * 1024
	return amount{n*1024 - half, 2 * half}
}

// parseTcptracer reads "C 123 name 4 10.0.0.1 10.0.0.2 40000 80".
func parseTcptracer(line string) (r record, err error) {
	if strings.HasPrefix(line, "Tracing") || strings.HasPrefix(line, "T ") {
		return r, errNoRecord
	}
	head, tail, err := columns(line, 2, 5)
	if err != nil {
		return r, err
	}
	switch head[0] {
	case "C":
		r.direction = traceformat.Outgoing
	case "A":
		r.direction = traceformat.Incoming
	case "X":
		r.kind = closed
	default:
		return r, fmt.Errorf("type %q, want C, A or X", head[0])
	}
	var s set
	r.pid = s.pid(head[1])
	r.local, r.remote = s.endpoint(tail[1], tail[3]), s.endpoint(tail[2], tail[4])
	return r, s.err
}

// parseTcpconnect reads "123 name 4 10.0.0.1 10.0.0.2 80".
func parseTcpconnect(line string) (r record, err error) {
	if strings.HasPrefix(line, "PID ") {
		return r, errNoRecord
	}
	head, tail, err := columns(line, 1, 4)
	if err != nil {
		return r, err
	}
	var s set
	r.direction = traceformat.Outgoing
	r.pid = s.pid(head[0])
	r.local, r.remote = s.endpoint(tail[1], ""), s.endpoint(tail[2], tail[3])
	return r, s.err
}

// parseTcplife reads "123 name 10.0.0.1 40000 10.0.0.2 80 0.10 0.00 1.23".
func parseTcplife(line string) (r record, err error) {
	if strings.HasPrefix(line, "PID ") {
		return r, errNoRecord
	}
	head, tail, err := columns(line, 1, 7)
	if err != nil {
		return r, err
	}
	var s set
	r.kind = session
	r.pid = s.pid(head[0])
	r.local, r.remote = s.endpoint(tail[0], tail[1]), s.endpoint(tail[2], tail[3])
	r.sent, r.received = s.kilobytes(tail[4]), s.kilobytes(tail[5])
	return r, s.err
}

// parseTcpstates reads "ffff 123 name 4 10.0.0.1 1 10.0.0.2 80 OLD -> NEW 0.1".
// Only a change to ESTABLISHED is a record.
func parseTcpstates(line string) (r record, err error) {
	if strings.HasPrefix(line, "SKADDR") {
		return r, errNoRecord
	}
	head, tail, err := columns(line, 2, 9)
	if err != nil {
		return r, err
	}
	from, to := tail[5], tail[7]
	switch {
	case to != "ESTABLISHED":
		return r, errNoRecord
	case from == "SYN_SENT":
		r.direction = traceformat.Outgoing
	default:
		r.direction = traceformat.Incoming
	}
	var s set
	r.pid = s.pid(head[1])
	r.local, r.remote = s.endpoint(tail[1], tail[2]), s.endpoint(tail[3], tail[4])
	return r, s.err
}

// parseTcpaccept reads "12:00:00 123 name 10.0.0.1 40000 10.0.0.2 80 0/128",
// which has the remote endpoint first.
func parseTcpaccept(line string) (r record, err error) {
	if strings.HasPrefix(line, "TIME ") {
		return r, errNoRecord
	}
	head, tail, err := columns(line, 2, 5)
	if err != nil {
		return r, err
	}
	var s set
	r.direction = traceformat.Incoming
	r.pid = s.pid(head[1])
	r.remote, r.local = s.endpoint(tail[0], tail[1]), s.endpoint(tail[2], tail[3])
	return r, s.err
}

// loss is how bpftrace, and the tools of libbpf, say that they lost events.
var loss = regexp.MustCompile(`(?i)\blost (\d+) events?\b`)

// saidLost returns how many events a tool's messages say were lost.
func saidLost(text string) (n int) {
	for _, m := range loss.FindAllStringSubmatch(text, -1) {
		lost, err := strconv.Atoi(m[1])
		if err == nil { // else more than there can be
			n += lost
		}
	}
	return n
}

// parseTrace reads the text format of this module, in all its forms.
func parseTrace(line string) (r record, err error) {
	e, err := traceformat.Parse(line)
	if err != nil {
		return r, err
	}
	r = record{
		direction: e.Direction, local: e.Local, remote: e.Remote, pid: e.Process.PID,
		sent: exactly(e.BytesSent), received: exactly(e.BytesReceived),
	}
	switch e.Kind {
	case traceformat.Close:
		r.kind = closed
	case traceformat.Fail:
		r.kind = failed
	}
	return r, nil
}

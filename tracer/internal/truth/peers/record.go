//go:build linux

package main

import (
	"net/netip"

	"example.com/tcpgraph/traceformat"
)

// kind says what a line of a tool's output is about.
type kind int

const (
	opened  kind = iota // a connection, or an attempt at one
	closed              // the end of one
	session             // both: a line that comes at the end
	failed              // a connect that did not succeed, said to be such
)

// record is a line of a tool's output. What the tool does not tell is zero.
type record struct {
	kind           kind
	direction      traceformat.Direction
	local, remote  netip.AddrPort
	pid            uint32
	sent, received amount
}

// end is what a process of the workload truly did: its end of a connection.
type end struct {
	Direction      traceformat.Direction
	Local, Remote  netip.AddrPort
	PID            uint32
	Sent, Received uint64
	Refused        bool
}

// amount is a number of bytes with the precision of what was printed: the
// number is in the half-open interval [least, least+span). A span of 0 is no
// number at all.
type amount struct{ least, span float64 }

func exactly(n uint64) amount { return amount{float64(n), 1} }

// has reports whether n bytes would have been printed like that.
func (a amount) has(n uint64) bool {
	return a.least <= float64(n) && float64(n) < a.least+a.span
}

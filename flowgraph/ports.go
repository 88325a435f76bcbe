package flowgraph

import (
	"encoding/binary"
	"iter"
	"strings"
)

// maxPorts is how many ports a PortSet holds.
const maxPorts = 64

// PortSet is a set of server ports. It is comparable, and holds the 64 lowest
// ports that were added; see [PortSet.Truncated]. The zero value is empty.
type PortSet struct {
	rest      string // the ports after the first, ascending, two bytes each
	first     uint16
	some      bool
	truncated bool
}

// Len returns the number of ports in the set.
func (s PortSet) Len() int {
	if !s.some {
		return 0
	}
	return 1 + len(s.rest)/2
}

// Truncated reports whether there were more ports than the set holds.
func (s PortSet) Truncated() bool { return s.truncated }

// All returns an iterator over the ports in ascending order. It can be used
// any number of times.
func (s PortSet) All() iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		if !s.some || !yield(s.first) {
			return
		}
		for i := 0; i < len(s.rest); i += 2 {
			if !yield(s.restAt(i)) {
				return
			}
		}
	}
}

// First returns the lowest port in the set, and false if there is none.
func (s PortSet) First() (port uint16, ok bool) { return s.first, s.some }

// at returns the port in place i, counting from 0.
func (s *PortSet) at(i int) uint16 {
	if i == 0 {
		return s.first
	}
	return s.restAt(2 * (i - 1))
}

func (s *PortSet) restAt(i int) uint16 {
	return uint16(s.rest[i])<<8 | uint16(s.rest[i+1])
}

// with returns the set with p in it.
func (s PortSet) with(p uint16) PortSet {
	switch {
	case !s.some:
		return PortSet{first: p, some: true, truncated: s.truncated}
	case p == s.first:
		return s
	case p < s.first:
		p, s.first = s.first, p
	}
	at := 0
	for ; at < len(s.rest); at += 2 {
		if q := s.restAt(at); q == p {
			return s
		} else if q > p {
			break
		}
	}
	if at == 2*(maxPorts-1) {
		s.truncated = true
		return s
	}
	var b strings.Builder
	b.WriteString(s.rest[:at])
	b.Write(binary.BigEndian.AppendUint16(nil, p))
	b.WriteString(s.rest[at:])
	s.rest = b.String()
	if len(s.rest) > 2*(maxPorts-1) {
		s.rest = strings.Clone(s.rest[:2*(maxPorts-1)])
		s.truncated = true
	}
	return s
}

// union returns the set of the ports in either.
func (s PortSet) union(t PortSet) PortSet {
	for p := range t.All() {
		s = s.with(p)
	}
	s.truncated = s.truncated || t.truncated
	return s
}

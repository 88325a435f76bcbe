package flowgraph

import (
	"encoding/binary"
	"net/netip"
	"strings"
)

// scopeKey is a scope: a network namespace of a host. Events whose namespace
// is unknown share one scope on each host.
type scopeKey struct {
	host  string
	netns uint32
}

type scopeRec struct {
	scopeKey
	hostNumber uint32
}

// scopes numbers the scopes, and the hosts, from 1.
type scopes struct {
	keys    []scopeRec
	hosts   map[string]uint32
	numbers map[scopeKey]uint32
	recent  [16]uint32 // by the low bits of the namespace
}

func (s *scopes) init() {
	s.keys = make([]scopeRec, 1)
	s.hosts = make(map[string]uint32)
	s.numbers = make(map[scopeKey]uint32)
}

func (s *scopes) number(host string, netns uint32) uint32 {
	r := &s.recent[netns%uint32(len(s.recent))]
	if k := &s.keys[*r]; *r != 0 && k.netns == netns && k.host == host {
		return *r
	}
	k := scopeKey{host, netns}
	n, ok := s.numbers[k]
	if !ok {
		k.host = strings.Clone(host)
		h := s.hosts[k.host]
		if h == 0 {
			h = uint32(len(s.hosts)) + 1
			s.hosts[k.host] = h
		}
		n = uint32(len(s.keys))
		s.keys = append(s.keys, scopeRec{k, h})
		s.numbers[k] = n
	}
	*r = n
	return n
}

// addrs numbers addresses. A loopback address is another one in every scope.
type addrs struct {
	index index
	recs  arena[addrRec]
}

type addrRec struct {
	addr  netip.Addr
	scope uint32 // of a loopback address, else 0
	bare  uint32 // the number of the address without its zone
}

func (t *addrs) number(h *hasher, a netip.Addr, scope uint32) uint32 {
	if !a.IsLoopback() {
		scope = 0
	}
	var hash uint32
	if a.Is4() {
		b := a.As4()
		hash = h.words(uint64(binary.NativeEndian.Uint32(b[:])), uint64(scope))
	} else {
		b := a.As16()
		hash = h.words(binary.NativeEndian.Uint64(b[:])^h.k, binary.NativeEndian.Uint64(b[8:])+uint64(scope))
	}
	for n, pos, ok := t.index.seek(hash, hash); ok; n, pos, ok = t.index.seek(hash, pos) {
		if r := t.recs.at(n); r.addr == a && r.scope == scope {
			return n
		}
	}
	n := t.recs.add()
	t.index.insert(hash, n)
	*t.recs.at(n) = addrRec{a, scope, n}
	if a.Zone() != "" {
		// The zone names an interface on one side only, so that pairs are
		// matched without it.
		t.recs.at(n).bare = t.number(h, a.WithZone(""), scope)
	}
	return n
}

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
	recs  arena[addrRec]
	index index
	// The IPv4 addresses that are no loopback addresses are in a table of
	// their own, with the key in the slot.
	v4    []slot4
	used4 int
}

// slot4 is free if it has no number: number 0 is nobody's.
type slot4 struct{ addr, number uint32 }

type addrRec struct {
	addr  netip.Addr
	scope uint32 // of a loopback address, else 0
	bare  uint32 // the number of the address without its zone
}

func (t *addrs) init() {
	t.recs.add() // number 0 is none
	t.v4 = make([]slot4, 64)
}

// number returns the number of an address, and of the same without its zone.
func (t *addrs) number(h *hasher, a netip.Addr, scope uint32) (n, bare uint32) {
	if a.Is4() {
		b := a.As4()
		if b[0] != 127 {
			n := t.number4(h, a, binary.NativeEndian.Uint32(b[:]))
			return n, n
		}
	} else if !a.IsLoopback() {
		scope = 0
	}
	b := a.As16()
	hash := h.words(binary.NativeEndian.Uint64(b[:])^h.k, binary.NativeEndian.Uint64(b[8:])+uint64(scope))
	for n, pos, ok := t.index.seek(hash, hash); ok; n, pos, ok = t.index.seek(hash, pos) {
		if r := t.recs.at(n); r.addr == a && r.scope == scope {
			return n, r.bare
		}
	}
	n = t.recs.add()
	t.index.insert(hash, n)
	*t.recs.at(n) = addrRec{a, scope, n}
	if a.Zone() == "" {
		return n, n
	}
	// The zone names an interface on one side only, so that pairs are
	// matched without it.
	_, bare = t.number(h, a.WithZone(""), scope)
	t.recs.at(n).bare = bare
	return n, bare
}

func (t *addrs) number4(h *hasher, a netip.Addr, key uint32) uint32 {
	s := t.slot4(h, key)
	if s.number == 0 {
		if t.used4 >= len(t.v4)/2 {
			old := t.v4
			t.v4 = make([]slot4, 2*len(old))
			for _, o := range old {
				if o.number != 0 {
					*t.slot4(h, o.addr) = o
				}
			}
			s = t.slot4(h, key)
		}
		t.used4++
		*s = slot4{key, t.recs.add()}
		*t.recs.at(s.number) = addrRec{addr: a, bare: s.number}
	}
	return s.number
}

// slot4 returns the slot of an address, or the free one where it belongs.
func (t *addrs) slot4(h *hasher, key uint32) *slot4 {
	mask := uint32(len(t.v4) - 1)
	for i := h.words(uint64(key), 0); ; i++ {
		if s := &t.v4[i&mask]; s.addr == key || s.number == 0 {
			return s
		}
	}
}

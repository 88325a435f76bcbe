package flowgraph

import (
	"cmp"
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

// addrs numbers addresses. An IPv4 address that can be a host's is its own
// number. All others are numbered from firstNumbered on; a loopback address is
// another one in every scope.
type addrs struct {
	addrBook
	index index
}

// addrBook knows addresses by their numbers. A copy of it knows those that it was
// made with, whatever is numbered later.
type addrBook struct{ recs arena[addrRec] }

// firstNumbered is 224.0.0.0: from there on no address is a host's, so that
// there is room for half a billion numbers.
const firstNumbered = 0xE000_0000

type addrRec struct {
	addr  netip.Addr
	scope uint32 // of a loopback address, else 0
	bare  uint32 // the number of the address without its zone
}

// number returns the number of an address, and of the same without its zone.
func (t *addrs) number(h *hasher, a netip.Addr, scope uint32) (n, bare uint32) {
	if a.Is4() {
		b := a.As4()
		n := binary.BigEndian.Uint32(b[:])
		if b[0] != 127 && n != 0 && n < firstNumbered {
			return n, n
		}
	}
	return t.other(h, a, scope)
}

// other is number for an address that is not its own number.
func (t *addrs) other(h *hasher, a netip.Addr, scope uint32) (n, bare uint32) {
	if !a.IsLoopback() {
		scope = 0
	}
	b := a.As16()
	hash := h.words(binary.NativeEndian.Uint64(b[:])^h.k, binary.NativeEndian.Uint64(b[8:])+uint64(scope))
	for i, pos, ok := t.index.seek(hash, hash); ok; i, pos, ok = t.index.seek(hash, pos) {
		if r := t.recs.at(i); r.addr == a && r.scope == scope {
			return firstNumbered + i, r.bare
		}
	}
	i := t.recs.add()
	t.index.insert(hash, i)
	n = firstNumbered + i
	*t.recs.at(i) = addrRec{a, scope, n}
	if a.Zone() == "" {
		return n, n
	}
	// The zone names an interface on one side only, so that pairs are
	// matched without it.
	_, bare = t.other(h, a.WithZone(""), scope)
	t.recs.at(i).bare = bare
	return n, bare
}

// rec returns what is known of an address.
func (t *addrBook) rec(n uint32) addrRec {
	if n < firstNumbered {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], n)
		return addrRec{addr: netip.AddrFrom4(b), bare: n}
	}
	return *t.recs.at(n - firstNumbered)
}

// compare orders two addresses.
func (t *addrBook) compare(a, b uint32) int {
	x, y := t.rec(a), t.rec(b)
	return cmp.Or(x.addr.Compare(y.addr), cmp.Compare(x.scope, y.scope))
}

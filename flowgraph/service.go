package flowgraph

import "example.com/tcpgraph/traceformat"

// serviceKey is an endpoint at which processes accept, in one scope, or with
// scope 0 in any.
type serviceKey struct {
	scope, addr uint32
	port        uint16
}

// service says who accepts at an endpoint: the processes that were seen to
// accept, and those that are known only to listen. Of each it is enough to
// know one, and whether there are more.
type service struct {
	acceptor, listener           uint32
	manyAcceptors, manyListeners bool
}

// sawService notes that the process of s accepts at its local endpoint.
func (p *pairing) sawService(s *sight) {
	k := s.service()
	for _, k := range [...]serviceKey{k, {0, k.addr, k.port}} {
		v := p.services[k]
		if v == nil {
			v = new(service)
			p.services[k] = v
		}
		if s.owner != traceformat.OwnerListener {
			note(&v.acceptor, &v.manyAcceptors, s.node)
		} else {
			note(&v.listener, &v.manyListeners, s.node)
		}
	}
}

func note(one *uint32, many *bool, n uint32) {
	if *one == 0 {
		*one = n
	}
	*many = *many || *one != n
}

// serves returns who accepts at an endpoint as seen from a scope: node 0 if
// nobody is known, or if several are and it cannot be said which.
func (p *pairing) serves(k serviceKey) (node uint32, ambiguous bool) {
	v := p.services[k]
	if v == nil {
		v = p.services[serviceKey{0, k.addr, k.port}]
	}
	switch {
	case v == nil:
		return 0, false
	case v.manyAcceptors, v.acceptor == 0 && v.manyListeners:
		return 0, true
	case v.acceptor != 0:
		return v.acceptor, false
	}
	return v.listener, false
}

// numbering numbers keys from 0 on.
type numbering[K comparable] struct {
	numbers map[K]uint32
	keys    []K
}

func (t *numbering[K]) number(k K) uint32 {
	n, ok := t.numbers[k]
	if !ok {
		if t.numbers == nil {
			t.numbers = make(map[K]uint32)
		}
		n = uint32(len(t.keys))
		t.keys = append(t.keys, k)
		t.numbers[k] = n
	}
	return n
}

// endpoint returns what stands for a service endpoint to which a connection with
// an unknown server went, as seen from the client's scope; its address has its
// zone. Who serves there is asked at every reading, as it may become known later.
func (p *pairing) endpoint(k serviceKey) ref { return endpointRef | ref(p.endpoints.number(k)) }

// outsider returns what stands for an unknown client with an address.
func (p *pairing) outsider(addr uint32) ref { return outsiderRef | ref(p.outsiders.number(addr)) }

// resolve works out which node each endpoint and each outsider is.
func (b *reading) resolve(s *Stats) {
	b.servers = make([]uint32, len(b.p.endpoints.keys))
	for i, k := range b.p.endpoints.keys {
		node, ambiguous := b.p.serves(serviceKey{k.scope, b.g.addrs.rec(k.addr).bare, k.port})
		if ambiguous {
			s.AmbiguousServices++
		}
		if node == 0 {
			node = b.g.external(externalKey{k.addr, k.port, true})
		}
		b.servers[i] = node
	}
	for _, addr := range b.p.outsiders.keys[len(b.g.outsiders):] {
		b.g.outsiders = append(b.g.outsiders, b.g.external(externalKey{addr: addr}))
	}
}

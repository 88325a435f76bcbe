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

// sawService notes that r, the process of s, accepts at its local endpoint.
func (g *Graph) sawService(s *sight, r *recent) {
	k := serviceKey{s.scope, s.bareLocal, s.localPort}
	sure := s.owner != traceformat.OwnerListener
	if r.serves == k && r.sure == sure {
		return
	}
	r.serves, r.sure = k, sure
	for _, k := range [...]serviceKey{k, {0, k.addr, k.port}} {
		v := g.services[k]
		if v == nil {
			v = new(service)
			g.services[k] = v
		}
		if sure {
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
func (g *Graph) serves(k serviceKey) (node uint32, ambiguous bool) {
	v := g.services[k]
	if v == nil {
		v = g.services[serviceKey{0, k.addr, k.port}]
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

// endpoints numbers the service endpoints to which connections with an
// unknown server went, each as seen from the client's scope. Who serves there
// is asked at every reading, as it may become known later.
type endpoints struct {
	numbers map[serviceKey]uint32
	recs    []endpoint
}

type endpoint struct {
	serviceKey        // the address with its zone
	node       uint32 // as of the last reading
	ambiguous  bool
}

func (t *endpoints) init() {
	t.recs = make([]endpoint, 1)
	t.numbers = make(map[serviceKey]uint32)
}

func (t *endpoints) ref(k serviceKey) ref {
	n, ok := t.numbers[k]
	if !ok {
		n = uint32(len(t.recs))
		t.recs = append(t.recs, endpoint{serviceKey: k})
		t.numbers[k] = n
	}
	return endpointRef | ref(n)
}

// resolve works out which node each endpoint is.
func (g *Graph) resolve() {
	for i := range g.endpoints.recs[1:] {
		p := &g.endpoints.recs[1+i]
		k := p.serviceKey
		k.addr = g.addrs.rec(k.addr).bare
		p.node, p.ambiguous = g.serves(k)
		if p.node == 0 {
			p.node = g.external(externalKey{p.addr, p.port, true})
		}
	}
}

package flowgraph

import "example.com/tcpgraph/traceformat"

// list is a queue of halves, linked through their prev and next.
type list struct {
	head, tail uint32
	n          int
}

// unlist takes half i out of the list of ended ones, if it is there.
func (p *pairing) unlist(i uint32) {
	h := p.halves.at(i)
	if !h.flags.has(ended) {
		return
	}
	h.flags &^= ended
	if h.prev != 0 {
		p.halves.at(h.prev).next = h.next
	} else {
		p.ended.head = h.next
	}
	if h.next != 0 {
		p.halves.at(h.next).prev = h.prev
	} else {
		p.ended.tail = h.prev
	}
	h.prev, h.next = 0, 0
	p.ended.n--
}

func (p *pairing) enlist(i uint32) {
	h := p.halves.at(i)
	h.flags |= ended
	h.prev, h.next = p.ended.tail, 0
	if p.ended.tail != 0 {
		p.halves.at(p.ended.tail).next = i
	} else {
		p.ended.head = i
	}
	p.ended.tail = i
	p.ended.n++
}

// review decides, after a change to half i, whether its connection still
// lasts, has ended, or can be forgotten.
func (p *pairing) review(i uint32) {
	h := p.halves.at(i)
	if !h.flags.has(alive) {
		return
	}
	over, complete := h.flags.has(closed), false
	if h.mate != 0 {
		m := p.halves.at(h.mate)
		over = over && m.flags.has(closed)
		complete = p.opts.Reorder >= 0 && h.complete() && m.complete() ||
			p.opts.ForgetPaired && (h.flags&m.flags).has(bare)
		p.unlist(h.mate)
	}
	switch {
	case complete:
		p.settle(i)
	case !over:
		p.unlist(i)
	case !h.flags.has(ended):
		p.enlist(i)
		if limit := p.opts.Reorder; limit >= 0 && p.ended.n > limit {
			p.forget(p.ended.head)
		}
	}
}

// forget is settle, and counts connections of which more could be heard.
func (p *pairing) forget(i uint32) {
	h := p.halves.at(i)
	whole := h.mate != 0 && h.complete() && p.halves.at(h.mate).complete()
	if n := p.settle(i); !whole {
		p.count.Forgotten += n
	}
}

// settle adds the connection of half i to its edge for good, and drops it. It
// returns how many connections that were.
func (p *pairing) settle(i uint32) (conns uint64) {
	var mate *half
	h := p.halves.at(i)
	j := h.mate
	if j != 0 {
		mate = p.halves.at(j)
	}
	f := p.flow(&p.edges, i, h, mate)
	p.count.tally(f)
	if j != 0 {
		p.drop(j)
	}
	p.drop(i)
	return f.conns
}

// flow adds the connection of half i, which is h, and its mate if that is known,
// to its edge in a table, and returns what it adds. A lone half has the number 0.
func (p *pairing) flow(t *edgeTable, i uint32, h, mate *half) *flow {
	f := t.add()
	hm := p.times(i)
	f.conns, f.first, f.last, f.ambiguous = max(hm.count, 1), hm.first, hm.last, h.flags.has(rivalled)
	over := h.flags.has(closed)
	client, server := h, mate
	cm, sm := hm, halfMore{}
	if mate != nil {
		f.paired = true
		sm = p.times(h.mate)
		f.first, f.last = earlier(f.first, sm.first), later(f.last, sm.last)
		over = over || mate.flags.has(closed)
	}
	if !p.connected(h, mate) {
		client, server = server, client
		cm, sm = sm, cm
	}
	f.closed = over
	if f.first == 0 {
		f.first = f.last // only a Close was seen
	}
	// The client's count is the truth; where it is missing, the server's.
	f.sent, f.recv = cm.sent, cm.recv
	if f.sent|f.recv == 0 {
		f.sent, f.recv = sm.recv, sm.sent
	}
	self := h.selfConnected() && mate == nil
	switch {
	case client != nil && client.node != 0:
		f.from = ref(client.node)
	case self && h.node != 0:
		f.from = ref(h.node)
	default:
		f.from = p.outsider(clientAddr(h, client, server))
	}
	sa, sp := serverEnd(h, client, server)
	f.port = sp
	switch {
	case server != nil && server.node != 0:
		f.to = ref(server.node)
	case self && h.node != 0:
		f.to = ref(h.node)
	default:
		scope := h.scope
		if client != nil {
			scope = client.scope
		}
		f.to = p.endpoint(serviceKey{scope, sa, sp})
	}
	f.loopback = h.flags.has(loopback)
	return f
}

// clientAddr returns the address of the client, with its zone as far as
// that is known: the peer of the server.
func clientAddr(h, client, server *half) uint32 {
	switch {
	case server != nil:
		return server.peer
	case client.flags.has(upper):
		return client.b
	}
	return client.a
}

// serverEnd returns the address of the server, with its zone as far as that
// is known, and its port.
func serverEnd(h, client, server *half) (addr uint32, port uint16) {
	atUpper := server != nil && server.flags.has(upper) || client != nil && !client.flags.has(upper)
	if atUpper {
		addr, port = h.b, h.pb
	} else {
		addr, port = h.a, h.pa
	}
	if client != nil {
		addr = client.peer
	}
	return addr, port
}

// connected reports whether the owner of half h is the client, by what the
// two halves say, else by who is known to accept, else by the port: the lower
// one is the server's.
func (p *pairing) connected(h, mate *half) bool {
	claims := h.flags & (outgoing | incoming)
	if mate != nil {
		// What the mate is, h is not.
		if mate.flags.has(incoming) {
			claims |= outgoing
		}
		if mate.flags.has(outgoing) {
			claims |= incoming
		}
	}
	switch claims {
	case outgoing:
		return true
	case incoming:
		return false
	}
	lower := p.accepts(h.scope, h.a, h.pa)
	higher := p.accepts(h.scope, h.b, h.pb)
	isUpper := h.flags.has(upper)
	switch {
	case lower != higher:
		return higher != isUpper
	case h.pa != h.pb:
		return (h.pb < h.pa) != isUpper
	}
	return (p.addrs.compare(h.b, h.a) < 0) != isUpper
}

func (p *pairing) accepts(scope, addr uint32, port uint16) bool {
	node, ambiguous := p.serves(serviceKey{scope, addr, port})
	return node != 0 || ambiguous
}

// fail counts an attempt to connect that failed.
func (p *pairing) fail(s *sight) {
	f := p.edges.add()
	f.fail, f.first, f.last = 1, s.time, s.time
	if t := s.start(); t != 0 {
		f.first = t
	}
	if s.direction == traceformat.Incoming {
		f.from = p.outsider(s.remote)
		f.port = s.localPort
		if f.to = ref(s.node); s.node == 0 {
			f.to = p.endpoint(serviceKey{s.scope, s.local, f.port})
		}
	} else {
		f.port = s.remotePort
		f.to = p.endpoint(serviceKey{s.scope, s.remote, f.port})
		if f.from = ref(s.node); s.node == 0 {
			f.from = p.outsider(s.local)
		}
	}
	p.count.tally(f)
}

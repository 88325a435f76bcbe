package flowgraph

// lone is a half of which only one bare Open was seen, without a zone, and that
// has no rivals: all that most traces have, until the twin comes. It is a half
// in little memory.
type lone struct {
	a, b   uint32
	pa, pb uint16
	node   uint32
	scope  uint32
	flags  halfFlags // 0 in a free slot
}

func (l *lone) sameConnection(h *half) bool {
	return l.a == h.a && l.b == h.b && l.pa == h.pa && l.pb == h.pb
}

// half stores in h, which is zero, what l stands for.
func (l *lone) half(h *half) {
	h.a, h.b, h.pa, h.pb = l.a, l.b, l.pa, l.pb
	h.node, h.scope, h.flags = l.node, l.scope, l.flags
	if h.peer = l.b; h.flags.has(upper) {
		h.peer = l.a
	}
}

// lones is a hash table with the halves in the slots, so that finding one
// touches memory once.
type lones struct {
	slots []lone
	n     int
}

// touch brings where find will look into the processor's cache. What it returns
// must be used, so that the compiler does not leave it out.
func (t *lones) touch(hash uint32) uint32 {
	if len(t.slots) == 0 {
		return 0
	}
	return t.slots[hash&uint32(len(t.slots)-1)].node
}

// find returns the slot of the half with the endpoints of h, or the free one
// where it belongs; nil as long as there are no slots.
func (t *lones) find(h *half, hash uint32) *lone {
	if len(t.slots) == 0 {
		return nil
	}
	mask := uint32(len(t.slots) - 1)
	for ; ; hash++ {
		if l := &t.slots[hash&mask]; l.flags == 0 || l.sameConnection(h) {
			return l
		}
	}
}

// insert adds h, of whose endpoints there is none. The free slot where find
// said that it belongs may be nil.
func (t *lones) insert(p *pairing, h *half, hash uint32, free *lone) {
	if t.n >= len(t.slots)/4*3 {
		t.grow(p)
		free = t.find(h, hash)
	}
	free.a, free.b, free.pa, free.pb = h.a, h.b, h.pa, h.pb
	free.node, free.scope, free.flags = h.node, h.scope, h.flags
	t.n++
}

func (t *lones) grow(p *pairing) {
	old := t.slots
	t.slots = make([]lone, max(64, 2*len(old)))
	for i := range old {
		if old[i].flags != 0 {
			var h half
			old[i].half(&h)
			*t.find(&h, h.hash(p)) = old[i]
		}
	}
}

// remove takes out the half that find has found, and closes the gap.
func (t *lones) remove(p *pairing, h *half, hash uint32) {
	mask := uint32(len(t.slots) - 1)
	pos := hash & mask
	for !t.slots[pos].sameConnection(h) {
		pos = (pos + 1) & mask
	}
	t.n--
	for next := (pos + 1) & mask; t.slots[next].flags != 0; next = (next + 1) & mask {
		l := &t.slots[next]
		home := p.hashEnds(l.a, l.b, l.pa, l.pb) & mask
		if (next-home)&mask >= (next-pos)&mask {
			t.slots[pos] = *l
			pos = next
		}
	}
	t.slots[pos] = lone{}
}

// lonely tries to do what s asks for, which looks like want, with nothing but
// the lone halves. It reports whether that was all.
func (p *pairing) lonely(s *sight, want *half, hash uint32) (done bool) {
	l := p.lones.find(want, hash)
	if l == nil || l.flags == 0 {
		if !s.bare || s.remote != s.bareRemote || p.rivaled(want, hash) {
			return false
		}
		want.flags |= opened
		p.lones.insert(p, want, hash, l)
		return true
	}
	var h half
	l.half(&h)
	p.lones.remove(p, want, hash)
	if p.opts.ForgetPaired && s.bare && (h.flags ^ want.flags).has(upper) {
		p.forgetBare(&h, want)
		return true
	}
	p.newHalf(&h, hash)
	return false
}

// forgetBare adds the connection of two bare halves, which are not stored, to its
// edge for good.
func (p *pairing) forgetBare(h, mate *half) {
	const both = outgoing | incoming
	one, other := h.flags&both, mate.flags&both
	if one^other != both || h.node == 0 || mate.node == 0 {
		p.count.tally(p.flow(&p.edges, 0, h, mate))
		return
	}
	// Which came first cannot be foretold: no branch depends on it.
	serverFirst := one == incoming
	from, to, port := ref(h.node), ref(mate.node), h.pa
	if serverFirst {
		from, to = to, from
	}
	if h.flags.has(upper) == serverFirst {
		port = h.pb
	}
	if h.flags.has(loopback) {
		from |= loopbackRef
	}
	*p.edges.addConnection() = connection{from, to, port}
	p.count.Connections++
	p.count.Open++
	p.count.Paired++
}

// rivaled reports whether there is another half with the same endpoints, beside
// the lone ones.
func (p *pairing) rivaled(want *half, hash uint32) bool {
	for i, pos, ok := p.pairs.seek(hash, hash); ok; i, pos, ok = p.pairs.seek(hash, pos) {
		if p.halves.at(i).sameConnection(want) {
			return true
		}
	}
	return false
}

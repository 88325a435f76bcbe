package flowgraph

import (
	"time"

	"example.com/tcpgraph/traceformat"
)

const (
	// maxRivals is how many halves with the same two endpoints are told
	// apart: those of several namespaces, and of connections one after the
	// other. When there are more, the oldest is forgotten first.
	maxRivals = 8
	// maxLag is how far the times of the two halves of a connection may lie
	// apart: an accept can come long after the connect. It is below the time
	// in which most systems use an ephemeral port again.
	maxLag = int64(2 * time.Minute)
)

// rivals are the halves that have the same two endpoints.
type rivals struct {
	at [maxRivals + 1]uint32
	n  int
}

// place finds the half that s tells of, which looks like want, or makes it, and
// finds its mate.
func (p *pairing) place(s *sight, want *half, hash uint32) {
	if p.lonely(s, want, hash) {
		return
	}
	var r rivals
	for i, pos, ok := p.pairs.seek(hash, hash); ok; i, pos, ok = p.pairs.seek(hash, pos) {
		if p.halves.at(i).sameConnection(want) && r.n < maxRivals {
			r.at[r.n] = i
			r.n++
		}
	}
	if i := p.known(s, want, &r); i != 0 {
		if !p.update(i, s) {
			p.count.Duplicates++
		}
		if r.n > 1 && s.time != 0 && !p.decided(&r) {
			p.match(&r)
		}
		p.review(i)
		return
	}
	if p.opts.ForgetPaired && r.n == 1 && s.bare && p.halves.at(r.at[0]).flags&(bare|closed) == bare &&
		(p.halves.at(r.at[0]).flags ^ want.flags).has(upper) {
		p.count.tally(p.flow(&p.edges, r.at[0], p.halves.at(r.at[0]), want))
		p.drop(r.at[0])
		return
	}
	if r.n == 0 && s.bare {
		want.flags |= opened << s.trust()
		p.newHalf(want, hash)
		return
	}
	if r.n == maxRivals {
		p.settle(r.at[0])
		p.count.Forgotten++
		p.place(s, want, hash)
		return
	}
	i := p.newHalf(want, hash)
	p.update(i, s)
	if r.n == 1 {
		p.join(i, r.at[0])
	} else if r.n > 1 {
		r.at[r.n] = i
		r.n++
		p.match(&r)
	}
	p.review(i)
}

// join makes the only two halves with their endpoints mates, if they can be.
func (p *pairing) join(i, j uint32) {
	x, y := p.halves.at(i), p.halves.at(j)
	if _, ok := p.distance(i, j); ok && (x.flags ^ y.flags).has(upper) {
		x.mate, y.mate = j, i
		x.flags &^= rivalled
		y.flags &^= rivalled
	}
}

// decided reports whether the rivals are two mates, with nothing to decide.
func (p *pairing) decided(r *rivals) bool {
	if r.n != 2 || p.halves.at(r.at[0]).mate != r.at[1] {
		return false
	}
	_, ok := p.distance(r.at[0], r.at[1])
	return ok
}

// known returns which of the rivals s tells of, 0 if none. Of several it is
// the one of the same process, then the nearest in time, then the newest.
func (p *pairing) known(s *sight, want *half, r *rivals) uint32 {
	var best uint32
	var bestFar int64
	bestSame := false
	start := s.time
	if s.kind == traceformat.Close {
		start = s.start()
	}
	for _, i := range r.at[:r.n] {
		if !p.describes(s, i, want) {
			continue
		}
		same := p.halves.at(i).node == s.node
		far := apart(start, p.times(i).first)
		if best == 0 || same && !bestSame || same == bestSame && far <= bestFar {
			best, bestFar, bestSame = i, far, same
		}
	}
	return best
}

// apart returns how far two times are apart, 0 where one is unknown.
func apart(a, b int64) int64 {
	if a == 0 || b == 0 {
		return 0
	}
	return max(a-b, b-a)
}

// match decides anew which of the rivals are mates.
//
// Halves of one namespace can be mates. So can those of two namespaces, if
// neither has a half for the other end and no third namespace comes into
// question. Among these, those nearest in time go together first; what is
// equally near stays as it was.
func (p *pairing) match(r *rivals) {
	crossed, ambiguous := p.crossScopes(r)
	var mate [maxRivals + 1]int // positions plus one
	for {
		best, bi, bj := int64(-1), 0, 0
		for i := range r.n {
			for j := range i {
				x, y := p.halves.at(r.at[i]), p.halves.at(r.at[j])
				if mate[i] != 0 || mate[j] != 0 || !(x.flags ^ y.flags).has(upper) ||
					x.scope != y.scope && !(crossed && p.alone(r, i) && p.alone(r, j)) {
					continue
				}
				far, ok := p.distance(r.at[i], r.at[j])
				if !ok {
					continue
				}
				far *= 2
				if x.mate != r.at[j] {
					far++
				}
				if best < 0 || far <= best {
					best, bi, bj = far, i, j
				}
			}
		}
		if best < 0 {
			break
		}
		mate[bi], mate[bj] = bj+1, bi+1
	}
	var changed rivals
	for i := range r.n {
		h := p.halves.at(r.at[i])
		h.flags &^= rivalled
		if mate[i] == 0 && ambiguous && p.alone(r, i) {
			h.flags |= rivalled
		}
		was := h.mate
		h.mate = 0
		if mate[i] != 0 {
			h.mate = r.at[mate[i]-1]
		}
		if h.mate != was {
			changed.at[changed.n] = r.at[i]
			changed.n++
		}
	}
	for _, i := range changed.at[:changed.n] {
		p.review(i)
	}
}

// alone reports whether a rival's namespace has no half for the other end.
func (p *pairing) alone(r *rivals, i int) bool {
	x := p.halves.at(r.at[i])
	for _, j := range r.at[:r.n] {
		if y := p.halves.at(j); y.scope == x.scope && (x.flags ^ y.flags).has(upper) {
			return false
		}
	}
	return true
}

// crossScopes reports whether the rivals that are alone in their namespace
// can be mates, being of one namespace at either end, and whether they
// cannot because there are more.
func (p *pairing) crossScopes(r *rivals) (crossed, ambiguous bool) {
	var scope [2]uint32
	many := false
	for i := range r.n {
		if !p.alone(r, i) {
			continue
		}
		h := p.halves.at(r.at[i])
		s := &scope[0]
		if h.flags.has(upper) {
			s = &scope[1]
		}
		many = many || *s != 0 && *s != h.scope
		*s = h.scope
	}
	both := scope[0] != 0 && scope[1] != 0
	return both && !many, both && many
}

// distance returns how far in time two halves are apart, and whether they can
// be mates.
func (p *pairing) distance(i, j uint32) (far int64, ok bool) {
	x, y := p.times(i), p.times(j)
	if x.count != y.count {
		return 0, false
	}
	if x.first == 0 || y.first == 0 {
		return 0, true
	}
	if p.halves.at(i).flags.has(closed) && y.first > x.last+maxLag ||
		p.halves.at(j).flags.has(closed) && x.first > y.last+maxLag {
		return 0, false
	}
	return min(apart(x.first, y.first), 1<<61), true
}

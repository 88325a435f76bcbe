package flowgraph

import (
	"slices"
	"time"

	"example.com/tcpgraph/traceformat"
)

const (
	// maxRivals is how many halves with the same two endpoints are told
	// apart: those of several namespaces, and of connections one after the
	// other. When there are more, the oldest is forgotten first.
	maxRivals = 8
	// maxAll is the same where all connections are remembered: so many that a
	// client's ports can be used hundreds of times, and so few that a trace
	// which uses one for ever can be read.
	maxAll = 1 << 10
	// maxLag is how far the times of the two halves of a connection may lie
	// apart: an accept can come long after the connect. It is below the time
	// in which most systems use an ephemeral port again.
	maxLag = int64(2 * time.Minute)
)

// place finds the half that s tells of, which looks like want, or makes it, and
// finds its mate.
func (p *pairing) place(s *sight, want *half, hash uint32) {
	if p.lonely(s, want, hash) {
		return
	}
	r := p.rivalsOf(want, hash)
	if i := p.known(s, want, r); i != 0 {
		if !p.update(i, s) {
			p.count.Duplicates++
		}
		if len(r) > 1 && s.time != 0 && !p.decided(r) {
			p.rematch(r, s)
		}
		p.review(i)
		return
	}
	if p.opts.ForgetPaired && len(r) == 1 && s.bare && p.halves.at(r[0]).flags&(bare|closed) == bare &&
		(p.halves.at(r[0]).flags ^ want.flags).has(upper) {
		p.count.tally(p.flow(&p.edges, r[0], p.halves.at(r[0]), want))
		p.drop(r[0])
		return
	}
	if len(r) == 0 && s.bare {
		want.flags |= opened << s.trust()
		p.newHalf(want, hash)
		return
	}
	if len(r) >= maxRivals && p.crowded(r) {
		p.place(s, want, hash)
		return
	}
	i := p.newHalf(want, hash)
	p.update(i, s)
	if len(r) == 1 {
		p.join(i, r[0])
	} else if len(r) > 1 {
		p.rematch(append(r, i), s)
	}
	p.review(i)
}

// rematch has it decided anew which of the rivals are mates, as s told something
// new. Where all connections are remembered, and there may be many rivals, that
// can wait until the graph is read: nothing but ForgetPaired asks for it before.
func (p *pairing) rematch(r []uint32, s *sight) {
	if p.opts.Reorder < 0 && !(p.opts.ForgetPaired && s.bare) {
		p.halves.at(r[0]).flags |= undecided
		return
	}
	p.match(r)
}

// matchAll decides what rematch has put off.
func (p *pairing) matchAll() {
	if p.opts.Reorder >= 0 {
		return
	}
	for i := range p.halves.n {
		if h := p.halves.at(i); h.flags.has(undecided) {
			p.match(p.rivalsOf(h, h.hash(p)))
		}
	}
}

// crowded makes room for another rival, if there are too many.
func (p *pairing) crowded(r []uint32) bool {
	if p.opts.Reorder >= 0 {
		p.forget(r[0])
		return true
	}
	if len(r) < maxAll {
		return false
	}
	p.match(slices.Clone(r))
	for _, i := range r[:len(r)/2] { // so that this is seldom
		if p.halves.at(i).flags.has(alive) {
			p.forget(i)
		}
	}
	return true
}

// rivalsOf returns the halves that have the same two endpoints as h, the oldest
// first. The result is good until the next call.
func (p *pairing) rivalsOf(h *half, hash uint32) []uint32 {
	r := p.rivals[:0]
	for i, pos, ok := p.pairs.seek(hash, hash); ok; i, pos, ok = p.pairs.seek(hash, pos) {
		if p.halves.at(i).sameConnection(h) {
			r = append(r, i)
		}
	}
	p.rivals = r
	return r
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
func (p *pairing) decided(r []uint32) bool {
	if len(r) != 2 || p.halves.at(r[0]).mate != r[1] {
		return false
	}
	_, ok := p.distance(r[0], r[1])
	return ok
}

// known returns which of the rivals s tells of, 0 if none. Of several it is
// the one of the same process, then the nearest in time, then the newest.
func (p *pairing) known(s *sight, want *half, r []uint32) uint32 {
	var best uint32
	var bestFar int64
	bestSame := false
	start := s.time
	if s.kind == traceformat.Close {
		start = s.start()
	}
	for _, i := range r {
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

package flowgraph

import (
	"cmp"
	"slices"

	"example.com/tcpgraph/traceformat"
)

// nearness is how well two halves suit each other, best first: by where they were
// seen, and of two namespaces by whether they opened within maxLag.
type nearness uint8

const (
	sameScope nearness = iota
	sameHost
	sameHostLater
	elsewhere
	elsewhereLater
	nowhere // suits none
)

// rival is one of the halves with the same two endpoints.
type rival struct {
	half, scope, host uint32
	flags             halfFlags
	first             int64

	best   nearness // to the halves that it suits best
	meets  uint32   // the scope of these, 0 if there are none
	many   bool     // they are of several scopes
	unsure bool     // it, or one of these, has many
	mate   uint32
}

// couple is two rivals, by their positions, that can be mates.
type couple struct {
	later, sooner int // when they were first heard of
	near          nearness
	far           int64 // in time; what was so before is a little nearer
}

// match decides anew which of the halves with the same two endpoints are mates.
// It uses r for something else.
//
// Each half looks for a mate in its own namespace, then in others of its host,
// then elsewhere, and there first among those that opened at about its time.
// What is within reach in time counts, except for halves that suit another
// better. In the first place where it finds any, its mate is among these or
// nowhere; and if these, or those of the mate, are of several namespaces,
// nobody can say which it is. Among the rest, those nearest in time go together
// first; what is equally near stays as it was.
func (p *pairing) match(r []uint32) {
	all := p.matched[:0]
	for _, i := range r {
		h := p.halves.at(i)
		all = append(all, rival{
			half: i, scope: h.scope, host: p.scopes[h.scope].hostNumber,
			flags: h.flags, first: p.times(i).first, best: nowhere,
		})
	}
	p.matched = all
	p.couple()
	for rest := p.couples; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].near == rest[0].near {
			n++
		}
		marry(all, rest[:n])
		rest = rest[n:]
	}
	changed := r[:0]
	for i := range all {
		x := &all[i]
		h := p.halves.at(x.half)
		h.flags &^= rivalled | undecided
		if x.mate == 0 && x.unsure {
			h.flags |= rivalled
		}
		if h.mate != x.mate {
			h.mate = x.mate
			changed = append(changed, x.half)
		}
	}
	for _, i := range changed {
		p.review(i)
	}
}

// couple finds all rivals that can be mates, and sorts them by how well they
// suit.
func (p *pairing) couple() {
	p.couples = p.couples[:0]
	all := p.matched
	for i := range all {
		x := &all[i]
		for j := range all[:i] {
			y := &all[j]
			if !(x.flags ^ y.flags).has(upper) {
				continue
			}
			far, ok := p.distance(x.half, y.half)
			if !ok {
				continue
			}
			far *= 2
			if p.halves.at(x.half).mate != y.half {
				far++
			}
			p.couples = append(p.couples, couple{i, j, x.near(y), far})
		}
	}
	slices.SortFunc(p.couples, func(a, b couple) int {
		return cmp.Or(cmp.Compare(a.near, b.near), cmp.Compare(a.far, b.far), a.later-b.later, b.sooner-a.sooner)
	})
}

// marry makes mates of couples that are equally near.
func marry(all []rival, couples []couple) {
	for _, c := range couples {
		x, y := &all[c.later], &all[c.sooner]
		if x.best >= c.near && y.best >= c.near {
			x.best, y.best = c.near, c.near
			x.meet(y)
			y.meet(x)
		}
	}
	for _, c := range couples {
		x, y := &all[c.later], &all[c.sooner]
		switch {
		case x.best != c.near || y.best != c.near: // one of them suits another better
		case x.many || y.many:
			x.unsure, y.unsure = true, true
		case x.mate == 0 && y.mate == 0:
			x.mate, y.mate = y.half, x.half
		}
	}
}

// meet notes that y may be the mate.
func (x *rival) meet(y *rival) {
	x.many = x.many || x.meets != 0 && x.meets != y.scope
	x.meets = y.scope
}

// near returns how well two halves suit each other.
func (x *rival) near(y *rival) nearness {
	var n nearness
	switch {
	case x.scope == y.scope:
		return sameScope
	case x.host == y.host:
		n = sameHost
	default:
		n = elsewhere
	}
	if x.first > y.first {
		x, y = y, x
	}
	// When a connection opened that a snapshot has found is not known.
	found := y.flags&openedMask == opened<<traceformat.OwnerSnapshot
	if x.first != 0 && y.first != 0 && !found && apart(x.first, y.first) > maxLag {
		n++
	}
	return n
}

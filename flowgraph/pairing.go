package flowgraph

import "example.com/tcpgraph/traceformat"

// pairing puts halves together, and sums up the connections that are forgotten.
// It knows processes, addresses and scopes by their numbers: nothing in it is
// used while the graph numbers those of the next events, so that the two can be
// done at the same time.
type pairing struct {
	opts   Options
	hash   hasher
	addrs  addrBook // of the batch
	nodes  arena[Node]
	scopes []scopeRec

	services  map[serviceKey]*service
	endpoints numbering[serviceKey]
	outsiders numbering[uint32]

	lones  lones // the simplest of the halves; the others are in
	pairs  index // by connection
	halves arena[half]
	more   arena[halfMore] // beside halves, as far as anything was known
	free   uint32          // head of the list of free halves
	ended  list            // ended connections that are still remembered

	// What the sights look like that are worked on, and the hashes of that.
	want   [together]half
	wanted [together]uint32

	// Room for the halves with the same endpoints, and for what match finds.
	rivals  []uint32
	matched []rival
	couples []couple

	edges   edgeTable // what forgotten connections came to
	count   Stats     // of forgotten connections, and duplicates
	touched uint32    // a sum that keeps the compiler from leaving that out
}

func (p *pairing) init(opts Options) {
	p.opts, p.hash = opts, newHasher()
	p.services = make(map[serviceKey]*service)
	p.halves.add() // number 0 is none
	p.edges = newEdgeTable(&p.hash)
}

// together is how many sights are worked on at once, since looking for the halves
// of many lets their cache misses overlap.
const together = 32

// batch is some sights, and the addresses, nodes and scopes that were known when the last
// of them was numbered. More may become known while it is worked on.
type batch struct {
	sights []sight
	addrs  addrBook
	nodes  arena[Node]
	scopes []scopeRec
}

// work does what the sights of a batch ask for.
func (p *pairing) work(b *batch) {
	p.addrs, p.nodes, p.scopes = b.addrs, b.nodes, b.scopes
	sights := b.sights
	for len(sights) > together {
		p.some(sights[:together])
		sights = sights[together:]
	}
	p.some(sights)
}

// some is work for no more than are worked on at once.
func (p *pairing) some(sights []sight) {
	want, hash := &p.want, &p.wanted
	for i := range sights {
		sights[i].half(&want[i])
		hash[i] = want[i].hash(p)
	}
	// The loops that touch are short, so that the processor is in many rounds of
	// them at once.
	touched := uint32(0)
	for _, h := range hash[:len(sights)] {
		touched += p.lones.touch(h)
	}
	if p.pairs.used > 0 {
		for _, h := range hash[:len(sights)] {
			touched += p.pairs.touch(h)
		}
		for _, h := range hash[:len(sights)] {
			if n, _, ok := p.pairs.seek(h, h); ok {
				touched += p.halves.at(n).node
			}
		}
	}
	p.touched = touched
	for i := range sights {
		s := &sights[i]
		if s.newService {
			p.sawService(s)
		}
		if s.kind == traceformat.Fail {
			p.fail(s)
		} else {
			p.place(s, &want[i], hash[i])
		}
	}
}

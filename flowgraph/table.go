package flowgraph

import (
	"hash/maphash"
	"math/bits"
)

// arena is a growing array in chunks: its items never move, so that pointers
// to them stay good, and growing copies nothing.
type arena[T any] struct {
	chunks [][]T
	n      uint32
}

const (
	chunkBits = 10
	chunkSize = 1 << chunkBits
)

func (a *arena[T]) at(i uint32) *T { return &a.chunks[i>>chunkBits][i%chunkSize] }

// add appends a zero item and returns its number.
func (a *arena[T]) add() uint32 {
	if a.n%chunkSize == 0 {
		a.chunks = append(a.chunks, make([]T, chunkSize))
	}
	a.n++
	return a.n - 1
}

// reach returns item i, after growing the arena to have it.
func (a *arena[T]) reach(i uint32) *T {
	for a.n <= i {
		a.add()
	}
	return a.at(i)
}

// index finds items by hash: open addressing with linear probing, where each
// slot holds the hash and the item's number. The caller compares the keys, so
// several items may share one.
type index struct {
	slots []slot
	used  int
}

type slot struct{ hash, item uint32 } // item is one more than its number; 0 is free

// seek returns the number of the next item with the hash, looking from
// position pos on, and the position behind it. Start with pos = hash.
func (x *index) seek(hash, pos uint32) (item, next uint32, ok bool) {
	if len(x.slots) == 0 {
		return 0, 0, false
	}
	mask := uint32(len(x.slots) - 1)
	for ; ; pos++ {
		s := x.slots[pos&mask]
		if s.item == 0 {
			return 0, 0, false
		}
		if s.hash == hash {
			return s.item - 1, pos + 1, true
		}
	}
}

// touch brings where seek will look into the processor's cache. What it returns
// must be used, so that the compiler does not leave it out.
func (x *index) touch(hash uint32) uint32 {
	if len(x.slots) == 0 {
		return 0
	}
	return x.slots[hash&uint32(len(x.slots)-1)].item
}

// insert adds an item; it comes behind those with the same hash.
func (x *index) insert(hash, item uint32) {
	if x.used >= len(x.slots)/4*3 {
		x.grow()
	}
	x.put(slot{hash, item + 1})
	x.used++
}

func (x *index) put(s slot) {
	mask := uint32(len(x.slots) - 1)
	pos := s.hash & mask
	for x.slots[pos].item != 0 {
		pos = (pos + 1) & mask
	}
	x.slots[pos] = s
}

func (x *index) grow() {
	old := x.slots
	x.slots = make([]slot, max(64, 2*len(old)))
	if len(old) == 0 {
		return
	}
	// Begin behind a free slot, so that items with one hash keep their order
	// even where a run of them wraps round the end.
	start := 0
	for old[start].item != 0 {
		start++
	}
	for i := range old {
		if s := old[(start+i)&(len(old)-1)]; s.item != 0 {
			x.put(s)
		}
	}
}

// remove takes an item out and closes the gap.
func (x *index) remove(hash, item uint32) {
	if len(x.slots) == 0 {
		return
	}
	mask := uint32(len(x.slots) - 1)
	pos := hash & mask
	for x.slots[pos] != (slot{hash, item + 1}) {
		if x.slots[pos].item == 0 {
			return
		}
		pos = (pos + 1) & mask
	}
	x.used--
	for next := (pos + 1) & mask; x.slots[next].item != 0; next = (next + 1) & mask {
		if home := x.slots[next].hash & mask; (next-home)&mask >= (next-pos)&mask {
			x.slots[pos] = x.slots[next]
			pos = next
		}
	}
	x.slots[pos] = slot{}
}

// hasher makes the hashes of the tables. Its seed is random, so that nobody
// can choose names and addresses that collide.
type hasher struct {
	seed maphash.Seed
	k, l uint64
}

func newHasher() hasher {
	s := maphash.MakeSeed()
	return hasher{s, maphash.String(s, "k"), maphash.String(s, "l")}
}

func (h *hasher) words(a, b uint64) uint32 {
	hi, lo := bits.Mul64(a^h.k, b^h.l)
	return uint32(hi ^ lo ^ (hi^lo)>>32)
}

func (h *hasher) text(s string) uint64 { return maphash.String(h.seed, s) }

package flowgraph

import "sync"

// How many sights a relay takes at a time, and how many times before it has to
// wait: enough that handing them over costs next to nothing, and few enough for a
// processor's cache.
const (
	relaySize  = 32 * together
	relayDepth = 4
)

// relay has sights worked on by a goroutine. It runs only while there are some, so
// that nothing is left of it when its graph is not used any more.
type relay struct {
	p       *pairing
	mu      sync.Mutex
	changed sync.Cond
	full    []batch
	free    [][]sight
	running bool
}

func newRelay(p *pairing) *relay {
	r := &relay{p: p}
	r.changed.L = &r.mu
	for range relayDepth {
		r.free = append(r.free, make([]sight, 0, relaySize))
	}
	return r
}

// hand takes over a batch, and returns where the next may be put.
func (r *relay) hand(b batch) (next []sight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.full = append(r.full, b)
	if !r.running {
		r.running = true
		go r.run()
	}
	for len(r.free) == 0 {
		r.changed.Wait()
	}
	next = r.free[len(r.free)-1]
	r.free = r.free[:len(r.free)-1]
	return next
}

// wait waits until all is done.
func (r *relay) wait() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.running {
		r.changed.Wait()
	}
}

func (r *relay) run() {
	r.mu.Lock()
	for len(r.full) > 0 {
		b := r.full[0]
		r.full = append(r.full[:0], r.full[1:]...)
		r.mu.Unlock()
		r.p.work(&b)
		r.mu.Lock()
		r.free = append(r.free, b.sights[:0])
		r.changed.Signal()
	}
	r.running = false
	r.changed.Signal()
	r.mu.Unlock() // not deferred: a panic in work is not to be told as another here
}

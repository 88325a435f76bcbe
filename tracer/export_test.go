//go:build linux

package tracer

import (
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"example.com/tcpgraph/bpf"
)

// Deafen lets the programs see nothing, or again all.
func (t *Tracer) Deafen(on bool) error {
	phase := bpf.TcpgraphPhasePHASE_RUNNING
	if on {
		phase = bpf.TcpgraphPhasePHASE_ATTACHING
	}
	return t.kernel.variable(bpf.TcpgraphVarCurrentPhase).Set(uint32(phase))
}

// WithoutSlots has the state of all sockets kept with them until the test ends, as
// where there is no room for it elsewhere.
func WithoutSlots(t *testing.T) {
	noSlots = true
	t.Cleanup(func() { noSlots = false })
}

// Watched is how many programs are watched for runs that the kernel skips.
func (t *Tracer) Watched() int { return len(t.kernel.callProgs) }

// Patience is for how long a snapshot waits for what is under way.
var Patience = patience

// OnSnapshot has f called whenever a tracer begins its snapshot, which waits that
// long at the most for what is under way, until the test ends.
func OnSnapshot(t *testing.T, wait time.Duration, f func()) {
	was := patience
	patience, snapshotBegins = wait, f
	t.Cleanup(func() { patience, snapshotBegins = was, nil })
}

// WalkFor is for how long a walk over the sockets of a namespace is waited for, until
// the test ends.
func WalkFor(t *testing.T, d time.Duration) {
	was := walkFor
	walkFor = d
	t.Cleanup(func() { walkFor = was })
}

// Interrupted is how many changes of state were handled in interrupts of others,
// by what the kernel has counted and by what the programs have.
func (t *Tracer) Interrupted() (missed, stoodIn uint64, err error) {
	s, err := t.kernel.skips()
	if err != nil {
		return 0, 0, err
	}
	s = s.since(t.kernel.before)
	return s.missed[0], s.stoodIn, nil
}

// AtLeast tells whether this is at least that version of Linux.
func AtLeast(major, minor int) bool { return atLeast(kernelRelease(), major, minor) }

// SetState is the program that handles changes of state.
func (t *Tracer) SetState() *ebpf.Program { return t.kernel.prog(bpf.TcpgraphProgSetState) }

// DropAccept detaches the first of two hooks of each accept, and tells whether there
// are two.
func (t *Tracer) DropAccept(tb testing.TB) bool {
	tb.Helper()
	k := t.kernel
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.grafted {
		return false
	}
	if err := k.hooks[0].Close(); err != nil {
		tb.Fatal(err)
	}
	k.hooks = k.hooks[1:]
	return true
}

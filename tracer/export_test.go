//go:build linux

package tracer

import (
	"testing"
	"time"

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

// OnSnapshot has f called whenever a tracer begins its snapshot, which then waits
// that long for what is under way, until the test ends.
func OnSnapshot(t *testing.T, wait time.Duration, f func()) {
	was := settle
	settle, snapshotBegins = wait, f
	t.Cleanup(func() { settle, snapshotBegins = was, nil })
}

//go:build linux

package tracer

import (
	"bytes"
	"runtime"
	"testing"
	"time"

	"example.com/tcpgraph/bpf"
	"example.com/tcpgraph/internal/netlab"
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

// Interrupted is how many changes of state were handled in interrupts of others,
// by what the kernel has counted and by what the programs have.
func (t *Tracer) Interrupted(tb testing.TB) (missed, stoodIn uint64) {
	tb.Helper()
	stoodIn, err := t.kernel.stoodIn()
	if err != nil {
		tb.Fatal(err)
	}
	return t.kernel.misses()[0], stoodIn
}

// Preemptible tells whether programs at tracepoints can be preempted.
func Preemptible() bool { return preemptible() }

// stackOfProcessor is how a program finds its stack, if it has one for each
// processor: it adds where the memory of that begins.
var stackOfProcessor = map[string][]byte{
	"amd64": {0x65, 0x4c, 0x03, 0x0c, 0x25}, // add r9, gs:[…]
	"arm64": {0x7b, 0x03, 0x0a, 0x8b},       // add x27, x27, x10
}

// StackPerProcessor tells whether set_state has a stack for each processor.
func (t *Tracer) StackPerProcessor(tb testing.TB) bool {
	tb.Helper()
	info, err := t.kernel.prog(bpf.TcpgraphProgSetState).Info()
	if err != nil {
		tb.Fatal(err)
	}
	code, ok := info.JitedInsns()
	if !ok {
		netlab.Skip(tb, "this kernel does not show the code of programs")
	}
	return bytes.Contains(code, stackOfProcessor[runtime.GOARCH])
}

//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"

	"example.com/tcpgraph/bpf"
)

// kernel is what a tracer has in the kernel: maps, programs, attachments.
type kernel struct {
	spec    *ebpf.CollectionSpec
	coll    *ebpf.Collection
	cache   *btf.Cache
	mu      sync.Mutex  // of hooks
	hooks   []io.Closer // in order of attachment
	names   []string
	accept  AcceptHook
	missing []string
	unowned uint64 // connections from before that no process was found for

	stateProgs  []string // see there
	before      skips    // what was missed before the programs began
	detached    bool     // and lastSkipped is what was skipped
	lastSkipped uint64
	callProgs   []*ebpf.Program // those of accept and connect that are attached
	grafted     bool            // the first two of them are hooks of each accept
}

// corePrograms work everywhere. The others are loaded by what the kernel offers.
var corePrograms = map[string]bool{
	bpf.TcpgraphProgSetState:        true,
	bpf.TcpgraphProgScanUnaccepted:  true,
	bpf.TcpgraphProgSnapshotFiles:   true,
	bpf.TcpgraphProgSnapshotSockets: true,
}

// The names are those of the generated bindings, so what they name is there.
func (k *kernel) prog(name string) *ebpf.Program      { return k.coll.Programs[name] }
func (k *kernel) table(name string) *ebpf.Map         { return k.coll.Maps[name] }
func (k *kernel) variable(name string) *ebpf.Variable { return k.coll.Variables[name] }

func load(o *Options) (k *kernel, err error) {
	spec, err := bpf.LoadTcpgraph()
	if err != nil {
		return nil, fmt.Errorf("read the BPF object: %w", err)
	}
	pidns, err := ownPIDNS()
	if err != nil {
		return nil, err
	}
	if err := setConstants(spec, o, pidns); err != nil {
		return nil, err
	}
	spec.Maps[bpf.TcpgraphMapEvents].MaxEntries = uint32(o.RingSize)
	spec.Maps[bpf.TcpgraphMapAccepted].MaxEntries = uint32(o.MaxAccepted)
	spec.Maps[bpf.TcpgraphMapPending].MaxEntries = uint32(o.MaxAccepted)
	if !useSlots() {
		spec.Maps[bpf.TcpgraphMapBuckets].MaxEntries = 1
	}
	if o.Aggregate == 0 {
		for _, name := range aggregateMaps {
			spec.Maps[name].MaxEntries = 1 // takes no memory to speak of
		}
	}

	k = &kernel{spec: spec, cache: btf.NewCache(), stateProgs: stateProgs()}
	base := *spec
	base.Programs = make(map[string]*ebpf.ProgramSpec)
	for name, p := range spec.Programs {
		if corePrograms[name] || slices.Contains(k.stateProgs, name) || o.Aggregate > 0 && name == bpf.TcpgraphProgSweepFlows {
			base.Programs[name] = p
		}
	}
	k.coll, err = ebpf.NewCollectionWithOptions(&base, ebpf.CollectionOptions{Cache: k.cache})
	if err != nil {
		return nil, fmt.Errorf("load the BPF programs: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.Close())
		}
	}()
	if err := k.fillFilters(o); err != nil {
		return nil, err
	}
	k.notePIDNS(pidns)
	return k, nil
}

// noSlots keeps the state of all sockets with them. Tests set it.
var noSlots bool

// useSlots tells whether the state of most sockets that connect is kept in slots
// (bpf/slots.h). They are taken by an atomic operation that arm64 has since Linux
// 5.18.
func useSlots() bool {
	return !noSlots && (runtime.GOARCH != "arm64" || atLeast(kernelRelease(), 5, 18))
}

// attach attaches the hooks. They begin with takeSnapshot.
func (k *kernel) attach(want AcceptHook) error {
	if err := k.attachAccept(want); err != nil {
		return err
	}
	if k.accept != AcceptNone {
		if err := k.variable(bpf.TcpgraphVarAcceptHooked).Set(uint32(1)); err != nil {
			return fmt.Errorf("set accept_hooked: %w", err)
		}
	}
	if err := k.table(bpf.TcpgraphMapBody).Put(uint32(0), k.prog(bpf.TcpgraphProgSetState)); err != nil {
		return fmt.Errorf("enter set_state: %w", err)
	}
	const name = "tp_btf/inet_sock_set_state"
	for _, prog := range k.stateProgs {
		l, err := link.AttachTracing(link.TracingOptions{Program: k.prog(prog)})
		if err != nil {
			return fmt.Errorf("attach %s: %w", name, err)
		}
		k.hooks = append(k.hooks, l)
	}
	k.names = append(k.names, name)
	k.attachConnect()
	return nil
}

func (k *kernel) hooked(c io.Closer, name string) {
	k.hooks = append(k.hooks, c)
	k.names = append(k.names, name)
}

// keep keeps a program that was attached to calls, for calls to count what is
// skipped of it, and lets go of one that could not be.
func (k *kernel) keep(p *ebpf.Program, failed *error) {
	if *failed != nil {
		p.Close()
		return
	}
	k.callProgs = append(k.callProgs, p)
}

// detach removes the hooks. The maps stay readable.
func (k *kernel) detach() error {
	skipped := k.skipped() // one after another, they miss what is not for them any more
	k.mu.Lock()
	defer k.mu.Unlock()
	var errs []error
	for i := len(k.hooks) - 1; i >= 0; i-- {
		errs = append(errs, k.hooks[i].Close())
	}
	k.hooks, k.detached, k.lastSkipped = nil, true, skipped
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	return nil
}

// Close frees everything. It may be called on a partly built kernel.
func (k *kernel) Close() error {
	err := k.detach()
	k.mu.Lock()
	for _, p := range k.callProgs {
		p.Close()
	}
	k.callProgs = nil
	k.mu.Unlock()
	k.coll.Close()
	return err
}

// scan reports incoming connections that have waited for their accept for at
// least that long. It returns how many wait for less.
func (k *kernel) scan(after time.Duration) (left int, err error) {
	if err := k.variable(bpf.TcpgraphVarUnacceptedAfter).Set(uint64(after)); err != nil {
		return 0, fmt.Errorf("set unaccepted_after: %w", err)
	}
	n, err := k.prog(bpf.TcpgraphProgScanUnaccepted).Run(nil)
	if err != nil {
		return 0, fmt.Errorf("scan for unaccepted connections: %w", err)
	}
	return int(n), nil
}

// setWaiting says whether the next event is to wake the reader.
func (k *kernel) setWaiting(on bool) {
	var v uint32
	if on {
		v = 1
	}
	// Writes to mapped memory whose size the loader has checked.
	_ = k.variable(bpf.TcpgraphVarReaderWaiting).Set(v)
}

// waited counts the connections that began to wait for their accept.
func (k *kernel) waited() uint64 { return sum(k.table(bpf.TcpgraphMapWaiting), 0) }

// sum adds up a counter over the processors; a closed map gives 0.
func sum(m *ebpf.Map, i uint32) (n uint64) {
	var cpus []uint64
	if err := m.Lookup(i, &cpus); err != nil {
		return 0
	}
	for _, v := range cpus {
		n += v
	}
	return n
}

// preemptible tells whether a program that handles a tracepoint can be preempted.
func preemptible() bool { return atLeast(kernelRelease(), 7, 0) }

// stateProgs returns the programs for a change of state, in the order in which
// they are to be attached. The kernel skips one that it has interrupted; where
// they can be preempted, more of them can be under way on a processor at a time.
func stateProgs() []string {
	progs := []string{bpf.TcpgraphProgSetStateFirst, bpf.TcpgraphProgSetStateSecond}
	if preemptible() {
		progs = append(progs, bpf.TcpgraphProgSetStateThird, bpf.TcpgraphProgSetStateFourth)
	}
	return progs
}

// skips counts the changes of state that the programs missed.
type skips struct {
	missed  []uint64 // by program, in the order of stateProgs
	stoodIn uint64   // of those that the first one missed, how many the second handled
}

func (k *kernel) skips() (s skips, err error) {
	// First, lest one count that is not among the missed yet.
	var cpus []bpf.TcpgraphChanges
	if err := k.table(bpf.TcpgraphMapHandled).Lookup(uint32(0), &cpus); err != nil {
		return s, fmt.Errorf("look up the changes that were handled: %w", err)
	}
	for _, c := range cpus {
		s.stoodIn += c.StoodIn
	}
	for _, name := range k.stateProgs {
		stats, err := k.prog(name).Stats()
		if err != nil {
			return s, fmt.Errorf("count the skipped runs of %s: %w", name, err)
		}
		s.missed = append(s.missed, stats.RecursionMisses)
	}
	return s, nil
}

// since returns what was counted since then.
func (s skips) since(then skips) skips {
	now := skips{missed: slices.Clone(s.missed), stoodIn: s.stoodIn - then.stoodIn}
	for i, n := range then.missed {
		now.missed[i] -= n
	}
	return now
}

// all returns how many changes all programs missed. Where they can be preempted
// one can be handled twice, and then it is how many that can be at the most.
func (s skips) all() uint64 {
	if preemptible() {
		return slices.Min(s.missed)
	}
	return s.missed[0] - min(s.stoodIn, s.missed[0])
}

// skipped returns how many changes of state passed all programs by, from when
// they began to when they are detached.
func (k *kernel) skipped() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.detached {
		return k.lastSkipped
	}
	s, err := k.skips()
	if err != nil {
		return 0 // the kernel does not tell
	}
	return s.since(k.before).all()
}

// calls returns how many accepts and connects can have passed their hooks by at
// the most, as the kernel has skipped their programs. What one of two hooks of each
// accept has missed, the other one has seen, unless it missed it as well.
func (k *kernel) calls() (n uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	missed := make([]uint64, len(k.callProgs))
	for i, p := range k.callProgs {
		if s, err := p.Stats(); err == nil {
			missed[i] = s.RecursionMisses
		}
	}
	if k.grafted && len(missed) > 1 { // not closed
		missed[0], missed[1] = min(missed[0], missed[1]), 0
	}
	for _, m := range missed {
		n += m
	}
	return n
}

func (k *kernel) lost() Lost {
	count := func(cause bpf.TcpgraphLoss) uint64 { return sum(k.table(bpf.TcpgraphMapLost), uint32(cause)) }
	return Lost{
		RingFull:  count(bpf.TcpgraphLossLOST_RING),
		Details:   count(bpf.TcpgraphLossLOST_DETAIL),
		Memory:    count(bpf.TcpgraphLossLOST_STORAGE),
		TableFull: count(bpf.TcpgraphLossLOST_TABLE),
		Ends:      count(bpf.TcpgraphLossLOST_END),
		Unowned:   k.unowned,
		Skipped:   k.skipped(),
		Calls:     k.calls(),
	}
}

// stats returns what does not change after Open.
func (k *kernel) stats() Stats {
	return Stats{Hooks: append([]string(nil), k.names...), Accept: k.accept, Missing: append([]string(nil), k.missing...)}
}

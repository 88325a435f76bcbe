//go:build linux

package unseen

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"example.com/tcpgraph/internal/netlab"
)

// The kernel's numbers, from include/uapi/linux/bpf.h.
const (
	onConnect     = 3      // BPF_SOCK_OPS_TCP_CONNECT_CB
	onState       = 10     // BPF_SOCK_OPS_STATE_CB
	onListen      = 11     // BPF_SOCK_OPS_TCP_LISTEN_CB
	stateFlag     = 1 << 2 // BPF_SOCK_OPS_STATE_CB_FLAG
	opOffset      = 0      // of bpf_sock_ops.op
	tgidShift     = 32     // of the result of bpf_get_current_pid_tgid
	cgroupPattern = "tcpgraph-unseen-*"
)

// The numbers that the two programs count.
const (
	told     = iota // by sock_ops, of this process's control group, in the process
	traced          // by the tracepoint, in the process
	anywhere        // by the tracepoint, in any process
	counters
)

// witness counts the changes of state that are handled while a process is the
// current one: of the sockets of this process, and of those that it starts, as a
// program of their control group is told of them; and of all, at the tracepoint.
type witness struct {
	in     int32 // that process
	counts *ebpf.Map
	links  []link.Link
	cgroup string
	from   string // where this process was
}

// newWitness moves this process into a control group of its own.
func newWitness(in int32) (w *witness, err error) {
	w = &witness{in: in}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
			w = nil
		}
	}()
	w.counts, err = ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8 * counters, MaxEntries: 1})
	if err != nil {
		return w, err
	}
	if err := w.enter(); err != nil {
		return w, err
	}
	if err := w.attach(ebpf.SockOps, w.sockOps(), func(p *ebpf.Program) (link.Link, error) {
		return link.AttachCgroup(link.CgroupOptions{Path: w.cgroup, Attach: ebpf.AttachCGroupSockOps, Program: p})
	}); err != nil {
		return w, fmt.Errorf("sock_ops: %w", err)
	}
	if err := w.attach(ebpf.RawTracepoint, w.tracepoint(), func(p *ebpf.Program) (link.Link, error) {
		return link.AttachRawTracepoint(link.RawTracepointOptions{Name: "inet_sock_set_state", Program: p})
	}); err != nil {
		return w, fmt.Errorf("raw tracepoint: %w", err)
	}
	return w, nil
}

func (w *witness) attach(of ebpf.ProgramType, code asm.Instructions, to func(*ebpf.Program) (link.Link, error)) error {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "unseen", Type: of, Instructions: code, License: "Dual MIT/GPL"})
	if err != nil {
		return err
	}
	defer p.Close()
	l, err := to(p)
	if err != nil {
		return err
	}
	w.links = append(w.links, l)
	return nil
}

// count adds one to a counter. It overwrites the registers 1 and 2.
func (w *witness) count(counter uint32) asm.Instructions {
	return asm.Instructions{
		asm.LoadMapValue(asm.R1, w.counts.FD(), 8*counter),
		asm.Mov.Imm(asm.R2, 1),
		asm.AddAtomic.Mem(asm.R1, asm.R2, asm.DWord, 0),
	}
}

// inProcess goes on where the process is the current one, and else to "end".
func (w *witness) inProcess() asm.Instructions {
	return asm.Instructions{
		asm.FnGetCurrentPidTgid.Call(),
		asm.RSh.Imm(asm.R0, tgidShift),
		asm.JNE.Imm(asm.R0, w.in, "end"),
	}
}

// sockOps asks to be told of the states of sockets that connect or listen;
// those that are accepted inherit it.
func (w *witness) sockOps() asm.Instructions {
	code := asm.Instructions{
		asm.LoadMem(asm.R7, asm.R1, opOffset, asm.Word),
		asm.JEq.Imm(asm.R7, onConnect, "ask"),
		asm.JEq.Imm(asm.R7, onListen, "ask"),
		asm.JNE.Imm(asm.R7, onState, "end"),
	}
	code = append(code, w.inProcess()...)
	code = append(code, w.count(told)...)
	return append(code,
		asm.Ja.Label("end"),
		asm.Mov.Imm(asm.R2, stateFlag).WithSymbol("ask"),
		asm.FnSockOpsCbFlagsSet.Call(),
		asm.Mov.Imm(asm.R0, 1).WithSymbol("end"),
		asm.Return(),
	)
}

func (w *witness) tracepoint() asm.Instructions {
	code := w.count(anywhere)
	code = append(code, w.inProcess()...)
	code = append(code, w.count(traced)...)
	return append(code,
		asm.Mov.Imm(asm.R0, 0).WithSymbol("end"),
		asm.Return(),
	)
}

// enter makes the control group, within that of this process, and moves this
// process there.
func (w *witness) enter() error {
	root, err := netlab.CgroupRoot()
	if err != nil {
		return err
	}
	path, err := netlab.OwnCgroup()
	if err != nil {
		return err
	}
	from := filepath.Join(root, path)
	if w.cgroup, err = os.MkdirTemp(from, cgroupPattern); err != nil {
		return err
	}
	if err := move(w.cgroup); err != nil {
		return err
	}
	w.from = from
	return nil
}

// move moves this process into a control group.
func move(cgroup string) error {
	return os.WriteFile(filepath.Join(cgroup, "cgroup.procs"), strconv.AppendInt(nil, int64(os.Getpid()), 10), 0)
}

// numbers is what was counted.
type numbers [counters]uint64

func (w *witness) numbers() (n numbers, err error) {
	err = w.counts.Lookup(uint32(0), &n)
	return n, err
}

// unseen is how many changes of state the kernel told the control group of, and
// showed to no program of the tracepoint; 0 if it shows any in that process.
func (n numbers) unseen() uint64 {
	if n[traced] > 0 || n[anywhere] == 0 {
		return 0
	}
	return n[told]
}

// Close moves this process back. What it has started must have ended.
func (w *witness) Close() error {
	var errs []error
	for _, l := range slices.Backward(w.links) {
		errs = append(errs, l.Close())
	}
	errs = append(errs, w.counts.Close())
	if w.from != "" {
		errs = append(errs, move(w.from))
	}
	if w.cgroup != "" {
		errs = append(errs, os.Remove(w.cgroup))
	}
	return errors.Join(errs...)
}

//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"os"
	"slices"
	"syscall"

	"github.com/cilium/ebpf"

	"example.com/tcpgraph/bpf"
)

// maxFilter is the size of each filter's map (bpf/state.h).
const maxFilter = 65536

// initialPIDNS is the inode of the initial PID namespace
// (PROC_PID_INIT_INO, include/linux/proc_ns.h).
const initialPIDNS = 0xEFFFFFFC

// complete checks the options and fills in the defaults.
func (o *Options) complete() error {
	if o.RingSize == 0 {
		o.RingSize = DefaultRingSize
	}
	if o.RingSize < 0 || o.RingSize > math.MaxInt32 {
		return fmt.Errorf("option RingSize %d: not in 1..%d", o.RingSize, math.MaxInt32)
	}
	o.RingSize = 1 << bits.Len(uint(max(o.RingSize, os.Getpagesize())-1))
	if o.MaxAccepted == 0 {
		o.MaxAccepted = DefaultMaxAccepted
	}
	if o.MaxAccepted < 0 || o.MaxAccepted > math.MaxInt32 {
		return fmt.Errorf("option MaxAccepted %d: not in 1..%d", o.MaxAccepted, math.MaxInt32)
	}
	if o.Unaccepted == 0 {
		o.Unaccepted = DefaultUnaccepted
	}
	if o.Unaccepted < 0 {
		return fmt.Errorf("option Unaccepted %v: negative", o.Unaccepted)
	}
	if o.Aggregate != 0 && o.Aggregate < MinAggregate {
		return fmt.Errorf("option Aggregate %v: less than %v", o.Aggregate, MinAggregate)
	}
	if o.Buffer == 0 {
		o.Buffer = DefaultBuffer
	}
	if o.Buffer < 0 {
		return fmt.Errorf("option Buffer %d: negative", o.Buffer)
	}
	if o.AcceptHook > AcceptNone {
		return fmt.Errorf("option AcceptHook %d: not one of the constants", o.AcceptHook)
	}
	for name, n := range map[string]int{"NetNS": len(o.NetNS), "PIDs": len(o.PIDs), "Prefixes": len(o.Prefixes)} {
		if n > maxFilter {
			return fmt.Errorf("option %s: %d are more than the %d that fit", name, n, maxFilter)
		}
	}
	if slices.Contains(o.NetNS, 0) {
		return errors.New("option NetNS: 0 is no inode number of a namespace; nil traces all")
	}
	for i, p := range o.Prefixes {
		if !p.IsValid() {
			return fmt.Errorf("option Prefixes[%d]: not a valid prefix", i)
		}
	}
	return nil
}

// ownPIDNS returns the inode of the PID namespace that the tracer is in, 0 if that
// is the initial one.
func ownPIDNS() (uint32, error) {
	inode, err := inodeOf("/proc/self/ns/pid")
	if err != nil {
		return 0, fmt.Errorf("find the PID namespace: %w", err)
	}
	if inode == initialPIDNS {
		return 0, nil
	}
	return inode, nil
}

// notePIDNS notes what is not seen from within a PID namespace: the kernel walks the
// open files of only the processes in it.
func (k *kernel) notePIDNS(inode uint32) {
	if inode != 0 {
		k.missing = append(k.missing, "processes outside of this PID namespace have no number in it, and what they had open before is not seen (run it in the initial one, as with docker run --pid=host)")
	}
}

// setConstants sets the parameters that the verifier folds into the programs.
func setConstants(spec *ebpf.CollectionSpec, o *Options, pidns uint32) error {
	var first uint32
	if len(o.NetNS) > 0 {
		first = o.NetNS[0]
	} else if o.NetNS != nil {
		first = math.MaxUint32 // no inode: the kernel counts from 0xF0000000
	}
	for _, c := range []struct {
		name  string
		value any
	}{
		{bpf.TcpgraphVarOnlyNetns, first},
		{bpf.TcpgraphVarMoreNetns, len(o.NetNS) > 1},
		{bpf.TcpgraphVarOnlyPids, o.PIDs != nil},
		{bpf.TcpgraphVarOnlyPorts, o.Ports != nil},
		{bpf.TcpgraphVarOnlyCidrs, o.Prefixes != nil},
		{bpf.TcpgraphVarNoLoopback, o.NoLoopback},
		{bpf.TcpgraphVarNoIpv4, o.NoIPv4},
		{bpf.TcpgraphVarNoIpv6, o.NoIPv6},
		{bpf.TcpgraphVarPidns, pidns},
		{bpf.TcpgraphVarAggregate, o.Aggregate > 0},
		{bpf.TcpgraphVarUseSlots, useSlots()},
		{bpf.TcpgraphVarPreemptible, preemptible()},
	} {
		if err := spec.Variables[c.name].Set(c.value); err != nil {
			return fmt.Errorf("set %s: %w", c.name, err)
		}
	}
	return nil
}

func (k *kernel) fillFilters(o *Options) error {
	const on = uint8(1)
	for _, inode := range o.NetNS {
		if err := k.table(bpf.TcpgraphMapNetnsSet).Put(inode, on); err != nil {
			return fmt.Errorf("set the filter for network namespace %d: %w", inode, err)
		}
	}
	for _, pid := range o.PIDs {
		if err := k.table(bpf.TcpgraphMapPids).Put(pid, on); err != nil {
			return fmt.Errorf("set the filter for process %d: %w", pid, err)
		}
	}
	for _, port := range o.Ports {
		if err := k.table(bpf.TcpgraphMapPorts).Put(uint32(port), on); err != nil {
			return fmt.Errorf("set the filter for port %d: %w", port, err)
		}
	}
	for _, prefix := range o.Prefixes {
		if err := k.table(bpf.TcpgraphMapCidrs).Put(cidrKey(prefix), on); err != nil {
			return fmt.Errorf("set the filter for network %v: %w", prefix, err)
		}
	}
	return nil
}

// cidrKey maps IPv4 into IPv6, as the programs do.
func cidrKey(p netip.Prefix) bpf.TcpgraphCidrKey {
	key := bpf.TcpgraphCidrKey{Bits: uint32(p.Bits()), Addr: p.Addr().As16()}
	if p.Addr().Is4() {
		key.Bits += 96
	}
	return key
}

// OwnNetNS returns the inode number of the network namespace of the calling
// thread, for [Options.NetNS]. Without runtime.LockOSThread that is the
// process's, unless the program itself changes namespaces.
func OwnNetNS() (uint32, error) { return NetNSAt("/proc/thread-self/ns/net") }

// NetNSAt returns the inode number of the network namespace that a file stands
// for, such as /proc/1234/ns/net or /run/netns/NAME, for [Options.NetNS].
//
// When the namespace has ended, the kernel gives its number to a new one, whose
// connections a tracer would take for those of the old. Keep the file open while
// tracing: that keeps the namespace, and the number with it. To be sure that it is
// the number of the open file, ask for that of /proc/self/fd/N.
func NetNSAt(path string) (uint32, error) {
	n, err := inodeOf(path)
	if err != nil {
		return 0, fmt.Errorf("tracer: network namespace: %w", err)
	}
	return n, nil
}

// nsfsMagic is the file system of namespaces (NSFS_MAGIC, linux/magic.h).
const nsfsMagic = 0x6e736673

func inodeOf(path string) (uint32, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(path, &fs); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	if fs.Type != nsfsMagic {
		return 0, fmt.Errorf("%s is no namespace; expected a file such as /proc/PID/ns/net or /run/netns/NAME", path)
	}
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return 0, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return uint32(st.Ino), nil
}

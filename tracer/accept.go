//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"

	"example.com/tcpgraph/bpf"
)

// maxActive is how many calls of inet_csk_accept a kretprobe can follow at a
// time; the kernel takes no more (KRETPROBE_MAXACTIVE_MAX, trace_kprobe.c).
const maxActive = 4096

// attachAccept attaches the accept hook that is wanted, or else the best one
// that the kernel lets it attach. What works is found by trying: versions,
// configuration and lockdown all play a part.
func (k *kernel) attachAccept(want AcceptHook) error {
	hooks := map[AcceptHook]func() error{
		AcceptFexit:      k.attachFexit,
		AcceptKretprobe:  k.attachKretprobe,
		AcceptTracepoint: k.attachTracepoints,
		AcceptNone:       func() error { return nil },
	}
	if want != AcceptAuto {
		if err := hooks[want](); err != nil {
			return fmt.Errorf("attach %v: %w", want, err)
		}
		k.accept = want
		return nil
	}
	var why []string
	for h := AcceptFexit; h < AcceptNone; h++ {
		err := hooks[h]()
		if err == nil {
			k.accept = h
			break
		}
		why = append(why, h.String()+": "+strings.TrimPrefix(reason(err), h.String()+": "))
	}
	if k.accept == AcceptAuto {
		k.accept = AcceptNone
		k.missing = append(k.missing, fmt.Sprintf("no accept hook could be attached, so incoming connections are shown as the listener's: %v", strings.Join(why, "; ")))
	}
	return nil
}

// loadMore loads one more program onto the maps of the others.
func (k *kernel) loadMore(name string) (*ebpf.Program, error) {
	spec := *k.spec
	spec.Programs = map[string]*ebpf.ProgramSpec{name: k.spec.Programs[name]}
	// A map that the kernel fills need not be the same for the two loads.
	coll, err := ebpf.NewCollectionWithOptions(&spec, ebpf.CollectionOptions{MapReplacements: k.coll.Maps, Cache: k.cache})
	if err != nil {
		return nil, err
	}
	defer coll.Close()
	return coll.DetachProgram(name), nil
}

func (k *kernel) attachFexit() error {
	name := bpf.TcpgraphProgAcceptExit4args
	// The prototype with two arguments came with this type.
	var arg *btf.Struct
	kernel, err := k.cache.Kernel()
	if err != nil {
		return err
	}
	if kernel.TypeByName("proto_accept_arg", &arg) == nil {
		name = bpf.TcpgraphProgAcceptExit2args
	}
	if err := k.attachTracing(name, AcceptFexit.String()); err != nil {
		return err
	}
	k.noteGraft(k.attachTracing(bpf.TcpgraphProgAcceptGraft, "fentry/security_sock_graft"))
	return nil
}

// noteGraft notes whether there is a second hook of each accept, and what is
// missing without it: accepts of those that were blocked in it before the first
// hook was attached.
func (k *kernel) noteGraft(err error) {
	k.grafted = err == nil
	if err != nil {
		k.missing = append(k.missing, fmt.Sprintf("the first accept of each task that was blocked in it before is seen only as the listener's: %v", reason(err)))
	}
}

// attachTracing loads and attaches a program that names its place itself.
func (k *kernel) attachTracing(prog, name string) (err error) {
	p, err := k.loadMore(prog)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer k.keep(p, &err)
	l, err := link.AttachTracing(link.TracingOptions{Program: p})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	k.hooked(l, name)
	return nil
}

// haveKprobes tells whether it is worth while to load programs for them.
func haveKprobes() bool {
	if _, err := os.Stat("/sys/bus/event_source/devices/kprobe"); err == nil {
		return true
	}
	_, err := readTracefs("kprobe_events")
	return err == nil
}

func (k *kernel) attachKretprobe() (err error) {
	if !haveKprobes() {
		return errors.New("this kernel has no kprobes")
	}
	prog, err := k.loadMore(bpf.TcpgraphProgAcceptReturn)
	if err != nil {
		return err
	}
	defer k.keep(prog, &err)
	// Each task that is blocked in accept takes one of the kretprobe's
	// instances, of which there are few unless asked for through tracefs.
	l, err := link.Kretprobe("inet_csk_accept", prog, &link.KprobeOptions{RetprobeMaxActive: maxActive})
	if err != nil {
		l, err = link.Kretprobe("inet_csk_accept", prog, nil)
		if err == nil {
			k.missing = append(k.missing, "without tracefs, accepts are seen only as the listener's while many processes are blocked in accept")
		}
	}
	if err != nil {
		return err
	}
	k.hooked(l, AcceptKretprobe.String())
	k.noteGraft(k.attachKprobe(bpf.TcpgraphProgAcceptGraftCall, "security_sock_graft"))
	return nil
}

// attachKprobe loads a program and attaches it to the entry of a function.
func (k *kernel) attachKprobe(prog, symbol string) (err error) {
	p, err := k.loadMore(prog)
	if err != nil {
		return fmt.Errorf("kprobe/%s: %w", symbol, err)
	}
	defer k.keep(p, &err)
	l, err := link.Kprobe(symbol, p, nil)
	if err != nil {
		return fmt.Errorf("kprobe/%s: %w", symbol, err)
	}
	k.hooked(l, "kprobe/"+symbol)
	return nil
}

func (k *kernel) attachTracepoints() (err error) {
	prog, err := k.loadMore(bpf.TcpgraphProgAcceptSyscall)
	if err != nil {
		return err
	}
	defer k.keep(prog, &err)
	var links []io.Closer
	names := []string{"sys_exit_accept", "sys_exit_accept4"}
	for _, name := range names {
		l, err := attachTracepoint("syscalls", name, prog)
		if err != nil {
			for _, l := range links {
				err = errors.Join(err, l.Close())
			}
			return fmt.Errorf("%s: %w", name, err)
		}
		links = append(links, l)
	}
	for i, l := range links {
		k.hooked(l, "tracepoint/syscalls/"+names[i])
	}
	blind := "by 32-bit programs, by the kernel, and through io_uring if multishot or into direct descriptors,"
	if k.attachTracing(bpf.TcpgraphProgAcceptRing, "tp_btf/io_uring_complete") != nil {
		blind = "by 32-bit programs, by the kernel and through io_uring"
	}
	k.missing = append(k.missing, "accepts "+blind+" are seen only as the listener's")
	return nil
}

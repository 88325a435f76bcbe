//go:build linux

package tracer

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf/link"

	"example.com/tcpgraph/bpf"
)

// attachConnect attaches the hooks that see connects which fail before they
// change the socket's state. They are of the same kind as the accept hook,
// which was found to work; the rest of the trace does without them.
func (k *kernel) attachConnect() {
	attach := map[AcceptHook]func() error{
		AcceptFexit:      k.attachConnectTrampolines,
		AcceptKretprobe:  k.attachConnectProbes,
		AcceptTracepoint: k.attachConnectTracepoints,
		AcceptNone:       func() error { return errors.New("no hook") },
	}[k.accept]
	if err := attach(); err != nil {
		k.missing = append(k.missing, fmt.Sprintf("connects that fail before anything is sent (no route, not permitted) are not seen: %v", reason(err)))
	}
}

func (k *kernel) attachConnectTrampolines() error {
	for _, p := range []struct{ prog, name string }{
		{bpf.TcpgraphProgConnect4Exit, "fexit/tcp_v4_connect"},
		{bpf.TcpgraphProgConnect6Exit, "fexit/tcp_v6_connect"},
	} {
		if err := k.attachTracing(p.prog, p.name); err != nil {
			return err
		}
	}
	return nil
}

func (k *kernel) attachConnectProbes() (err error) {
	call, err := k.loadMore(bpf.TcpgraphProgConnectCall)
	if err != nil {
		return err
	}
	defer k.keep(call, &err)
	end, err := k.loadMore(bpf.TcpgraphProgConnectReturn)
	if err != nil {
		return err
	}
	defer k.keep(end, &err)
	for _, symbol := range []string{"tcp_v4_connect", "tcp_v6_connect"} {
		l, err := link.Kprobe(symbol, call, nil)
		if err != nil {
			return err
		}
		k.hooked(l, "kprobe/"+symbol)
		if l, err = link.Kretprobe(symbol, end, nil); err != nil {
			return err
		}
		k.hooked(l, "kretprobe/"+symbol)
	}
	return nil
}

// attachConnectTracepoints attaches to the exit only: the tracepoint of the
// entry would be passed by every connect, not only by those that fail.
func (k *kernel) attachConnectTracepoints() (err error) {
	prog, err := k.loadMore(bpf.TcpgraphProgConnectSyscall)
	if err != nil {
		return err
	}
	defer k.keep(prog, &err)
	const event = "sys_exit_connect"
	l, err := attachTracepoint("syscalls", event, prog)
	if err != nil {
		return fmt.Errorf("%s: %w", event, err)
	}
	k.hooked(l, "tracepoint/syscalls/"+event)
	k.missing = append(k.missing, "connects that fail before anything is sent are not seen by 32-bit programs, through io_uring, or of TCP Fast Open")
	return nil
}

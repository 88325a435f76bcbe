//go:build linux

package tracer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"example.com/tcpgraph/bpf"
)

// settle is how long accepts that passed their hook just before it began have to
// get their descriptors: the walk does not see what has none. snapshotBegins, if
// it is not nil, is called when the hooks have begun. Tests set both.
var (
	settle         = 20 * time.Millisecond
	snapshotBegins func()
)

// takeSnapshot lets the hooks begin and then walks all open files of all
// processes, and the subflows of those that are Multipath TCP sockets. The kernel
// side enters what it finds into the state of each socket, unless a hook was there
// first; what it entered it also writes out, and only that is returned: raw
// events, one after another, among them one for each socket that listens.
func (k *kernel) takeSnapshot(listenersOnly bool) ([]byte, error) {
	phase := bpf.TcpgraphPhasePHASE_SNAPSHOT
	if listenersOnly {
		phase = bpf.TcpgraphPhasePHASE_RUNNING
	}
	var err error
	if k.before, err = k.skips(); err != nil {
		return nil, err
	}
	if err := k.enter(phase); err != nil {
		return nil, err
	}
	begun := time.Now()
	if snapshotBegins != nil {
		snapshotBegins()
	}
	listeners, err := k.walk(k.prog(bpf.TcpgraphProgSnapshotFiles))
	if err != nil {
		return nil, err
	}
	namespaces := namespacesOf(listeners)
	more, err := k.walkIn(namespaces, true)
	if err != nil {
		return nil, err
	}
	listeners = append(listeners, more...)
	if listenersOnly {
		return listeners, nil
	}
	time.Sleep(settle - time.Since(begun))
	if err := k.variable(bpf.TcpgraphVarSnapshotConnections).Set(uint32(1)); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	found, err := k.walk(k.prog(bpf.TcpgraphProgSnapshotFiles))
	if err != nil {
		return nil, err
	}
	more, err = k.walkIn(namespaces, false)
	if err != nil {
		return nil, err
	}
	return slices.Concat(listeners, found, more), k.enter(bpf.TcpgraphPhasePHASE_RUNNING)
}

// enter tells the programs what to do from now on.
func (k *kernel) enter(phase bpf.TcpgraphPhase) error {
	if err := k.variable(bpf.TcpgraphVarCurrentPhase).Set(uint32(phase)); err != nil {
		return fmt.Errorf("set the phase: %w", err)
	}
	return nil
}

// walk runs an iterator to its end and returns what the program wrote.
func (k *kernel) walk(prog *ebpf.Program) ([]byte, error) {
	it, err := link.AttachIter(link.IterOptions{Program: prog})
	if err != nil {
		return nil, fmt.Errorf("snapshot: attach %v: %w", prog, err)
	}
	defer it.Close()
	r, err := it.Open()
	if err != nil {
		return nil, fmt.Errorf("snapshot: open %v: %w", prog, err)
	}
	defer r.Close()
	out, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("snapshot: read %v: %w", prog, err)
	}
	return out, nil
}

// holder is a process and one of its descriptors, of a socket.
type holder struct{ pid, fd uint32 }

// namespacesOf returns the network namespaces of the sockets that the walk over
// files could not look into, each with a holder of such a socket.
func namespacesOf(records []byte) map[uint32]holder {
	holders := make(map[uint32]holder)
	for r := range eachEvent(records) {
		if r.Type != uint8(bpf.TcpgraphRecordTypeREC_SUBFLOW) {
			continue
		}
		holders[r.Tuple.Netns] = holder{r.Owner.Pid, uint32(r.Since)}
	}
	return holders
}

// walkIn walks the TCP sockets of some namespaces; the iterator sees only those
// of the thread that opens it. A namespace that cannot be entered is noted in
// missing, once.
func (k *kernel) walkIn(namespaces map[uint32]holder, note bool) (out []byte, err error) {
	for inode, h := range namespaces {
		ns, err := openNetNS(inode, h)
		if err == nil {
			var found []byte
			err = inNetNS(ns, func() (err error) {
				found, err = k.walk(k.prog(bpf.TcpgraphProgSnapshotSubflows))
				return err
			})
			out = append(out, found...)
			err = errors.Join(err, ns.Close())
		}
		if err != nil && note {
			k.missing = append(k.missing, fmt.Sprintf("who owns the Multipath TCP sockets that were open before in network namespace %d is not known: %v", inode, err))
		}
	}
	return out, nil
}

// openNetNS opens a network namespace by its inode: the thread's own, that of
// the process that has a socket in it, or that of the socket, since a process
// can leave the namespace in which it opened a socket.
func openNetNS(inode uint32, h holder) (*os.File, error) {
	for _, path := range []string{"/proc/thread-self/ns/net", procPath(h.pid, "ns/net")} {
		if n, err := inodeOf(path); err == nil && n == inode {
			return os.Open(path)
		}
	}
	pidfd, err := unix.PidfdOpen(int(h.pid), 0)
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(pidfd)
	sock, err := unix.PidfdGetfd(pidfd, int(h.fd), 0)
	if err != nil {
		return nil, os.NewSyscallError("pidfd_getfd", err)
	}
	defer unix.Close(sock)
	fd, err := unix.IoctlRetInt(sock, unix.SIOCGSKNS)
	if err != nil {
		return nil, os.NewSyscallError("ioctl SIOCGSKNS", err)
	}
	return os.NewFile(uintptr(fd), "netns"), nil
}

// inNetNS runs a function on a thread of its own in a network namespace. The
// thread ends with it, so that no other goroutine runs in the wrong namespace.
func inNetNS(ns *os.File, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends here
		if unix.Gettid() == unix.Getpid() {
			// The main thread cannot end, and would show /proc/self the wrong
			// namespace for good. While it is held here, another one is taken.
			done <- inNetNS(ns, f)
			runtime.UnlockOSThread()
			return
		}
		err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		if err != nil {
			err = os.NewSyscallError("setns", err)
		} else {
			err = f()
		}
		done <- err
	}()
	return <-done
}

const eventSize = int(unsafe.Sizeof(bpf.TcpgraphEvent{}))

// eachEvent iterates over raw events. What is left of a last one that was cut
// short is passed over; the kernel writes whole ones only.
func eachEvent(records []byte) func(func(*bpf.TcpgraphEvent) bool) {
	return func(yield func(*bpf.TcpgraphEvent) bool) {
		var r bpf.TcpgraphEvent
		for ; len(records) >= eventSize; records = records[eventSize:] {
			readEvent(records, &r)
			if !yield(&r) {
				return
			}
		}
	}
}

// readEvent reads a raw event, which must be whole.
func readEvent(b []byte, r *bpf.TcpgraphEvent) {
	_ = b[eventSize-1]
	ne := binary.NativeEndian
	r.Type, r.How, r.Direction = b[0], b[1], b[2]
	r.Error = ne.Uint16(b[4:])
	r.Time = ne.Uint64(b[8:])
	r.Since = ne.Uint64(b[16:])
	r.Sent = ne.Uint64(b[24:])
	r.Received = ne.Uint64(b[32:])
	r.Owner.Start = ne.Uint64(b[40:])
	r.Owner.Cgroup = ne.Uint64(b[48:])
	r.Owner.Pid = ne.Uint32(b[56:])
	r.Owner.Uid = ne.Uint32(b[60:])
	copy(r.Owner.Comm[:], b[64:80])
	copy(r.Tuple.Local[:], b[80:96])
	copy(r.Tuple.Remote[:], b[96:112])
	r.Tuple.Netns = ne.Uint32(b[112:])
	r.Tuple.Ifindex = ne.Uint32(b[116:])
	r.Tuple.LocalPort = ne.Uint16(b[120:])
	r.Tuple.RemotePort = ne.Uint16(b[122:])
}

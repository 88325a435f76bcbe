//go:build linux

package tracer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"example.com/tcpgraph/bpf"
)

// A socket can be on its way as the walk over open files comes by: between its
// accept and its descriptor, to another descriptor or process, or into its end. So
// what the tables of sockets have beside is waited for: firstPause, and twice as
// long each time, for patience in all; or for blindFor, where such a table cannot be
// looked into. A walk over one waits for whoever holds a socket's lock, which can be
// for ever if his memory is on a file system that hangs, so that there is walkFor.
// snapshotBegins, if it is not nil, is called when the hooks have begun. Tests set
// these three.
const (
	firstPause = time.Millisecond
	blindFor   = 20 * time.Millisecond
)

var (
	patience       = 500 * time.Millisecond
	walkFor        = 3 * time.Second
	snapshotBegins func()
)

// takeSnapshot lets the hooks begin and then walks all open files of all
// processes, and the sockets of the network namespaces that these lead to, until
// each is known. The kernel side enters what it finds into the state of each
// socket, unless a hook was there first; what it entered it also writes out, and
// only that is returned: raw events, one after another, among them one for each
// socket that listens. What no process was found for is counted in unowned.
func (k *kernel) takeSnapshot(o *Options) (records []byte, err error) {
	phase := bpf.TcpgraphPhasePHASE_SNAPSHOT
	if o.NoSnapshot {
		phase = bpf.TcpgraphPhasePHASE_RUNNING
	}
	if k.before, err = k.skips(); err != nil {
		return nil, err
	}
	if err := k.enter(phase); err != nil {
		return nil, err
	}
	if snapshotBegins != nil {
		snapshotBegins()
	}
	spaces, err := ownNamespace(o)
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	defer spaces.close()
	found, err := k.walkAll(spaces, false)
	if err != nil {
		return nil, err
	}
	if o.NoSnapshot {
		k.noteUnwalked(spaces, true)
		return found, nil
	}
	if err := k.variable(bpf.TcpgraphVarSnapshotConnections).Set(uint32(1)); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	begun := time.Now()
	for pause := firstPause; ; pause *= 2 {
		records = append(records, found...)
		if found, err = k.walkAll(spaces, true); err != nil {
			return nil, err
		}
		k.unowned = spaces.unowned()
		wait := patience
		if k.unowned == 0 {
			wait = k.blindFor(spaces)
		}
		wait -= time.Since(begun)
		// However long the walks take, there are two.
		if wait <= 0 && (k.unowned == 0 || pause > firstPause) {
			break
		}
		time.Sleep(max(min(pause, wait), firstPause))
	}
	k.noteUnwalked(spaces, false)
	return append(records, found...), k.enter(bpf.TcpgraphPhasePHASE_RUNNING)
}

// walkAll walks the open files, and then the sockets of each of their network
// namespaces: all, until none is left that was overlooked, since a socket that comes
// under the hooks is known from the beginning; or only those of Multipath TCP.
func (k *kernel) walkAll(spaces namespaces, all bool) ([]byte, error) {
	records, err := k.walk(k.prog(bpf.TcpgraphProgSnapshotFiles))
	if err != nil {
		return nil, err
	}
	if err := spaces.update(k.table(bpf.TcpgraphMapNamespaces)); err != nil {
		return nil, fmt.Errorf("snapshot: network namespaces: %w", err)
	}
	for inode, n := range spaces {
		if n.err != nil || all && n.settled || !all && !n.multipath {
			continue
		}
		var found []byte
		if found, n.err = k.walkIn(inode, n.file); n.err != nil {
			continue
		}
		n.unowned = unowned(found)
		n.settled = all && n.unowned == 0
		records = append(records, found...)
	}
	return records, nil
}

// blindFor is how long to wait for accepts that are under way where they cannot be
// seen: in namespaces that cannot be walked; and if they passed the only hook before
// it was attached, until they are in the table with a file.
func (k *kernel) blindFor(spaces namespaces) time.Duration {
	if (k.accept == AcceptFexit || k.accept == AcceptKretprobe) && !k.grafted {
		return blindFor
	}
	for _, n := range spaces {
		if n.err != nil {
			return blindFor
		}
	}
	return 0
}

// noteUnwalked notes what could not be found out for want of a walk.
func (k *kernel) noteUnwalked(spaces namespaces, listenersOnly bool) {
	var n, multipath int
	var why error
	for _, s := range spaces {
		if s.err == nil {
			continue
		}
		n++
		if s.multipath {
			multipath++
		}
		if why == nil || s.multipath {
			why = s.err
		}
	}
	switch {
	case multipath > 0:
		k.missing = append(k.missing, fmt.Sprintf("who owns the Multipath TCP sockets that were open before is not known in %s: %v", namespaceCount(multipath), why))
	case n > 0 && !listenersOnly:
		k.missing = append(k.missing, fmt.Sprintf("whether connections that were open before were overlooked is not known in %s: %v", namespaceCount(n), why))
	}
}

func namespaceCount(n int) string {
	if n == 1 {
		return "1 network namespace"
	}
	return fmt.Sprintf("%d network namespaces", n)
}

// unowned counts the connections that a walk over sockets has found overlooked.
func unowned(records []byte) (n uint64) {
	for r := range eachEvent(records) {
		if r.Type == uint8(bpf.TcpgraphRecordTypeREC_UNOWNED) {
			n++
		}
	}
	return n
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
	r, err := openWalk(prog)
	if err != nil {
		return nil, err
	}
	return readWalk(r)
}

func openWalk(prog *ebpf.Program) (io.ReadCloser, error) {
	it, err := link.AttachIter(link.IterOptions{Program: prog})
	if err != nil {
		return nil, fmt.Errorf("snapshot: attach %v: %w", prog, err)
	}
	defer it.Close()
	r, err := it.Open()
	if err != nil {
		return nil, fmt.Errorf("snapshot: open %v: %w", prog, err)
	}
	return r, nil
}

func readWalk(r io.ReadCloser) ([]byte, error) {
	defer r.Close()
	out, err := io.ReadAll(persistent{r})
	if err != nil {
		return nil, fmt.Errorf("snapshot: read: %w", err)
	}
	return out, nil
}

// persistent reads on after a million objects about which there was nothing to
// write: then the kernel gives up, and goes on from there.
type persistent struct{ io.Reader }

func (p persistent) Read(b []byte) (n int, err error) {
	for {
		if n, err = p.Reader.Read(b); !errors.Is(err, unix.EAGAIN) {
			return n, err
		}
	}
}

// walkIn walks the sockets of a network namespace: the iterator sees those of the
// namespace of the thread that opens it.
func (k *kernel) walkIn(inode uint32, file *os.File) ([]byte, error) {
	var r io.ReadCloser
	err := inNetNS(inode, file, func() (err error) {
		r, err = openWalk(k.prog(bpf.TcpgraphProgSnapshotSockets))
		return err
	})
	if err != nil {
		return nil, err
	}
	type result struct {
		found []byte
		err   error
	}
	done := make(chan result, 1)
	go func() {
		found, err := readWalk(r)
		done <- result{found, err}
	}()
	select {
	case w := <-done:
		return w.found, w.err
	case <-time.After(walkFor):
		return nil, fmt.Errorf("one of its sockets is locked for more than %v", walkFor)
	}
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

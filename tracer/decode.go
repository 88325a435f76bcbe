//go:build linux

package tracer

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"
	"unsafe"

	"example.com/tcpgraph/bpf"
	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer/internal/clock"
)

// decoder makes events of the kernel's records. It is used by one goroutine.
type decoder struct {
	boot      time.Time // when the machine was booted, by today's clock
	processes processCache
	event     bpf.TcpgraphEvent
	// The snapshot's connections, for a while: see duplicate.
	before      map[endpoints]int // with the place in the snapshot
	beforeUntil uint64
}

// endpoints is a connection's end in its namespace. Sockets that are bound to
// interfaces can have the same addresses there.
type endpoints struct {
	netns, ifindex uint32
	local, remote  netip.AddrPort
}

var errRecord = errors.New("a record from the kernel is malformed; the loaded programs are not those of this version")

// newDecoder takes the time of the boot once, so that the start time of a
// process never changes while a tracer runs.
func newDecoder() (*decoder, error) {
	boot, err := clock.Boot()
	if err != nil {
		return nil, err
	}
	return &decoder{boot: boot, processes: newProcessCache(readProc)}, nil
}

// decode decodes a record into e. It returns false for a record that is not an
// event of its own.
func (d *decoder) decode(b []byte, e *Event) (bool, error) {
	if len(b) == 0 {
		return false, errRecord
	}
	if b[0] == uint8(bpf.TcpgraphRecordTypeREC_PROCESS) {
		return false, d.decodeProcess(b)
	}
	if len(b) < eventSize {
		return false, errRecord
	}
	r := &d.event
	readEvent(b, r)
	if err := d.convert(r, e); err != nil {
		return false, err
	}
	return !d.duplicate(r, e), nil
}

// decodeSnapshot decodes what the snapshot wrote, and remembers it. Of two
// records of a connection the later one tells its owner. Who listens is looked up
// now: by the time that a connection tells of it, the process can be gone.
func (d *decoder) decodeSnapshot(records []byte) []Event {
	events := make([]Event, 0, len(records)/eventSize)
	d.before = make(map[endpoints]int, len(records)/eventSize)
	for r := range eachEvent(records) {
		var e Event
		if r.Type == uint8(bpf.TcpgraphRecordTypeREC_LISTENER) {
			d.processes.get(processKey{r.Owner.Start, r.Owner.Pid})
		}
		if r.Type != uint8(bpf.TcpgraphRecordTypeREC_OPEN) || d.convert(r, &e) != nil {
			continue
		}
		k := endpointsOf(r, &e)
		if i, ok := d.before[k]; ok {
			events[i] = e
		} else {
			d.before[k] = len(events)
			events = append(events, e)
		}
		d.beforeUntil = r.Time + uint64(mergeFor)
	}
	return events
}

// mergeFor is for how long after the snapshot an accept may still be reported
// that the snapshot has seen the result of.
const mergeFor = 10 * time.Second

func endpointsOf(r *bpf.TcpgraphEvent, e *Event) endpoints {
	return endpoints{r.Tuple.Netns, r.Tuple.Ifindex, e.Local, e.Remote}
}

// duplicate tells whether an event opens a connection that the snapshot has
// reported: a process was about to return from accept when it was taken. Any
// connection that comes later with the same endpoints comes after a Close.
func (d *decoder) duplicate(r *bpf.TcpgraphEvent, e *Event) bool {
	if d.before == nil {
		return false
	}
	if r.Time > d.beforeUntil {
		d.before = nil
		return false
	}
	k := endpointsOf(r, e)
	_, reported := d.before[k]
	if e.Kind == traceformat.Close {
		delete(d.before, k)
	}
	return reported && e.Kind == traceformat.Open
}

func (d *decoder) at(ns uint64) time.Time { return d.boot.Add(time.Duration(ns)) }

func (d *decoder) convert(r *bpf.TcpgraphEvent, e *Event) error {
	*e = Event{
		Local:   addrPort(&r.Tuple.Local, r.Tuple.LocalPort, r.Tuple.Ifindex),
		Remote:  addrPort(&r.Tuple.Remote, r.Tuple.RemotePort, r.Tuple.Ifindex),
		Process: traceformat.Process{NetNS: r.Tuple.Netns},
		Time:    d.at(r.Time),
	}
	switch bpf.TcpgraphRecordType(r.Type) {
	case bpf.TcpgraphRecordTypeREC_OPEN:
	case bpf.TcpgraphRecordTypeREC_CLOSE:
		e.Kind = traceformat.Close
	case bpf.TcpgraphRecordTypeREC_FAIL:
		e.Kind = traceformat.Fail
		e.Errno = traceformat.Errno(r.Error)
	default:
		return errRecord
	}
	switch bpf.TcpgraphDirection(r.Direction) {
	case bpf.TcpgraphDirectionDIR_OUTGOING:
		e.Direction = traceformat.Outgoing
	case bpf.TcpgraphDirectionDIR_INCOMING:
		e.Direction = traceformat.Incoming
	}
	switch bpf.TcpgraphHow(r.How) {
	case bpf.TcpgraphHowHOW_LISTENER:
		e.Owner = traceformat.OwnerListener
	case bpf.TcpgraphHowHOW_SNAPSHOT:
		e.Owner = traceformat.OwnerSnapshot
	}
	if e.Kind != traceformat.Open {
		e.BytesSent, e.BytesReceived = r.Sent, r.Received
		if r.Since != 0 {
			e.Duration = time.Duration(r.Time - r.Since)
		}
	}
	if r.Owner.Start != 0 {
		d.setProcess(r, &e.Process)
	}
	return nil
}

func (d *decoder) setProcess(r *bpf.TcpgraphEvent, p *traceformat.Process) {
	info := d.processes.get(processKey{r.Owner.Start, r.Owner.Pid})
	p.PID = r.Owner.Pid
	p.UID = traceformat.NewUID(r.Owner.Uid)
	p.Command = info.commandOf(&r.Owner.Comm)
	p.StartTime = d.at(r.Owner.Start)
	p.CgroupID = r.Owner.Cgroup
	p.Exe = info.exe
	p.Cmdline = info.cmdline
}

// addrPort unmaps IPv4. Link-local addresses get the number of the interface as
// their zone: its name belongs to a namespace that may not be ours.
func addrPort(b *[16]uint8, port uint16, ifindex uint32) netip.AddrPort {
	a := netip.AddrFrom16(*b).Unmap()
	if ifindex != 0 && a.Is6() && a.IsLinkLocalUnicast() {
		a = a.WithZone(strconv.FormatUint(uint64(ifindex), 10))
	}
	return netip.AddrPortFrom(a, port)
}

const processSize = int(unsafe.Sizeof(bpf.TcpgraphProcess{}))

func (d *decoder) decodeProcess(b []byte) error {
	if len(b) < processSize {
		return errRecord
	}
	ne := binary.NativeEndian
	key := processKey{pid: ne.Uint32(b[4:]), start: ne.Uint64(b[8:])}
	exe, args := ne.Uint32(b[16:]), ne.Uint32(b[20:])
	rest := b[processSize:]
	if uint64(exe)+uint64(args) > uint64(len(rest)) {
		return fmt.Errorf("process %d: %w", key.pid, errRecord)
	}
	info := processInfo{
		exe:     joinPath(rest[:exe]),
		cmdline: trimArgs(rest[exe : exe+args]),
	}
	if info.exe == "" || info.cmdline == "" {
		// Too deep a path, none, or arguments that are not in memory.
		read := d.processes.read(key)
		info.exe, info.cmdline = cmp.Or(info.exe, read.exe), cmp.Or(info.cmdline, read.cmdline)
	}
	d.processes.put(key, info)
	return nil
}

// joinPath makes a path of its components, leaf first, each with its NUL.
func joinPath(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	parts := bytes.Split(bytes.TrimSuffix(b, []byte{0}), []byte{0})
	path := make([]byte, 0, len(b))
	for i := len(parts) - 1; i >= 0; i-- {
		path = append(append(path, '/'), parts[i]...)
	}
	return string(path)
}

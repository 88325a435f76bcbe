package traceformat

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Event is one thing that happened to one local end of a TCP connection: it
// was opened, it was closed, or it could not be opened. A connection between
// two traced processes has two ends and so gives two events of each kind, with
// Local and Remote exchanged.
//
// Event is a comparable value. Two events that say the same compare equal with
// ==, provided their times are in UTC and have no monotonic reading, which
// holds for every event that this module makes.
type Event struct {
	// Kind says what happened. The zero value is [Open].
	Kind Kind
	// Direction says whether the local process connected or accepted. The
	// zero value is unknown.
	Direction Direction
	// Owner says how Process is known. The zero value is [OwnerDirect].
	Owner Owner
	// Errno is why a connect failed. It is zero on other kinds.
	Errno Errno
	// Local is the endpoint of the owning process and Remote is its peer's.
	// IPv4-mapped IPv6 addresses are unmapped.
	Local, Remote netip.AddrPort
	// Process is the process that owns the local end.
	Process Process
	// Time is when it happened, in UTC; the zero value is unknown.
	Time time.Time
	// Duration is how long the connection was open (Close) or tried to be
	// (Fail). Zero is unknown.
	Duration time.Duration
	// BytesSent and BytesReceived count application bytes, on Close and Fail.
	// Retransmissions, SYN and FIN are not in them.
	BytesSent, BytesReceived uint64
	// Count is how many connections a Close stands for that opened and closed
	// between the same processes, and of which nothing else is reported; the
	// endpoints are those of one of them, the bytes of all, and Duration is
	// unknown. Zero is an ordinary event, of one connection.
	Count uint64
}

// Process identifies the owner of an endpoint. Only PID and Command are
// certain to be there; the zero value of any field means unknown.
type Process struct {
	// PID is the process (thread-group) id, as the tracer's PID namespace
	// numbers it, or 0 if that does not.
	PID uint32
	// UID is the effective user id, as the initial user namespace numbers it.
	UID UID
	// Command is the short name (comm) of the thread-group leader: at most
	// 15 bytes on Linux, any bytes but NUL. It can change during a process's
	// life and is chosen by the process: treat it as hostile.
	Command string
	// StartTime is when the process started, in UTC. PID and StartTime
	// together are never reused.
	StartTime time.Time
	// NetNS is the inode number of the connection's network namespace.
	NetNS uint32
	// CgroupID is the id of the process's control group (version 2).
	CgroupID uint64
	// Host names the machine, where events of several are mixed.
	Host string
	// Container is the id or the name of the process's container.
	Container string
	// Unit is the systemd unit of the process.
	Unit string
	// Exe is the absolute path of the executable.
	Exe string
	// Cmdline holds the argument vector, arguments separated by NUL as in
	// /proc/PID/cmdline, without the NULs at its end. See [Process.Args].
	Cmdline string
}

// Args returns the argument vector in Cmdline, nil when it is not known.
func (p *Process) Args() []string {
	if p.Cmdline == "" {
		return nil
	}
	return strings.Split(p.Cmdline, "\x00")
}

// Kind says what happened to a connection.
type Kind uint8

// The kinds of event.
const (
	// Open is a connection that was established, or that was already
	// established when the tracer started (see [OwnerSnapshot]).
	Open Kind = iota
	// Close is the end of a connection that had been established.
	Close
	// Fail is the end of a connect that never established.
	Fail
)

// String returns "open", "close" or "fail".
func (k Kind) String() string {
	switch k {
	case Open:
		return "open"
	case Close:
		return "close"
	case Fail:
		return "fail"
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// Direction says which side of a connection the local process is.
type Direction uint8

// The directions of a connection, as the local process sees them.
const (
	// DirectionUnknown is the zero value.
	DirectionUnknown Direction = iota
	// Outgoing means that the local process connected.
	Outgoing
	// Incoming means that the local process accepted.
	Incoming
)

// String returns "unknown", "outgoing" or "incoming".
func (d Direction) String() string {
	switch d {
	case DirectionUnknown:
		return "unknown"
	case Outgoing:
		return "outgoing"
	case Incoming:
		return "incoming"
	}
	return "Direction(" + strconv.Itoa(int(d)) + ")"
}

// Owner says how the process of an event is known.
type Owner uint8

// The ways to know an owner.
const (
	// OwnerDirect means that the process was seen to connect or to accept.
	OwnerDirect Owner = iota
	// OwnerListener means that the process listens at the local endpoint,
	// and was not seen to accept this connection.
	OwnerListener
	// OwnerSnapshot means that the connection was already open when the
	// tracer started, and the process was found holding it.
	OwnerSnapshot
)

// String returns "direct", "listener" or "snapshot".
func (o Owner) String() string {
	switch o {
	case OwnerDirect:
		return "direct"
	case OwnerListener:
		return "listener"
	case OwnerSnapshot:
		return "snapshot"
	}
	return "Owner(" + strconv.Itoa(int(o)) + ")"
}

// UID is a user id that may be unknown. The zero value is unknown; root is
// NewUID(0).
type UID struct{ plus1 uint64 }

// NewUID returns the known user id n.
func NewUID(n uint32) UID { return UID{uint64(n) + 1} }

// Get returns the user id and whether it is known.
func (u UID) Get() (id uint32, ok bool) { return uint32(u.plus1 - 1), u.plus1 != 0 }

// String returns the decimal user id, or the empty string if it is unknown.
func (u UID) String() string {
	if u.plus1 == 0 {
		return ""
	}
	return strconv.FormatUint(u.plus1-1, 10)
}

package tracer

import (
	"net/netip"
	"time"

	"example.com/tcpgraph/traceformat"
)

// Event is one thing that happened to one end of a connection. It is the
// event of package traceformat, under the name that users of a tracer expect.
type Event = traceformat.Event

// Options says what to trace. The zero value, and a nil *Options, trace every
// TCP connection of the machine. All filters are applied in the kernel: what
// they exclude costs neither a wake-up nor a copy.
type Options struct {
	// NetNS lists the inode numbers of the only network namespaces to trace;
	// see [OwnNetNS] and [NetNSAt]. Nil is all of them, empty is none. The number of
	// one that has ended is used again: keep a file of each, such as
	// /run/netns/NAME, open for as long as the tracer.
	NetNS []uint32

	// PIDs lists the only processes whose connections are reported, as the
	// tracer's PID namespace numbers them; one that has no number there is
	// reported with the PID 0, if this is nil. A connection between a listed and
	// another process gives the events of the listed one. Nil is all.
	PIDs []uint32

	// Ports lists the only ports to report. A connection is reported if
	// either end has one of them, so that both halves of a connection are
	// reported or neither. Nil is all.
	Ports []uint16

	// Prefixes lists the only networks to report, IPv4 or IPv6. As with
	// Ports, either end decides. Nil is all.
	Prefixes []netip.Prefix

	// NoLoopback leaves out connections to a loopback address (127.0.0.0/8
	// and ::1).
	NoLoopback bool

	// NoIPv4 and NoIPv6 leave out a family. IPv4 over an IPv6 socket is IPv4.
	NoIPv4, NoIPv6 bool

	// NoSnapshot leaves out the connections that are open already when the
	// tracer starts. Listening sockets are looked at all the same, for the
	// sake of their owners.
	NoSnapshot bool

	// RingSize is the size in bytes of the buffer between the kernel and the
	// tracer, rounded up to a power of two and to the page size. It is locked
	// memory. An event takes 136 bytes. Zero is DefaultRingSize.
	RingSize int

	// MaxAccepted is how many incoming connections can be open at a time with
	// the process that accepted them known. Beyond it an accept is counted as
	// lost. Zero is DefaultMaxAccepted. Memory is used as needed.
	MaxAccepted int

	// Unaccepted is how long an incoming connection may wait for the server
	// to accept it before it is reported with the listener's owner. Zero is
	// DefaultUnaccepted.
	Unaccepted time.Duration

	// AcceptHook chooses how accepting processes are found. The zero value
	// takes the best that the kernel gives. Any other is for tests: Open
	// fails if it is not to be had.
	AcceptHook AcceptHook

	// Aggregate adds connections up in the kernel and reports totals in this
	// interval, at least MinAggregate, for machines where two events for each
	// end of each connection are too many. Zero reports each connection.
	//
	// The first connection between two processes at an endpoint, and those
	// that last for the interval or longer, are reported as ever. All others
	// are in a total: a Close for each end with Event.Count, the bytes of all
	// of them, the endpoints of one of them and no Duration. A total comes one
	// to two intervals late. A graph of the events is the same, with the same
	// counts, but for the times of its edges.
	//
	// On arm64 it needs Linux 5.18.
	Aggregate time.Duration

	// Buffer is how many events the channel holds. Zero is DefaultBuffer.
	Buffer int
}

// Defaults and bounds of [Options].
const (
	DefaultRingSize    = 4 << 20
	DefaultMaxAccepted = 1 << 18
	DefaultUnaccepted  = time.Second
	DefaultBuffer      = 1024
	MinAggregate       = 100 * time.Millisecond
)

// AcceptHook is a way to see which process accepts a connection. They are
// listed from the best to the worst.
type AcceptHook uint8

const (
	// AcceptAuto is the best that can be attached.
	AcceptAuto AcceptHook = iota
	// AcceptFexit is fexit/inet_csk_accept: exact, whoever calls it.
	AcceptFexit
	// AcceptKretprobe is kretprobe/inet_csk_accept. More than 4096 tasks
	// that are blocked in accept at a time exceed it.
	AcceptKretprobe
	// AcceptTracepoint is the exit tracepoint of the system calls accept and
	// accept4, and from Linux 5.19 on that of completed requests to io_uring.
	// It does not see accepts by 32-bit programs on a 64-bit kernel, by the
	// kernel itself, and through io_uring if they are multishot or go into a
	// direct descriptor.
	AcceptTracepoint
	// AcceptNone sees no accept: each incoming connection belongs to the
	// process that listens, which is wrong where workers inherit a listener.
	AcceptNone
)

// String returns the name of the hook as in [Stats.Hooks].
func (h AcceptHook) String() string {
	switch h {
	case AcceptAuto:
		return "auto"
	case AcceptFexit:
		return "fexit/inet_csk_accept"
	case AcceptKretprobe:
		return "kretprobe/inet_csk_accept"
	case AcceptTracepoint:
		return "tracepoint/sys_exit_accept"
	case AcceptNone:
		return "none"
	}
	return "unknown accept hook"
}

// Stats counts what a tracer did since it was opened.
type Stats struct {
	// Received is how many events came from the kernel, the snapshot's
	// included.
	Received uint64
	// Snapshot is how many connections were open already. They are the first
	// events on the channel.
	Snapshot uint64
	// Lost says what the kernel could not report.
	Lost Lost
	// Hooks names what is attached, as libbpf's section names do.
	Hooks []string
	// Accept is the accept hook in use.
	Accept AcceptHook
	// Missing says in a sentence each what this tracer cannot see that it
	// could under other circumstances, and why.
	Missing []string
}

// Lost counts by cause what the kernel could not report.
type Lost struct {
	// RingFull counts events for which the ring buffer had no room: the
	// consumer of the channel is too slow for Options.RingSize.
	RingFull uint64
	// Memory counts sockets for whose state the kernel had no memory. Their
	// connections may be missing or lack an owner.
	Memory uint64
	// TableFull counts accepts beyond Options.MaxAccepted, and connections beyond
	// it that wait for theirs. They are reported when they close, as the
	// listener's; the latter also if they are accepted.
	TableFull uint64
	// Ends counts connections whose end the kernel passed to no program: they
	// seem to be open still, or never to have begun if they failed. It is
	// noticed only when the memory of their socket is used again, and not by
	// each that does, so there can be more.
	Ends uint64
	// Unowned counts ends of connections that were open before, and that no process
	// was found to hold within half a second of looking: io_uring has them in its
	// own table, or an accept or a message to another process is still under way,
	// or only the kernel has them. They are not reported, but for those of which an
	// accept hook sees the accept. Options.PIDs cannot narrow this: whose they are is
	// not known. Stats.Missing tells of network namespaces that were not looked into.
	Unowned uint64
	// Skipped is how many changes of a TCP socket's state, of all on the machine,
	// the kernel ran no program for, because the processor was interrupted twice
	// over in running them. From Linux 7.0 on it is how many those can be at the
	// very most; mostly there are none.
	Skipped uint64
	// Calls is how many accepts, and connects that fail before they send
	// anything, can have been missed at the very most, because the kernel ran no
	// program for them: it does not while the processor has interrupted another
	// one, or the changing of a BPF map. An accept that was missed, by both of its
	// hooks where it has two, is reported as the listener's, such a connect not at
	// all. Misses of the hooks of system calls and of kprobes are counted since
	// Linux 6.7 (trace_call_bpf).
	Calls uint64
	// Details counts processes whose Exe and Cmdline found no room in the
	// ring buffer. No event is lost with them.
	Details uint64
}

// Events returns how many events are missing, as far as they can be counted.
func (l Lost) Events() uint64 { return l.RingFull + l.Memory + l.TableFull + l.Ends + l.Unowned }

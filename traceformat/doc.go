// Package traceformat reads and writes traces of TCP connections: text, one
// [Event] a line, UTF-8.
//
//	<remote-ip>:<port><arrow><local-ip>:<port>|PID=<n> [KEY=VALUE ...] CMD=<rest of the line>
//
// The local endpoint is the one of the process that the line names; the
// remote one is its peer. IPv6 addresses stand in brackets, with a zone where
// there is one: "[fe80::1%eth0]:80". They are read without brackets too: every
// endpoint has a port, so the last colon is the port's. IPv4-mapped addresses
// are unmapped.
//
// # Arrows
//
// There are two spellings, each with its own legend. The Unicode arrow shows
// the direction as the local process sees it; the ASCII arrow is that of the
// original bpftrace script and points from client to server, which looks the
// opposite way. Both are read, mixed freely; [Format] says which to write.
//
//	direction of the line          Unicode              ASCII
//	Outgoing: local connected      remote→local|…       remote<-local|…
//	Incoming: local accepted       remote←local|…       remote->local|…
//	DirectionUnknown               remote↔local|…       remote<->local|…
//
// # Keys
//
// A basic line has PID and CMD only. An extended line has further keys between
// them, in this order, each left out where it is not known:
//
//	EVENT      close or fail; left out for open
//	OWNER      listener or snapshot; left out where the process was seen itself
//	TIME       RFC 3339 with nanoseconds, in UTC
//	START      start of the process, likewise
//	UID        effective user id
//	NETNS      inode of the network namespace
//	CGROUP     id of the control group
//	HOST       machine
//	CONTAINER  container
//	UNIT       systemd unit
//	EXE        path of the executable
//	ARGS       arguments, with a NUL between each two
//	SENT RECV  bytes; always there on a close
//	DUR        Go duration
//	ERRNO      ECONNREFUSED or the like, or killed
//	COUNT      connections that a close stands for; left out of an ordinary one
//
// CMD is always the last key and takes the rest of the line, with what spaces
// and bars there are. Names are chosen by the processes: a name that is not
// printable UTF-8 (as strconv.IsPrint has it, so neither control nor
// bidirectional formatting characters), or that begins with a double quote, is
// written as a Go quoted string. The same goes for the text of other keys, and
// for text with a space or a double quote in it. So an event is always exactly
// one line, safe to show on a terminal.
//
// The parser takes the keys before CMD in any order, and skips keys that it
// does not know and words that are no KEY=VALUE. What is not there is unknown,
// PID and CMD included; the bar must be there. A key that is given twice, or a
// value that is not valid for its key, is a [SyntaxError]. A CMD that begins
// with a double quote and is no Go quoted string is taken as it is, since the
// original script writes names so.
//
// # Streams
//
// A [Reader] gives events as their lines arrive. A line that is no event, such
// as the banners that bpftrace prints, is a *SyntaxError with its number, and
// reading goes on: only an error of the underlying reader ends it. A [Writer]
// collects lines until it has a block of them or is flushed.
//
// Whatever is written reads back equal, in both spellings; from a basic
// line, the fields that it has.
//
// # Cost and ownership
//
// Parsing or printing a basic line takes some 50 to 60 ns and does not
// allocate. Strings of [Parse] share the memory of its argument. Those of
// [Parser] and Reader are copies, of which each distinct one is made once,
// within fixed bounds; events can be kept as long as one likes.
package traceformat

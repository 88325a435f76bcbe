package cli

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"example.com/tcpgraph/tracer"
)

// Trace holds the flags that choose what to trace. It is closed when the trace
// has ended.
type Trace struct {
	For        time.Duration
	Aggregate  time.Duration
	held       []*os.File // the namespaces that netns names
	netns      string
	pids       list[uint32]
	ports      list[uint16]
	prefixes   list[netip.Prefix]
	noLoopback bool
	noSnapshot bool
	ring       int
}

// Register adds the flags to a command's.
func (t *Trace) Register(fs *flag.FlagSet) {
	t.pids.parse = parseUint[uint32]("a process id", 32)
	t.ports.parse = parseUint[uint16]("a port, 0 to 65535", 16)
	t.prefixes.parse = parsePrefix
	fs.DurationVar(&t.For, "for", 0, "stop after `DURATION`, such as 30s or 5m; 0 traces until interrupted")
	fs.StringVar(&t.netns, "netns", "all", "trace only these network `NAMESPACES`, separated by commas: self, or a path such as /run/netns/NAME or /proc/PID/ns/net, which are kept from ending for as long; or all")
	fs.Var(&t.pids, "pid", "trace only the processes with these `PIDS`, separated by commas")
	fs.Var(&t.ports, "port", "trace only connections with one of these `PORTS` at either end, separated by commas")
	fs.Var(&t.prefixes, "net", "trace only connections with an address in one of these `NETWORKS` at either end, such as 10.0.0.0/8,fd00::/8")
	fs.BoolVar(&t.noLoopback, "no-loopback", false, "leave out connections to loopback addresses (127.0.0.0/8, ::1)")
	fs.BoolVar(&t.noSnapshot, "no-snapshot", false, "leave out connections that are already open")
	fs.DurationVar(&t.Aggregate, "aggregate", 0, "add short connections up in the kernel and report totals every `INTERVAL`, such as 5s, for machines that make very many; a total is a line with EVENT=close and COUNT; 0 reports each connection")
	fs.IntVar(&t.ring, "ring", tracer.DefaultRingSize, "size of the kernel's event buffer in `BYTES`; enlarge it if events are lost")
}

// Options returns what the flags say. It keeps the namespaces that they name from
// ending, until Close is called, also after an error.
func (t *Trace) Options() (*tracer.Options, error) {
	if t.For < 0 {
		return nil, Usagef("-for %v: negative", t.For)
	}
	if t.Aggregate != 0 && t.Aggregate < tracer.MinAggregate {
		return nil, Usagef("-aggregate %v: less than %v", t.Aggregate, tracer.MinAggregate)
	}
	if t.ring <= 0 {
		return nil, Usagef("-ring %d: not positive", t.ring)
	}
	o := &tracer.Options{
		PIDs:       t.pids.values,
		Ports:      t.ports.values,
		Prefixes:   t.prefixes.values,
		NoLoopback: t.noLoopback,
		NoSnapshot: t.noSnapshot,
		RingSize:   t.ring,
		Aggregate:  t.Aggregate,
	}
	return o, t.setNetNS(o)
}

func (t *Trace) setNetNS(o *tracer.Options) error {
	if t.netns == "all" {
		return nil
	}
	for name := range strings.SplitSeq(t.netns, ",") {
		if name == "self" {
			name = "/proc/thread-self/ns/net"
		}
		inode, err := t.hold(name)
		if err != nil {
			return err
		}
		o.NetNS = append(o.NetNS, inode)
	}
	return nil
}

// hold returns the inode number of a network namespace, and keeps that open: when
// a namespace has ended, the kernel gives its number to a new one, at once.
func (t *Trace) hold(name string) (uint32, error) {
	// What is no namespace is not opened: a pipe would wait.
	if _, err := tracer.NetNSAt(name); err != nil {
		return 0, err
	}
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	t.held = append(t.held, f)
	// The name can stand for another one by now.
	return tracer.NetNSAt(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
}

// Close lets go of the namespaces that [Trace.Options] found.
func (t *Trace) Close() error {
	var errs []error
	for _, f := range t.held {
		errs = append(errs, f.Close())
	}
	t.held = nil
	return errors.Join(errs...)
}

// list is a flag whose values are separated by commas; it can be repeated.
type list[T any] struct {
	values []T
	parse  func(string) (T, error)
}

func (l *list[T]) String() string {
	if l == nil || len(l.values) == 0 {
		return ""
	}
	s := fmt.Sprint(l.values)
	return strings.ReplaceAll(s[1:len(s)-1], " ", ",")
}

func (l *list[T]) Set(s string) error {
	for item := range strings.SplitSeq(s, ",") {
		v, err := l.parse(strings.TrimSpace(item))
		if err != nil {
			return err
		}
		l.values = append(l.values, v)
	}
	return nil
}

func parseUint[T uint16 | uint32](what string, bits int) func(string) (T, error) {
	return func(s string) (T, error) {
		n, err := strconv.ParseUint(s, 10, bits)
		if err != nil {
			return 0, fmt.Errorf("%q is not %s", s, what)
		}
		return T(n), nil
	}
}

// parsePrefix reads a network, or an address as the network of only itself.
func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("%q is not a network such as 10.0.0.0/8", s)
	}
	return p, nil
}

// Lost says in words what a trace has lost, "" if nothing.
func Lost(l tracer.Lost) string {
	var parts []string
	for _, c := range []struct {
		n    uint64
		what string
	}{
		{l.RingFull, "by a full buffer (try a larger -ring)"},
		{l.Memory, "for want of kernel memory"},
		{l.TableFull, "by a full table of accepted connections"},
		{l.Ends, "that ended unseen by the kernel's tracepoint"},
		{l.Unowned, "that were open before, in no process that could be found"},
		{l.Skipped, "changes of state that the kernel ran no program for (from Linux 7.0 on, at most)"},
		{l.Calls, "accepts (told as the listener's) or failed connects at most that the kernel ran no program for"},
	} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

// Tracing is the line that a command prints when the trace is under way.
func Tracing(s tracer.Stats) string {
	line := fmt.Sprintf("tracing: %d connections were open, accepts by %v", s.Snapshot, s.Accept)
	for _, m := range s.Missing {
		line += "; note: " + m
	}
	return line
}

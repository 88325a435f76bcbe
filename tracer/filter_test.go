//go:build linux

package tracer_test

import (
	"net/netip"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer"
	"example.com/tcpgraph/tracer/internal/truth"
)

// filters are options with the events that they let pass.
var filters = []struct {
	name    string
	options tracer.Options
	pass    func(*tracer.Event) bool
}{
	{"Ports", tracer.Options{Ports: []uint16{filterPort, 9999}}, func(e *tracer.Event) bool {
		return e.Local.Port() == filterPort || e.Remote.Port() == filterPort
	}},
	{"Prefixes", tracer.Options{Prefixes: []netip.Prefix{subnet4, subnet6}}, func(e *tracer.Event) bool {
		return subnet4.Contains(e.Remote.Addr()) || subnet6.Contains(e.Remote.Addr())
	}},
	{"no loopback", tracer.Options{NoLoopback: true}, func(e *tracer.Event) bool { return !e.Remote.Addr().IsLoopback() }},
	{"no IPv4", tracer.Options{NoIPv4: true}, func(e *tracer.Event) bool { return !e.Remote.Addr().Is4() }},
	{"no IPv6", tracer.Options{NoIPv6: true}, func(e *tracer.Event) bool { return e.Remote.Addr().Is4() }},
	{"no snapshot", tracer.Options{NoSnapshot: true}, func(e *tracer.Event) bool { return e.Owner != traceformat.OwnerSnapshot }},
	{"nothing", tracer.Options{Ports: []uint16{}}, func(*tracer.Event) bool { return false }},
}

const filterPort = 81

var (
	subnet4 = netip.MustParsePrefix("10.1.0.0/25")
	subnet6 = netip.MustParsePrefix("fd01::/64")
)

// TestFilters has a tracer for each filter see the same connections, and wants
// of each the events that pass it and no other.
func TestFilters(t *testing.T) {
	hook := acceptHook(t)
	if os.Getenv("VM") != "" && hook != tracer.AcceptFexit {
		t.Skip("on the machines of the kernel matrix, tried with one hook only: they are slow")
	}
	mixture := truth.Case{Group: "filter", Name: "all", Run: func(l *truth.Lab) { mix(l, filterPort) }}
	x := truth.Start(t, []truth.Case{mixture}, nil)
	open := func(o tracer.Options) *tracer.Tracer {
		o.NetNS, o.AcceptHook, o.Unaccepted = x.NetNS(), hook, never
		tr, err := tracer.Open(&o)
		if err != nil {
			x.Abandon()
			t.Fatal(err)
		}
		t.Cleanup(func() { tr.Close() })
		return tr
	}
	var filtered []*tracer.Tracer
	for _, f := range filters {
		f.options.Buffer = 1000 // more than come
		filtered = append(filtered, open(f.options))
	}
	all := open(tracer.Options{})
	l := x.Run(all.Events(), all.Stop)[0]
	judge(t, l, all.Stats().Accept)

	truly, _ := knowable(l.Ends(), all.Stats().Accept)
	for i, f := range filters {
		t.Run(f.name, func(t *testing.T) {
			filtered[i].Stop()
			var got []tracer.Event
			for e := range filtered[i].Events() {
				got = append(got, e)
			}
			want := slices.DeleteFunc(slices.Clone(truly), func(e tracer.Event) bool { return !f.pass(&e) })
			diffEvents(t, want, l.Timeless(got))
		})
	}
}

// TestFilterPIDs lets one process of two pass.
func TestFilterPIDs(t *testing.T) {
	if acceptHook(t) == tracer.AcceptNone {
		t.Skip("without an accept hook, the server's child is not known")
	}
	pids := make([]uint32, 1)
	c := truth.Case{Group: "filter", Name: "PIDs", Run: func(l *truth.Lab) {
		site := l.Loopback()
		parent := l.Agent(site, truth.Spec{Comm: "parent", Children: 1})
		old := parent.Listen(0, site.V4, 0)
		worker := parent.Fork(old.FD)
		pids[0] = worker.PID()
		client := l.Agent(site, truth.Spec{Comm: "client"})
		first, firstEnd := client.Dial(0, old.Addr), old.Accept() // the parent's
		second, secondEnd := client.Dial(0, old.Addr), old.By(worker, inheritedChild).Accept()
		l.Traced()
		exchange(first, firstEnd)
		exchange(second, secondEnd)
		third := client.Dial(0, old.Addr)
		exchange(third, old.By(worker, inheritedChild).Accept())
		own := worker.Listen(0, site.V4, 0)
		exchange(worker.Dial(0, own.Addr), own.Accept())
		worker.Socket(0).Bind(site.V4, 0).Connect(closed(site), "").Fails(unix.ECONNREFUSED)
		client.Socket(0).Bind(site.V4, 0).Connect(closed(site), "").Fails(unix.ECONNREFUSED)
	}}
	pass := func(e *tracer.Event) bool { return slices.Contains(pids, e.Process.PID) }
	labs, hook := traced(t, []truth.Case{c}, pass, &tracer.Options{PIDs: pids, Unaccepted: never})
	judge(t, labs[0], hook)
}

// TestFilterPIDsListener lets one process of two pass where the only owner that is
// known of an incoming connection is the listener's.
func TestFilterPIDsListener(t *testing.T) {
	t.Setenv(acceptEnv, "none")
	pids := make([]uint32, 1)
	c := truth.Case{Group: "filter", Name: "PIDs", Run: func(l *truth.Lab) {
		site := l.Loopback()
		other, wanted := l.Agent(site, truth.Spec{Comm: "other"}), l.Agent(site, truth.Spec{Comm: "wanted"})
		pids[0] = wanted.PID()
		l.Traced()
		theirs, own := other.Listen(0, site.V4, 0), wanted.Listen(0, site.V4, 0)
		for _, ln := range []*truth.Listener{theirs, own} {
			exchange(other.Dial(0, ln.Addr), ln.Accept())
			exchange(wanted.Dial(0, ln.Addr), ln.Accept())
		}
	}}
	pass := func(e *tracer.Event) bool { return e.Process.PID == pids[0] }
	labs, hook := traced(t, []truth.Case{c}, pass, &tracer.Options{PIDs: pids, Unaccepted: never})
	judge(t, labs[0], hook)
}

// TestFilterNetNS lets one network namespace of two pass.
func TestFilterNetNS(t *testing.T) {
	var inode uint32
	c := truth.Case{Group: "filter", Name: "NetNS", Run: func(l *truth.Lab) {
		in, out := l.Loopback(), l.Loopback()
		inode = in.Inode()
		l.Traced()
		for _, site := range []truth.Site{in, out} {
			ln := l.Agent(site, truth.Spec{}).Listen(0, site.V4, 80)
			exchange(l.Agent(site, truth.Spec{}).Dial(0, ln.Addr), ln.Accept())
		}
	}}
	pass := func(e *tracer.Event) bool { return e.Process.NetNS == inode }
	x := truth.Start(t, []truth.Case{c}, pass)
	tr, err := tracer.Open(&tracer.Options{NetNS: []uint32{inode}, AcceptHook: acceptHook(t), Unaccepted: never})
	if err != nil {
		x.Abandon()
		t.Fatal(err)
	}
	defer tr.Close()
	judge(t, x.Run(tr.Events(), tr.Stop)[0], tr.Stats().Accept)
}

// mix makes connections of all sorts, some of them before the tracer.
func mix(l *truth.Lab, port uint16) {
	from, to := l.Veth()
	c, s := l.Agent(from, truth.Spec{Comm: "client"}), l.Agent(to, truth.Spec{Comm: "server"})
	var open [][2]*truth.Conn
	dial := func(by *truth.Agent, kind truth.Kind, ln *truth.Listener, to netip.Addr) {
		end := by.Dial(kind, netip.AddrPortFrom(to, ln.Addr.Port()))
		open = append(open, [2]*truth.Conn{end, ln.Accept()})
	}
	loopback4 := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	dual := s.Listen(truth.V6, netip.IPv6Unspecified(), 80)
	other := s.Listen(truth.V6, netip.IPv6Unspecified(), port)
	all := func() {
		for _, ln := range []*truth.Listener{dual, other} {
			dial(c, 0, ln, to.V4)
			dial(c, truth.V6, ln, to.V4) // mapped
			dial(c, truth.V6, ln, to.V6)
			dial(c, truth.V6, ln, to.LinkLocal)
			dial(s, 0, ln, loopback4)
			dial(s, truth.V6, ln, netip.IPv6Loopback())
		}
	}
	all()
	l.Traced()
	all()
	for _, ends := range open {
		exchange(ends[0], ends[1])
	}
	for _, port := range []uint16{port, 9} {
		nobody := netip.AddrPortFrom(from.V4, port)
		s.Socket(0).Bind(to.V4, 0).Connect(nobody, "").Fails(unix.ECONNREFUSED)
	}
}

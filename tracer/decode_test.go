//go:build linux

package tracer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"example.com/tcpgraph/traceformat"
)

// wire is a struct event of bpf/wire.h, in its order.
type wire struct {
	typ, how, direction uint8
	errno               uint16
	time, since         uint64
	sent, received      uint64
	start, cgroup       uint64
	pid, uid            uint32
	comm                string
	local, remote       netip.AddrPort
	netns, ifindex      uint32
}

func (w *wire) bytes() []byte {
	ne := binary.NativeEndian
	b := []byte{w.typ, w.how, w.direction, 0}
	b = ne.AppendUint16(b, w.errno)
	b = ne.AppendUint16(b, 0)
	for _, v := range []uint64{w.time, w.since, w.sent, w.received, w.start, w.cgroup} {
		b = ne.AppendUint64(b, v)
	}
	b = ne.AppendUint32(b, w.pid)
	b = ne.AppendUint32(b, w.uid)
	b = append(b, (w.comm + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")[:16]...)
	for _, a := range []netip.AddrPort{w.local, w.remote} {
		a16 := a.Addr().As16()
		b = append(b, a16[:]...)
	}
	b = ne.AppendUint32(b, w.netns)
	b = ne.AppendUint32(b, w.ifindex)
	b = ne.AppendUint16(b, w.local.Port())
	b = ne.AppendUint16(b, w.remote.Port())
	return ne.AppendUint32(b, 0)
}

// wireProcess is a struct process of bpf/wire.h with what follows it.
func wireProcess(pid uint32, start uint64, exe, args string) []byte {
	ne := binary.NativeEndian
	b := []byte{4, 0, 0, 0}
	b = ne.AppendUint32(b, pid)
	b = ne.AppendUint64(b, start)
	b = ne.AppendUint32(b, uint32(len(exe)))
	b = ne.AppendUint32(b, uint32(len(args)))
	b = ne.AppendUint64(b, uint64(len(args)))
	return append(append(b, exe...), args...)
}

var testBoot = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

func testDecoder() *decoder {
	unknown := func(processKey) processInfo { return processInfo{} }
	return &decoder{boot: testBoot, processes: newProcessCache(unknown)}
}

var addrPorts = cmpopts.EquateComparable(netip.AddrPort{}, traceformat.UID{})

func TestDecode(t *testing.T) {
	ap := netip.MustParseAddrPort
	for _, tt := range []struct {
		name string
		in   wire
		want Event
	}{
		{
			"open",
			wire{
				typ: 1, direction: 1, time: 2e9, since: 1e9, start: 5e8, cgroup: 77, pid: 42, uid: 1000,
				comm: "curl", local: ap("10.0.0.1:40000"), remote: ap("10.0.0.2:443"), netns: 4026531840,
			},
			Event{
				Direction: traceformat.Outgoing, Local: ap("10.0.0.1:40000"), Remote: ap("10.0.0.2:443"), Time: testBoot.Add(2 * time.Second),
				Process: traceformat.Process{
					PID: 42, UID: traceformat.NewUID(1000), Command: "curl", StartTime: testBoot.Add(500 * time.Millisecond),
					CgroupID: 77, NetNS: 4026531840,
				},
			},
		},
		{
			"close, IPv6, root, a name of 16 bytes without its end",
			wire{
				typ: 2, how: 2, direction: 2, time: 5e9, since: 2e9, sent: 1 << 40, received: 3, start: 1, pid: 1,
				comm: "0123456789abcdef", local: ap("[2001:db8::1]:80"), remote: ap("[2001:db8::2]:65535"),
			},
			Event{
				Kind: traceformat.Close, Direction: traceformat.Incoming, Owner: traceformat.OwnerSnapshot,
				Local: ap("[2001:db8::1]:80"), Remote: ap("[2001:db8::2]:65535"),
				Time: testBoot.Add(5 * time.Second), Duration: 3 * time.Second, BytesSent: 1 << 40, BytesReceived: 3,
				Process: traceformat.Process{PID: 1, UID: traceformat.NewUID(0), Command: "0123456789abcdef", StartTime: testBoot.Add(1)},
			},
		},
		{
			"close of a connection that opened at an unknown time, for a listener",
			wire{typ: 2, how: 1, direction: 2, time: 5e9, start: 1, pid: 7, comm: "\xff\n", local: ap("1.2.3.4:1"), remote: ap("1.2.3.4:2")},
			Event{
				Kind: traceformat.Close, Direction: traceformat.Incoming, Owner: traceformat.OwnerListener,
				Local: ap("1.2.3.4:1"), Remote: ap("1.2.3.4:2"), Time: testBoot.Add(5 * time.Second),
				Process: traceformat.Process{PID: 7, UID: traceformat.NewUID(0), Command: "\xff\n", StartTime: testBoot.Add(1)},
			},
		},
		{
			"fail, killed",
			wire{typ: 3, direction: 1, errno: 0xffff, time: 3e9, since: 1e9, start: 1, pid: 9, comm: "wget", local: ap("1.2.3.4:1"), remote: ap("1.2.3.4:2")},
			Event{
				Kind: traceformat.Fail, Direction: traceformat.Outgoing, Errno: traceformat.Killed,
				Local: ap("1.2.3.4:1"), Remote: ap("1.2.3.4:2"), Time: testBoot.Add(3 * time.Second), Duration: 2 * time.Second,
				Process: traceformat.Process{PID: 9, UID: traceformat.NewUID(0), Command: "wget", StartTime: testBoot.Add(1)},
			},
		},
		{
			"link-local addresses have a zone, others have none",
			wire{typ: 1, ifindex: 3, local: ap("[fe80::1]:1"), remote: ap("[2001:db8::1]:2")},
			Event{Local: ap("[fe80::1%3]:1"), Remote: ap("[2001:db8::1]:2"), Time: testBoot},
		},
		{
			"IPv4 has no zone, and an unknown process is no process",
			wire{typ: 1, ifindex: 3, pid: 5, comm: "ghost", local: ap("169.254.0.1:1"), remote: ap("169.254.0.2:2"), netns: 8},
			Event{Local: ap("169.254.0.1:1"), Remote: ap("169.254.0.2:2"), Time: testBoot, Process: traceformat.Process{NetNS: 8}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Event{BytesSent: 99, Errno: 99} // what was there before must be gone
			ok, err := testDecoder().decode(tt.in.bytes(), &got)
			if !ok || err != nil {
				t.Fatalf("decode: got %v, %v, want an event", ok, err)
			}
			if diff := cmp.Diff(tt.want, got, addrPorts); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeProcess(t *testing.T) {
	d := testDecoder()
	var e Event
	ok, err := d.decode(wireProcess(42, 7, "curl\x00bin\x00usr\x00", "curl\x00\x00a b\x00\x00\x00"), &e)
	if ok || err != nil {
		t.Fatalf("decode of a process: got %v, %v, want no event", ok, err)
	}
	open := wire{typ: 1, start: 7, pid: 42, comm: "curl", local: netip.MustParseAddrPort("1.2.3.4:1"), remote: netip.MustParseAddrPort("1.2.3.4:2")}
	for _, tt := range []struct {
		start        uint64
		exe, cmdline string
	}{
		{7, "/usr/bin/curl", "curl\x00\x00a b"},
		{8, "", ""}, // another process with that number
	} {
		open.start = tt.start
		if _, err := d.decode(open.bytes(), &e); err != nil {
			t.Fatal(err)
		}
		if e.Process.Exe != tt.exe || e.Process.Cmdline != tt.cmdline {
			t.Errorf("process 42 started at %d: got %q, %q, want %q, %q", tt.start, e.Process.Exe, e.Process.Cmdline, tt.exe, tt.cmdline)
		}
	}
}

// TestDecodeProcessInPart has the kernel tell one of two things, and /proc both.
func TestDecodeProcessInPart(t *testing.T) {
	for _, tt := range []struct{ exe, args, wantExe, wantArgs string }{
		{"", "curl\x00url\x00", "/proc's", "curl\x00url"},
		{"curl\x00bin\x00", "", "/bin/curl", "proc's"},
		{"curl\x00bin\x00", "curl\x00", "/bin/curl", "curl"},
	} {
		d := testDecoder()
		d.processes.read = func(processKey) processInfo { return processInfo{exe: "/proc's", cmdline: "proc's"} }
		var e Event
		if _, err := d.decode(wireProcess(42, 7, tt.exe, tt.args), &e); err != nil {
			t.Fatal(err)
		}
		got := d.processes.get(processKey{7, 42})
		if got.exe != tt.wantExe || got.cmdline != tt.wantArgs {
			t.Errorf("%q, %q: got %q, %q, want %q, %q", tt.exe, tt.args, got.exe, got.cmdline, tt.wantExe, tt.wantArgs)
		}
	}
}

// hesitant has nothing at first.
type hesitant struct {
	io.Reader
	times int
}

func (h *hesitant) Read(b []byte) (int, error) {
	if h.times--; h.times >= 0 {
		return 0, &os.PathError{Op: "read", Path: "iterator", Err: unix.EAGAIN}
	}
	return h.Reader.Read(b)
}

func TestPersistent(t *testing.T) {
	got, err := io.ReadAll(persistent{&hesitant{strings.NewReader("records"), 3}})
	if string(got) != "records" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestDecodeMalformed(t *testing.T) {
	whole := (&wire{typ: 1}).bytes()
	process := wireProcess(1, 1, "a\x00", "b\x00")
	tooLong := bytes.Clone(process)
	binary.NativeEndian.PutUint32(tooLong[16:], 0xffffffff)
	for _, b := range [][]byte{
		nil,
		whole[:1],
		whole[:len(whole)-1],
		append([]byte{0}, whole[1:]...),
		append([]byte{5}, whole[1:]...), // a listener: the snapshot's alone
		append([]byte{6}, whole[1:]...), // as is what has no owner
		append([]byte{7}, whole[1:]...),
		process[:31],
		process[:len(process)-1],
		tooLong,
	} {
		var e Event
		if ok, err := testDecoder().decode(b, &e); ok || !errors.Is(err, errRecord) {
			t.Errorf("decode %x: got %v, %v, want errRecord", b, ok, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add((&wire{typ: 1}).bytes())
	f.Add(wireProcess(1, 1, "a\x00", "b\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var e Event
		d := testDecoder()
		if ok, err := d.decode(b, &e); ok && err != nil {
			t.Errorf("an event and an error: %v", err)
		}
		d.decodeSnapshot(b)
	})
}

// TestSnapshotDuplicates lets events follow a snapshot.
func TestSnapshotDuplicates(t *testing.T) {
	const now = uint64(1e12)
	at := func(typ uint8, port uint16, after time.Duration) wire {
		return wire{
			typ: typ, time: now + uint64(after), netns: 1,
			local: netip.AddrPortFrom(netip.MustParseAddr("1.2.3.4"), port), remote: netip.MustParseAddrPort("1.2.3.4:2"),
		}
	}
	other, bound := at(1, 10, 0), at(1, 11, 0)
	other.netns = 2
	bound.ifindex = 3
	first, second := at(1, 10, 0), at(1, 11, 0)
	d := testDecoder()
	unowned := at(6, 12, 0)
	late := first // of another process
	late.time++
	before := d.decodeSnapshot(bytes.Join([][]byte{first.bytes(), unowned.bytes(), second.bytes(), bound.bytes(), late.bytes(), {1, 2, 3}}, nil))
	if len(before) != 3 {
		t.Fatalf("events of the snapshot: got %d, want 3", len(before))
	}
	if got, want := before[0].Time, d.at(late.time); !got.Equal(want) {
		t.Errorf("an event of which there are two records: got that of %v, want the later one, of %v", got, want)
	}
	for i, tt := range []struct {
		record wire
		want   bool
	}{
		{at(1, 10, time.Millisecond), false},      // the accept of one that was reported
		{other, true},                             // the same endpoints elsewhere
		{at(1, 12, time.Millisecond), true},       // one that was not reported
		{at(2, 10, 2*time.Millisecond), true},     // its end
		{at(1, 10, 3*time.Millisecond), true},     // the next one with these endpoints
		{at(3, 11, 3*time.Millisecond), true},     // a failure is no end
		{at(1, 11, 4*time.Millisecond), false},    // the other one
		{at(1, 11, mergeFor+time.Second), true},   // too late to be its accept
		{at(1, 11, 2*mergeFor+time.Second), true}, // and all is forgotten
	} {
		var e Event
		got, err := d.decode(tt.record.bytes(), &e)
		if got != tt.want || err != nil {
			t.Errorf("event %d (%v): got %v, %v, want %v", i, e, got, err, tt.want)
		}
	}
}

// TestSnapshotListeners wants what is known of a process that listens to outlive
// it.
func TestSnapshotListeners(t *testing.T) {
	d := testDecoder()
	gone := false
	d.processes.read = func(processKey) processInfo {
		if gone {
			return processInfo{}
		}
		return processInfo{exe: "/usr/bin/server"}
	}
	listener := wire{typ: 5, pid: 7, start: 70}
	if before := d.decodeSnapshot(listener.bytes()); len(before) != 0 {
		t.Errorf("a listener made events: %v", before)
	}
	gone = true
	var e Event
	open := wire{typ: 1, how: 1, direction: 2, pid: 7, start: 70}
	if ok, err := d.decode(open.bytes(), &e); !ok || err != nil || e.Process.Exe != "/usr/bin/server" {
		t.Errorf("got %v, %v and the executable %q", ok, err, e.Process.Exe)
	}
}

func TestJoinPath(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		"curl\x00bin\x00usr\x00":   "/usr/bin/curl",
		"init\x00":                 "/init",
		"a b\x00\xff\x00":          "/\xff/a b",
		"cut\x00short":             "/short/cut",
		"tcp\nline\x00\"dir\"\x00": "/\"dir\"/tcp\nline",
	} {
		if got := joinPath([]byte(in)); got != want {
			t.Errorf("joinPath(%q): got %q, want %q", in, got, want)
		}
	}
}

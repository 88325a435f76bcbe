package traceformat

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// formats are all there are.
var formats = []Format{{}, {ASCII: true}, {Extended: true}, {ASCII: true, Extended: true}}

// hostile are names that a process, a host or an interface can have.
var hostile = []string{
	"plain", "two words", " leading", "trailing ", `"`, `"quoted"`, `"open`, `quote"inside`, `""`, `back\slash`, "`tick`",
	"new\nline", "carriage\r", "tab\tbed", "nul\x00", "\x1b[31mred\x1b[0m", "\xff\xfe", "cut\xe2\x86", "\ufffd",
	"a|b", "a->b", "a→b", "<script>alert(1)</script>", "CMD=x", "PID=1 CMD=y", "=", "a]b", "%", "#", "\ufeff",
	"\u202egnp.exe", "\u2066iso\u2069", "zero\u200bwidth", "\u2028", "\u00a0", "größe", "日本", "e\u0301", "𝒳", "\U000e0041",
}

// eventComparer makes cmp compare what has unexported fields with ==.
var eventComparer = cmpopts.EquateComparable(netip.AddrPort{}, UID{})

// diffEvent fails the test if the events differ. They must be equal with ==.
func diffEvent(t *testing.T, what string, got, want Event) {
	t.Helper()
	if got != want {
		t.Errorf("%s: mismatch (-want +got):\n%s\nwant %#v\ngot  %#v", what, cmp.Diff(want, got, eventComparer), want, got)
	}
}

// basicPart returns e with the fields that a basic line carries.
func basicPart(e Event) Event {
	return Event{
		Direction: e.Direction, Local: e.Local, Remote: e.Remote,
		Process: Process{PID: e.Process.PID, Command: e.Process.Command},
	}
}

// fullEvent returns an event in which every field is set.
func fullEvent() Event {
	return Event{
		Kind: Close, Direction: Incoming, Owner: OwnerListener, Errno: 104, Count: 12,
		Local:  netip.MustParseAddrPort("192.0.2.7:443"),
		Remote: netip.MustParseAddrPort("[2001:db8::5]:50312"),
		Process: Process{
			PID: 4711, UID: NewUID(0), Command: "web server",
			StartTime: time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC),
			NetNS:     4026531840, CgroupID: 1<<64 - 1, Host: "node-1", Container: "c0ffee", Unit: "web.service",
			Exe: "/usr/sbin/web", Cmdline: "web\x00--listen\x00*:443",
		},
		Time:     time.Date(2025, 1, 2, 3, 4, 5, 600_700_800, time.UTC),
		Duration: 90*time.Second + time.Millisecond, BytesSent: 1 << 40, BytesReceived: 77,
	}
}

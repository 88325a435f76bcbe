package traceformat

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// roundTrip checks that e prints to one printable line, which parses to e, in
// every format.
func roundTrip(t *testing.T, e Event) {
	t.Helper()
	for _, f := range formats {
		line := string(e.AppendTo(nil, f))
		checkLine(t, line)
		got, err := parseBoth(t, line)
		if err != nil {
			t.Errorf("%v: Parse(%q): %v", f, line, err)
			continue
		}
		want := e
		if !f.Extended {
			want = basicPart(e)
		}
		diffEvent(t, f.String()+": Parse of "+line, got, want)
	}
	text, err := e.MarshalText()
	if err != nil || string(text) != e.String() {
		t.Errorf("MarshalText: got %q, %v; String is %q", text, err, e.String())
	}
	var got Event
	if err := got.UnmarshalText(text); err != nil {
		t.Errorf("UnmarshalText(%q): %v", text, err)
	}
	diffEvent(t, "UnmarshalText", got, e)
}

// checkLine checks that a line is safe to print.
func checkLine(t *testing.T, line string) {
	t.Helper()
	if !utf8.ValidString(line) {
		t.Errorf("%q is not UTF-8", line)
	}
	if i := strings.IndexFunc(line, func(r rune) bool { return !strconv.IsPrint(r) }); i >= 0 {
		t.Errorf("%q is not printable at byte %d", line, i)
	}
}

func TestAppendTo(t *testing.T) {
	basic := event(Outgoing, "192.0.2.1:443", "[2001:db8::1]:50000", 7, "a b")
	unknown := basic
	unknown.Direction, unknown.Process = DirectionUnknown, Process{}
	idle := basic
	idle.Kind, idle.Process.Command = Close, `"x"`
	failed := basic
	failed.Kind, failed.Errno, failed.Duration = Fail, 111, time.Millisecond
	for _, tt := range []struct {
		name   string
		event  Event
		format Format
		want   string
	}{
		{"basic", basic, Format{}, "192.0.2.1:443→[2001:db8::1]:50000|PID=7 CMD=a b"},
		{"basic ASCII", basic, Format{ASCII: true}, "192.0.2.1:443<-[2001:db8::1]:50000|PID=7 CMD=a b"},
		{"nothing known", unknown, Format{Extended: true}, "192.0.2.1:443↔[2001:db8::1]:50000|"},
		{"nothing known, ASCII", unknown, Format{ASCII: true}, "192.0.2.1:443<->[2001:db8::1]:50000|"},
		{"close without bytes", idle, Format{Extended: true}, `192.0.2.1:443→[2001:db8::1]:50000|PID=7 EVENT=close SENT=0 RECV=0 CMD="\"x\""`},
		{"fail", failed, Format{Extended: true}, "192.0.2.1:443→[2001:db8::1]:50000|PID=7 EVENT=fail DUR=1ms ERRNO=ECONNREFUSED CMD=a b"},
		{"full basic", fullEvent(), Format{ASCII: true}, "[2001:db8::5]:50312->192.0.2.7:443|PID=4711 CMD=web server"},
		{"full extended", fullEvent(), Format{Extended: true}, "[2001:db8::5]:50312←192.0.2.7:443|PID=4711 EVENT=close OWNER=listener " +
			"TIME=2025-01-02T03:04:05.6007008Z START=2024-02-29T23:59:59Z UID=0 NETNS=4026531840 CGROUP=18446744073709551615 " +
			`HOST=node-1 CONTAINER=c0ffee UNIT=web.service EXE=/usr/sbin/web ARGS="web\x00--listen\x00*:443" ` +
			"SENT=1099511627776 RECV=77 DUR=1m30.001s ERRNO=ECONNRESET COUNT=12 CMD=web server"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := string(tt.event.AppendTo([]byte("> "), tt.format))
			if diff := cmp.Diff("> "+tt.want, got); diff != "" {
				t.Errorf("AppendTo(%v) mismatch (-want +got):\n%s", tt.format, diff)
			}
			roundTrip(t, tt.event)
		})
	}
}

func TestRoundTripHostile(t *testing.T) {
	e := event(Incoming, "192.0.2.1:443", "[fe80::1]:1", 7, "x")
	for _, s := range hostile {
		h := e
		p := &h.Process
		p.Command, p.Host, p.Container, p.Unit, p.Exe, p.Cmdline = s, s, s, s, s, s
		h.Local = netip.AddrPortFrom(h.Local.Addr().WithZone(s), 1)
		roundTrip(t, h)
		h.Process.Command = "" // the value before it ends the line
		roundTrip(t, h)
	}
}

func TestRoundTripLimits(t *testing.T) {
	base := event(Incoming, "192.0.2.1:0", "[::]:65535", 1<<32-1, "x")
	for name, change := range map[string]func(*Event){
		"duration min":   func(e *Event) { e.Duration = math.MinInt64 },
		"duration max":   func(e *Event) { e.Duration = math.MaxInt64 },
		"duration 1ns":   func(e *Event) { e.Duration = 1 },
		"duration -1.5µ": func(e *Event) { e.Duration = -1500 },
		"time first":     func(e *Event) { e.Time = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) },
		"time last":      func(e *Event) { e.Time = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC) },
		"errno unnamed":  func(e *Event) { e.Errno = 41 },
		"errno last":     func(e *Event) { e.Errno = Killed - 1 },
		"killed":         func(e *Event) { e.Errno = Killed },
		"UID last":       func(e *Event) { e.Process.UID = NewUID(1<<32 - 1) },
		"bytes":          func(e *Event) { e.BytesSent, e.BytesReceived = 1<<64-1, 1 },
		"snapshot":       func(e *Event) { e.Owner = OwnerSnapshot },
		"long zone": func(e *Event) {
			e.Remote = netip.AddrPortFrom(netip.MustParseAddr("::1").WithZone(strings.Repeat("z", 5000)), 1)
		},
		"long arguments": func(e *Event) { e.Process.Cmdline = strings.Repeat("\xff", 100_000) },
	} {
		t.Run(name, func(t *testing.T) {
			e := base
			change(&e)
			roundTrip(t, e)
		})
	}
}

// TestRoundTripNormalized shows what is read back in its canonical form.
func TestRoundTripNormalized(t *testing.T) {
	want := event(Outgoing, "192.0.2.1:443", "192.0.2.2:1", 7, "x")
	want.Time = time.Date(2025, 1, 2, 3, 4, 5, 6, time.UTC)
	e := want
	e.Remote = netip.MustParseAddrPort("[::ffff:192.0.2.1]:443")
	e.Time = want.Time.In(time.FixedZone("east", 7200))
	got, err := Parse(e.String())
	if err != nil {
		t.Fatal(err)
	}
	diffEvent(t, "Parse", got, want)
}

// TestInvalidEvents checks that what no line can stand for is an error where
// there can be one, and else a line that is refused.
func TestInvalidEvents(t *testing.T) {
	base := event(Incoming, "192.0.2.1:443", "192.0.2.2:1", 7, "x")
	late := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, want string
		change     func(*Event)
	}{
		{"zero", "the remote address is not valid", func(e *Event) { *e = Event{} }},
		{"no local", "the local address is not valid", func(e *Event) { e.Local = netip.AddrPortFrom(netip.Addr{}, 80) }},
		{"kind", "there is no Kind(3)", func(e *Event) { e.Kind = 3 }},
		{"direction", "there is no Direction(3)", func(e *Event) { e.Direction = 3 }},
		{"owner", "there is no Owner(255)", func(e *Event) { e.Owner = 255 }},
		{"time", "the time is not within the years 0 to 9999", func(e *Event) { e.Time = late }},
		{"start", "the start time is not within the years 0 to 9999", func(e *Event) { e.Process.StartTime = time.Date(-1, 12, 31, 23, 59, 59, 0, time.UTC) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := base
			tt.change(&e)
			if text, err := e.MarshalText(); err == nil || err.Error() != "traceformat: marshal event: "+tt.want || text != nil {
				t.Errorf("MarshalText: got %q, error %v, want error %s", text, err, tt.want)
			}
			if err := NewWriter(new(strings.Builder), Format{Extended: true}).Write(e); err == nil || err.Error() != "traceformat: write event: "+tt.want {
				t.Errorf("Write: got error %v, want %s", err, tt.want)
			}
			checkLine(t, e.String())
			if got, err := Parse(e.String()); err == nil {
				t.Errorf("Parse(%q): got %v, want an error", e.String(), got)
			}
		})
	}
}

func TestUnmarshalTextKeepsOnError(t *testing.T) {
	want := fullEvent()
	got := want
	if err := got.UnmarshalText([]byte("nonsense")); err == nil {
		t.Error("got no error")
	}
	diffEvent(t, "UnmarshalText", got, want)
}

func TestFormatString(t *testing.T) {
	var got []string
	for _, f := range formats {
		got = append(got, f.String())
	}
	want := []string{"unicode basic", "ascii basic", "unicode extended", "ascii extended"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

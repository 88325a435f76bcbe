package traceformat

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// parseBoth parses line as a string and as bytes, which must agree.
func parseBoth(t *testing.T, line string) (Event, error) {
	t.Helper()
	e, err := Parse(line)
	var p Parser
	for range 2 { // the second time with everything interned
		buf := []byte(line)
		b, errB := p.Parse(buf)
		clear(buf) // the event must not share its memory
		diffEvent(t, "Parser.Parse and Parse of "+line, b, e)
		if diff := cmp.Diff(err, errB, cmp.Comparer(sameError)); diff != "" {
			t.Errorf("Parser.Parse and Parse of %q: errors differ:\n%s", line, diff)
		}
	}
	return e, err
}

func sameError(a, b error) bool {
	var x, y *SyntaxError
	if errors.As(a, &x) && errors.As(b, &y) {
		return *x == *y
	}
	return a == nil && b == nil
}

func event(d Direction, remote, local string, pid uint32, command string) Event {
	return Event{
		Direction: d, Remote: netip.MustParseAddrPort(remote), Local: netip.MustParseAddrPort(local),
		Process: Process{PID: pid, Command: command},
	}
}

func TestParse(t *testing.T) {
	const a, b = "192.0.2.1:443", "198.51.100.20:50000"
	with := func(e Event, f func(*Event)) Event { f(&e); return e }
	base := event(Outgoing, a, b, 7, "x")
	for _, tt := range []struct {
		name, line string
		want       Event
	}{
		{"unicode outgoing", a + "→" + b + "|PID=7 CMD=x", base},
		{"unicode incoming", a + "←" + b + "|PID=7 CMD=x", event(Incoming, a, b, 7, "x")},
		{"unicode unknown", a + "↔" + b + "|PID=7 CMD=x", event(DirectionUnknown, a, b, 7, "x")},
		{"ascii outgoing", a + "<-" + b + "|PID=7 CMD=x", base},
		{"ascii incoming", a + "->" + b + "|PID=7 CMD=x", event(Incoming, a, b, 7, "x")},
		{"ascii unknown", a + "<->" + b + "|PID=7 CMD=x", event(DirectionUnknown, a, b, 7, "x")},
		{"newline", a + "→" + b + "|PID=7 CMD=x\n", base},
		{"CRLF", a + "→" + b + "|PID=7 CMD=x\r\n", base},
		{"no metadata", a + "→" + b + "|", event(Outgoing, a, b, 0, "")},
		{"no PID", a + "→" + b + "|CMD=x", event(Outgoing, a, b, 0, "x")},
		{"no CMD", a + "→" + b + "|PID=7", event(Outgoing, a, b, 7, "")},
		{"no CMD, space", a + "→" + b + "|PID=7 ", event(Outgoing, a, b, 7, "")},
		{"empty CMD", a + "→" + b + "|PID=7 CMD=", event(Outgoing, a, b, 7, "")},
		{"spaces between keys", a + "→" + b + "|  PID=7   CMD=x", base},
		{"words that are no keys", a + "→" + b + "|hello PID=7 CMDx CMD=x", base},
		{"unknown keys", a + "→" + b + `|A=1 PID=7 B="CMD=evil \" UID=0" =q C= CMD=x`, base},
		{"unknown key twice", a + "→" + b + `|A=1 A=2 PID=7 CMD=x`, base},
		{"lower case is another key", a + "→" + b + "|pid=9 PID=7 CMD=x", base},
		{"command with everything", a + "→" + b + "|PID=7 CMD= a|b PID=8 \"c\" → ", event(Outgoing, a, b, 7, " a|b PID=8 \"c\" → ")},
		{"quoted command", a + "→" + b + `|PID=7 CMD="\"a\nb\xff"`, event(Outgoing, a, b, 7, "\"a\nb\xff")},
		{"half quoted command", a + "→" + b + `|PID=7 CMD="a`, event(Outgoing, a, b, 7, `"a`)},
		{"quoted command and more", a + "→" + b + `|PID=7 CMD="a" b`, event(Outgoing, a, b, 7, `"a" b`)},
		{"raw command", a + "→" + b + "|PID=7 CMD=\xff\x1b[0m", event(Outgoing, a, b, 7, "\xff\x1b[0m")},
		{"greatest numbers", "255.255.255.255:65535→0.0.0.0:0|PID=4294967295 CMD=x", event(Outgoing, "255.255.255.255:65535", "0.0.0.0:0", 1<<32-1, "x")},
		{"IPv6", "[2001:db8::1]:443→[::]:50000|PID=7 CMD=x", event(Outgoing, "[2001:db8::1]:443", "[::]:50000", 7, "x")},
		{"IPv6 and IPv4", "[2001:db8::1]:443←" + b + "|PID=7 CMD=x", event(Incoming, "[2001:db8::1]:443", b, 7, "x")},
		{"bare IPv6", "2001:db8::1:443<-::1:50000|PID=7 CMD=x", event(Outgoing, "[2001:db8::1]:443", "[::1]:50000", 7, "x")},
		{"bare IPv6, whole", "1:2:3:4:5:6:7:8:9→::ffff:0:1:2:3|PID=7 CMD=x", event(Outgoing, "[1:2:3:4:5:6:7:8]:9", "[::ffff:0:1:2]:3", 7, "x")},
		{"zone", "[fe80::1%eth0]:443→[fe80::2%a->b|c]:1|PID=7 CMD=x", event(Outgoing, "[fe80::1%eth0]:443", "[fe80::2%a->b|c]:1", 7, "x")},
		{"bare zone", "fe80::1%eth0:443→fe80::2%eth-0:1|PID=7 CMD=x", event(Outgoing, "[fe80::1%eth0]:443", "[fe80::2%eth-0]:1", 7, "x")},
		{"quoted zone", `[fe80::1%"a]\n→"]:443→` + b + "|PID=7 CMD=x", with(base, func(e *Event) {
			e.Remote = netip.AddrPortFrom(netip.MustParseAddr("fe80::1").WithZone("a]\n→"), 443)
		})},
		{"IPv4-mapped", "[::ffff:192.0.2.1]:443→::ffff:c633:6414:50000|PID=7 CMD=x", base},
		{"other keys", a + "→" + b + "|COUNT=9 ERRNO=111 DUR=1m2.5s EVENT=fail OWNER=snapshot UID=0 NETNS=1 CGROUP=2 HOST=h CONTAINER=c" +
			" UNIT=u EXE=/e ARGS=\"a\\x00b c\" SENT=3 RECV=18446744073709551615 START=2024-02-29T00:00:00Z" +
			" TIME=2025-01-02T05:04:05.5+02:00 PID=7 CMD=x", with(base, func(e *Event) {
			e.Kind, e.Owner, e.Errno, e.Duration = Fail, OwnerSnapshot, 111, 62500*time.Millisecond
			e.BytesSent, e.BytesReceived, e.Count = 3, 1<<64-1, 9
			e.Time = time.Date(2025, 1, 2, 3, 4, 5, 5e8, time.UTC)
			p := &e.Process
			p.UID, p.NetNS, p.CgroupID, p.Host, p.Container = NewUID(0), 1, 2, "h", "c"
			p.Unit, p.Exe, p.Cmdline = "u", "/e", "a\x00b c"
			p.StartTime = time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
		})},
		{"defaults spelled out", a + "→" + b + `|EVENT=open OWNER=direct HOST= EXE="" ERRNO=0 DUR=0s PID=7 CMD=x`, base},
		{"zero time is unknown", a + "→" + b + "|TIME=0001-01-01T00:00:00Z PID=7 CMD=x", base},
		{"quote inside a value", a + "→" + b + `|HOST=a"b PID=7 CMD=x`, with(base, func(e *Event) { e.Process.Host = `a"b` })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseBoth(t, tt.line)
			if err != nil {
				t.Fatalf("Parse(%q): %v", tt.line, err)
			}
			diffEvent(t, "Parse", got, tt.want)
		})
	}
}

// TestParseErrors pins the text of every error that a line can give.
func TestParseErrors(t *testing.T) {
	const a, b = "192.0.2.1:443", "198.51.100.20:50000"
	long := strings.Repeat("é", 100)
	for _, tt := range []struct{ line, want string }{
		{"", `the line is empty`},
		{"\n", `the line is empty`},
		{a + "→" + b + "|CMD=x\ny", `"192.0.2.1:443→198.51.100.20:50000|CMD=x\ny" is more than one line`},
		{"Attaching 5 probes...", `no arrow (→, ←, ↔, ->, <- or <->) in "Attaching 5 probes..."`},
		{"# comment", `no arrow (→, ←, ↔, ->, <- or <->) in "# comment"`},
		{long, `no arrow (→, ←, ↔, ->, <- or <->) in "` + strings.Repeat("é", 30) + `"…`},
		{"\x1b[2J\u202e", `no arrow (→, ←, ↔, ->, <- or <->) in "\x1b[2J\u202e"`},
		{"→" + b + "|", `no port in the remote endpoint ""`},
		{"192.0.2.1→" + b + "|", `no port in the remote endpoint "192.0.2.1"`},
		{a + "→192.0.2.1|", `no port in the local endpoint "192.0.2.1"`},
		{a + "→", `no port in the local endpoint ""`},
		{"192.0.2.256:1→" + b + "|", `the remote address "192.0.2.256" is no IP address`},
		{"192.0.2.01:1→" + b + "|", `the remote address "192.0.2.01" is no IP address`},
		{"192.0.2:1→" + b + "|", `the remote address "192.0.2" is no IP address`},
		{"192.0.2.:1→" + b + "|", `the remote address "192.0.2." is no IP address`},
		{"localhost:1→" + b + "|", `the remote address "localhost" is no IP address`},
		{":1→" + b + "|", `the remote address "" is no IP address`},
		{"?:0→" + b + "|", `the remote address "?" is no IP address`},
		{"1::2::3:1→" + b + "|", `the remote address "1::2::3" is no IP address`},
		{a + "→1:2:3:4:5:6:7:8:9:1|", `the local address "1:2:3:4:5:6:7:8:9" is no IP address`},
		{"[192.0.2.1]:1→" + b + "|", `the remote address "192.0.2.1" is no IPv6 address`},
		{"[]:1→" + b + "|", `the remote address "" is no IPv6 address`},
		{"[fe80::1%]:1→" + b + "|", `the remote address "fe80::1%" is no IPv6 address`},
		{`[fe80::1%""]:1→` + b + "|", `the remote address "fe80::1%\"\"" is no IPv6 address`},
		{"[::ffff:192.0.2.1%eth0]:1→" + b + "|", `the remote address "::ffff:192.0.2.1%eth0" is no IPv6 address`},
		{`[fe80::1%"a]:1→` + b, `the zone of the remote address "[fe80::1%\"a]:1→198.51.100.20:50000" has no closing quote`},
		{`[fe80::1%"a"b]:1→` + b, `no ] after the remote address "[fe80::1%\"a\"b]:1→198.51.100.20:50000"`},
		{"[::1→" + b, `no ] after the remote address "[::1→198.51.100.20:50000"`},
		{a + "→[::1]|", `no port after the local address "[::1]"`},
		{a + "→[::1]", `no port after the local address "[::1]"`},
		{"192.0.2.1:65536→" + b + "|", `the remote port "65536" is not a number from 0 to 65535`},
		{"192.0.2.1:000001→" + b + "|", `the remote port "000001" is not a number from 0 to 65535`},
		{"192.0.2.1:+80→" + b + "|", `the remote port "+80" is not a number from 0 to 65535`},
		{"192.0.2.1:→" + b + "|", `the remote port "" is not a number from 0 to 65535`},
		{a + "→192.0.2.1:8080x|", `the local port "8080x" is not a number from 0 to 65535`},
		{a + "→192.0.2.1:-1|", `the local port "-1" is not a number from 0 to 65535`},
		{"[::1]:99999999999999999999→" + b + "|", `the remote port "99999999999999999999" is not a number from 0 to 65535`},
		{a + "→[::1]:|", `the local port "" is not a number from 0 to 65535`},
		{"[::1]:80 →" + b + "|", `no arrow after the remote endpoint in "[::1]:80 →198.51.100.20:50000|"`},
		{a + "→" + b, `no | after the local endpoint in "192.0.2.1:443→198.51.100.20:50000"`},
		{a + "→[::1]:80 |", `no | after the local endpoint in "192.0.2.1:443→[::1]:80 |"`},
		{a + "→" + b + "|PID= CMD=x", `PID="" is not valid: a number from 0 to 4294967295 expected`},
		{a + "→" + b + "|PID=4294967296 CMD=x", `PID="4294967296" is not valid: a number from 0 to 4294967295 expected`},
		{a + "→" + b + "|PID=-1", `PID="-1" is not valid: a number from 0 to 4294967295 expected`},
		{a + "→" + b + `|PID="7" CMD=x`, `PID="\"7\"" is not valid: a number from 0 to 4294967295 expected`},
		{a + "→" + b + "|UID=root", `UID="root" is not valid: a number from 0 to 4294967295 expected`},
		{a + "→" + b + "|NETNS=4294967296", `NETNS="4294967296" is not valid: a number from 0 to 4294967295 expected`},
		{a + "→" + b + "|CGROUP=x", `CGROUP="x" is not valid: a number from 0 to 18446744073709551615 expected`},
		{a + "→" + b + "|SENT=18446744073709551616", `SENT="18446744073709551616" is not valid: a number from 0 to 18446744073709551615 expected`},
		{a + "→" + b + "|RECV=1e3", `RECV="1e3" is not valid: a number from 0 to 18446744073709551615 expected`},
		{a + "→" + b + "|COUNT=-1", `COUNT="-1" is not valid: a number from 0 to 18446744073709551615 expected`},
		{a + "→" + b + "|EVENT=shut", `EVENT="shut" is not valid: open, close or fail expected`},
		{a + "→" + b + "|OWNER=me", `OWNER="me" is not valid: direct, listener or snapshot expected`},
		{a + "→" + b + "|TIME=foo", `TIME="foo" is not valid: a time like 2006-01-02T15:04:05.999999999Z expected`},
		{a + "→" + b + "|START=9999-12-31T23:59:59-01:00", `START="9999-12-31T23:59:59-01:00" is not valid: a time like 2006-01-02T15:04:05.999999999Z expected`},
		{a + "→" + b + "|DUR=5", `DUR="5" is not valid: a duration like 1.5s expected`},
		{a + "→" + b + "|DUR=-", `DUR="-" is not valid: a duration like 1.5s expected`},
		{a + "→" + b + "|DUR=", `DUR="" is not valid: a duration like 1.5s expected`},
		{a + "→" + b + "|DUR=1.5ns", `DUR="1.5ns" is not valid: a duration like 1.5s expected`},
		{a + "→" + b + "|DUR=2562047h47m16.854775808s", `DUR="2562047h47m16.854775808s" is not valid: a duration like 1.5s expected`},
		{a + "→" + b + "|DUR=2562047h2562047h", `DUR="2562047h2562047h" is not valid: a duration like 1.5s expected`},
		{a + "→" + b + "|ERRNO=EFOO", `ERRNO="EFOO" is not valid: a name like ECONNREFUSED, or a number expected`},
		{a + "→" + b + "|ERRNO=65535", `ERRNO="65535" is not valid: a name like ECONNREFUSED, or a number expected`},
		{a + "→" + b + `|HOST="\q" CMD=x`, `HOST="\"\\q\"" is not valid: a word, or a Go quoted string expected`},
		{a + "→" + b + `|HOST="x CMD=x`, `the value of "HOST" has no closing quote`},
		{a + "→" + b + `|FOO="x\" CMD=x`, `the value of "FOO" has no closing quote`},
		{a + "→" + b + `|FOO="x"y CMD=x`, `no space after the quoted value of "FOO"`},
		{a + "→" + b + "|PID=1 PID=2 CMD=x", `PID is given twice`},
		{a + "→" + b + "|HOST=a HOST=a CMD=x", `HOST is given twice`},
	} {
		e, err := parseBoth(t, tt.line)
		want := "traceformat: " + tt.want
		if err == nil || err.Error() != want {
			t.Errorf("Parse(%q):\n got error %v\nwant error %s", tt.line, err, want)
		}
		diffEvent(t, "event of a bad line", e, Event{})
		var syntax *SyntaxError
		if errors.As(err, &syntax) && (len(syntax.Text) > 200 || !strings.HasPrefix(tt.line, syntax.Text)) {
			t.Errorf("Parse(%q): Text is %q", tt.line, syntax.Text)
		}
	}
}

func TestSyntaxErrorPosition(t *testing.T) {
	for _, tt := range []struct {
		err  SyntaxError
		want string
	}{
		{SyntaxError{Msg: "m"}, "traceformat: m"},
		{SyntaxError{Line: 3, Msg: "m"}, "traceformat: line 3: m"},
		{SyntaxError{File: "a b", Line: 3, Msg: "m"}, "traceformat: a b:3: m"},
		{SyntaxError{File: "a\nb", Msg: "m"}, `traceformat: "a\nb": m`},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestParseAllocs(t *testing.T) {
	var p Parser
	lines := [][]byte{
		[]byte("10.42.0.4:10250<-10.42.0.1:50392|PID=16254 CMD=api-server"),
		[]byte("[2001:db8::1]:443→[fe80::1%eth0]:50392|PID=1 CMD=\"\\x00\""),
		fullEvent().AppendTo(nil, Format{Extended: true}),
	}
	for _, line := range lines {
		e, err := p.Parse(line) // keeps the zone's handle alive as well
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { _, _ = p.Parse(line) }); n != 0 {
			t.Errorf("Parser.Parse(%q): got %v allocations, want 0", line, n)
		}
		buf := make([]byte, 0, 1024)
		if n := testing.AllocsPerRun(100, func() { buf = e.AppendTo(buf[:0], Format{Extended: true}) }); n != 0 {
			t.Errorf("AppendTo(%q): got %v allocations, want 0", line, n)
		}
	}
	line := string(lines[0])
	if n := testing.AllocsPerRun(100, func() { _, _ = Parse(line) }); n != 0 {
		t.Errorf("Parse(%q): got %v allocations, want 0", line, n)
	}
}

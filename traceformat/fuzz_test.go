package traceformat

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// addSeeds adds lines of every kind.
func addSeeds(f *testing.F, add func(line string)) {
	f.Helper()
	text, err := os.ReadFile("testdata/extended.trace")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		add(line)
	}
	for _, line := range []string{
		"Attaching 5 probes...", "192.0.2.1:443<->[::1%\"\\n\"]:1|", "::1:2→::ffff:1.2.3.4:5|CMD=\"",
		"1.2.3.4:5->6.7.8.9:0|A=\"b c\" x  PID=1 CMD=\xff\x00\r", "1.2.3.4:5→6.7.8.9:0|PID=1 DUR=1h0.5s TIME=2020-02-02T02:02:02+01:00",
	} {
		add(line)
	}
}

// FuzzParse: what parses prints, and parses back equal, in every format; and
// the peers in the standard library agree about the addresses.
func FuzzParse(f *testing.F) {
	addSeeds(f, func(line string) { f.Add(line) })
	f.Fuzz(func(t *testing.T, line string) {
		e, err := parseBoth(t, line)
		if err != nil {
			checkLine(t, err.Error())
			return
		}
		roundTrip(t, e)
	})
}

// FuzzAddr: an endpoint parses as netip parses it.
func FuzzAddr(f *testing.F) {
	for _, s := range []string{"1.2.3.4:5", "[::1]:5", "[1:2:3:4:5:6:7.8.9.10]:5", "[1::]:65535", "[::ffff:1.2.3.4]:1", "[1::2:3:4:5:6:7:8]:9", "[fe80::1%a]:0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		// Ours has quoted zones and arrows, allows IPv6 to be bare and forbids
		// zones on mapped addresses and more than five digits in a port.
		if strings.ContainsAny(s, "\"|<>\n→←↔") || strings.Contains(s, "::ffff:") && strings.Contains(s, "%") {
			return
		}
		// A bracket in a zone must be quoted, since the first one ends the address.
		if i := strings.IndexByte(s, ']'); i >= 0 && strings.IndexByte(s[i+1:], ']') >= 0 {
			if e, err := Parse(s + "→192.0.2.1:1|"); err == nil {
				t.Errorf("%q: got %v, want an error", s, e.Remote)
			}
			return
		}
		want, wantErr := netip.ParseAddrPort(s)
		got, gotErr := Parse(s + "→192.0.2.1:1|")
		if gotErr == nil && wantErr == nil {
			if want = netip.AddrPortFrom(want.Addr().Unmap(), want.Port()); got.Remote != want {
				t.Errorf("%q: got %v, netip has %v", s, got.Remote, want)
			}
		}
		if gotErr != nil && wantErr == nil && len(s)-strings.LastIndexByte(s, ':') <= 6 {
			t.Errorf("%q: got error %v, netip has %v", s, gotErr, want)
		}
		if gotErr == nil && wantErr != nil {
			i := strings.LastIndexByte(s, ':') // bare IPv6
			addr, err := netip.ParseAddr(s[:i])
			if err != nil || !addr.Is6() || addr.Unmap() != got.Remote.Addr() {
				t.Errorf("%q: got %v, netip has error %v and, of the bare address, %v", s, got.Remote, wantErr, err)
			}
		}
	})
}

// FuzzCommand: any bytes in a name or a value survive, on one safe line.
func FuzzCommand(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, uint8(Close), int64(1), uint64(2))
	}
	f.Fuzz(func(t *testing.T, s string, kind uint8, d int64, n uint64) {
		e := event(Direction(kind%3), "192.0.2.1:443", "[fe80::1]:1", uint32(n), s)
		e.Kind, e.Owner, e.Errno = Kind(kind%3), Owner(kind/3%3), Errno(n)
		e.Duration, e.BytesSent, e.BytesReceived, e.Count = time.Duration(d), n, n/2, n/3
		e.Time = time.Unix(0, d).UTC()
		p := &e.Process
		p.UID, p.NetNS, p.CgroupID = NewUID(uint32(n)), uint32(n>>1), n
		p.Host, p.Container, p.Unit, p.Exe, p.Cmdline = s, s, s, s, s
		e.Remote = netip.AddrPortFrom(netip.MustParseAddr("fe80::2").WithZone(s), uint16(n))
		roundTrip(t, e)
	})
}

// FuzzReader: a stream gives what its lines give by themselves, however it
// arrives.
func FuzzReader(f *testing.F) {
	addSeeds(f, func(line string) { f.Add([]byte(line + "\r\n#\n\n" + goodLine)) })
	f.Fuzz(func(t *testing.T, text []byte) {
		var want []string
		for i, line := range bytes.Split(bytes.TrimPrefix(text, []byte("\ufeff")), []byte("\n")) {
			if empty := len(bytes.TrimSuffix(line, []byte("\r"))) == 0; empty || line[0] == '#' {
				continue
			}
			e, err := Parse(string(line) + "\n")
			var syntax *SyntaxError
			if errors.As(err, &syntax) {
				syntax.Line = i + 1
				want = append(want, err.Error())
				continue
			}
			want = append(want, string(e.AppendTo(nil, Format{})))
		}
		for name, read := range readers {
			got, last := collect(read(NewReader(iotest.HalfReader(bytes.NewReader(text)))))
			if diff := cmp.Diff(want, got); diff != "" || last != nil {
				t.Errorf("%s: error %v, mismatch (-want +got):\n%s", name, last, diff)
			}
		}
	})
}

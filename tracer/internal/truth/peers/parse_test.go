//go:build linux

package main

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/tcpgraph/traceformat"
)

var compare = cmp.Options{cmp.AllowUnexported(record{}, amount{}), cmpopts.EquateComparable(netip.AddrPort{}), cmpopts.EquateApprox(0, 1e-6)}

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// TestParse has lines as the tools print them.
func TestParse(t *testing.T) {
	const out, in = traceformat.Outgoing, traceformat.Incoming
	for _, tt := range []struct {
		name  string
		parse parser
		line  string
		want  record
	}{
		{
			"tcptracer connect", parseTcptracer, "C 90     peers        4  127.0.0.1        127.0.0.2        40000 80  ",
			record{direction: out, local: ap("127.0.0.1:40000"), remote: ap("127.0.0.2:80"), pid: 90},
		},
		{
			"tcptracer accept, IPv6", parseTcptracer, "A 90     a b C 1      6  fd00::1          fd00::2          80   40000",
			record{direction: in, local: ap("[fd00::1]:80"), remote: ap("[fd00::2]:40000"), pid: 90},
		},
		{
			"tcptracer close", parseTcptracer, "X 7      x            4  10.0.0.1         10.0.0.2         1    2   ",
			record{kind: closed, local: ap("10.0.0.1:1"), remote: ap("10.0.0.2:2"), pid: 7},
		},
		{
			"tcpconnect", parseTcpconnect, "90     two words    4  10.0.0.1         10.0.0.2         80   ",
			record{direction: out, local: ap("10.0.0.1:0"), remote: ap("10.0.0.2:80"), pid: 90},
		},
		{
			"tcplife", parseTcplife, "90      peers            fd00::1                    40000 10.0.0.2 80    0.10   9765.62 1.23",
			record{
				kind: session, local: ap("[fd00::1]:40000"), remote: ap("10.0.0.2:80"), pid: 90,
				sent: amount{97.28, 10.24}, received: amount{9765.62*1024 - 5.12, 10.24},
			},
		},
		{
			"tcpstates connected", parseTcpstates, "ffff8880046f0000 90      peers            4  10.0.0.1                   40000 10.0.0.2                   80    SYN_SENT    -> ESTABLISHED 0.020",
			record{direction: out, local: ap("10.0.0.1:40000"), remote: ap("10.0.0.2:80"), pid: 90},
		},
		{
			"tcpstates accepted", parseTcpstates, "ffff8880046f0000 0       swapper/1        4  10.0.0.2                   80    10.0.0.1                   40000 SYN_RECV    -> ESTABLISHED 0.020",
			record{direction: in, local: ap("10.0.0.2:80"), remote: ap("10.0.0.1:40000")},
		},
		{
			"tcpaccept.bt", parseTcpaccept, "12:00:00 90     peers          10.0.0.1                                40000 10.0.0.2                                80    0/128",
			record{direction: in, local: ap("10.0.0.2:80"), remote: ap("10.0.0.1:40000"), pid: 90},
		},
		{
			"bpftrace script", parseTrace, "10.0.0.2:80<-10.0.0.1:40000|PID=90 CMD=a|b c",
			record{direction: out, local: ap("10.0.0.1:40000"), remote: ap("10.0.0.2:80"), pid: 90, sent: exactly(0), received: exactly(0)},
		},
		{
			"livetrace", parseTrace, "10.0.0.1:40000←10.0.0.2:80|PID=90 EVENT=close SENT=1 RECV=2 CMD=x",
			record{kind: closed, direction: in, local: ap("10.0.0.2:80"), remote: ap("10.0.0.1:40000"), pid: 90, sent: exactly(1), received: exactly(2)},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.parse(tt.line)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, compare); diff != "" {
				t.Errorf("%q (-want +got):\n%s", tt.line, diff)
			}
		})
	}
}

// TestParseNoRecord has headings, and changes of state of no interest.
func TestParseNoRecord(t *testing.T) {
	for _, tt := range []struct {
		name  string
		parse parser
		line  string
	}{
		{"tcptracer", parseTcptracer, "Tracing TCP established connections. Ctrl-C to end."},
		{"tcptracer", parseTcptracer, "T PID    COMM         IP SADDR            DADDR            SPORT DPORT"},
		{"tcpconnect", parseTcpconnect, "PID    COMM         IP SADDR            DADDR            DPORT"},
		{"tcplife", parseTcplife, "PID     COMM             LADDR LPORT RADDR RPORT TX_KB  RX_KB  MS"},
		{"tcpstates", parseTcpstates, "SKADDR           PID     COMM IP LADDR LPORT RADDR RPORT OLDSTATE    -> NEWSTATE    MS"},
		{"tcpstates", parseTcpstates, "ffff 9 x 4 10.0.0.1 1 10.0.0.2 80 CLOSE -> SYN_SENT 0.0"},
		{"tcpaccept.bt", parseTcpaccept, "TIME     PID    COMM RADDR RPORT LADDR LPORT BL"},
	} {
		if _, err := tt.parse(tt.line); !errors.Is(err, errNoRecord) {
			t.Errorf("%s: %q: got the error %v, want %v", tt.name, tt.line, err, errNoRecord)
		}
	}
}

// FuzzParse feeds every parser with anything.
func FuzzParse(f *testing.F) {
	for _, line := range []string{
		"", "C 1", "C 1 x 4 a b c d", "X 99999999999 x 4 1.2.3.4 1.2.3.4 1 2", "1 x 4 1.2.3.4 1.2.3.4 65536",
		"1 x 1.2.3.4 1 1.2.3.4 2 NaN Inf 1", "ffff 9 x 4 10.0.0.1 1 10.0.0.2 80 SYN_SENT -> ESTABLISHED 0.0",
		"12:00:00 1 x 1.2.3.4 1 fe80::1%\x1b 2 0/1", "1.2.3.4:1→1.2.3.4:2|PID=1 CMD=\xff",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for i := range tools {
			r, err := tools[i].parse(line)
			if err == nil && !r.remote.IsValid() {
				t.Errorf("%s: %q gives a record without a remote endpoint", tools[i].name, line)
			}
		}
	})
}

func TestSaidLost(t *testing.T) {
	for text, want := range map[string]int{
		"":               0,
		"Lost 12 events": 12,
		"lost 3 events on CPU #0!\nlost 1 events on CPU #1!": 4,
		"Lost 99999999999999999999 events":                   0,
		"lost+found":                                         0,
	} {
		if got := saidLost(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

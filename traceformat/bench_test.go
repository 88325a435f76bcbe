package traceformat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// syntheticTrace returns n basic lines of the shape of a busy host's: both
// halves of connections between a few dozen named processes, 53 bytes each on
// average.
func syntheticTrace(n int, f Format) []byte {
	names := []string{"api-server", "ingress", "metricsd", "worker", "postgres", "redis-server", "etcd", "curl"}
	var b []byte
	x := uint64(1)
	next := func(limit int) int { // xorshift: the same trace every time
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		return int(x % uint64(limit))
	}
	for i := 0; i < n; i += 2 {
		client := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 42, byte(next(4)), byte(next(200))}), uint16(32768+next(28000)))
		server := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 42, 7, byte(next(100))}), uint16(1000+next(20)*450))
		e := Event{Direction: Outgoing, Local: client, Remote: server}
		k := next(40)
		e.Process = Process{PID: uint32(1000 + k*731), Command: names[k%len(names)]}
		b = append(e.AppendTo(b, f), '\n')
		if i+1 == n {
			break
		}
		e.Direction, e.Local, e.Remote = Incoming, server, client
		k = next(40)
		e.Process = Process{PID: uint32(1000 + k*731), Command: names[k%len(names)]}
		b = append(e.AppendTo(b, f), '\n')
	}
	return b
}

// The peers: two expressions, one for the endpoints and one for the metadata,
// as a script would have them; and a straightforward use of the standard
// library, without the checks that ours makes.
var (
	endpointsExp = regexp.MustCompile(`^(.*):(\d+)(<-|->)(.*):(\d+)\|(.*)$`)
	metadataExp  = regexp.MustCompile(`^PID=(\d+) CMD=(.*)$`)
)

func parseRegexp(line string) (e Event, err error) {
	m := endpointsExp.FindStringSubmatch(line)
	if m == nil {
		return e, errors.New("no match")
	}
	meta := metadataExp.FindStringSubmatch(m[6])
	if meta == nil {
		return e, errors.New("no match")
	}
	remote, err := netip.ParseAddr(m[1])
	if err != nil {
		return e, err
	}
	local, err := netip.ParseAddr(m[4])
	if err != nil {
		return e, err
	}
	remotePort, _ := strconv.ParseUint(m[2], 10, 16)
	localPort, _ := strconv.ParseUint(m[5], 10, 16)
	e.Remote, e.Local = netip.AddrPortFrom(remote, uint16(remotePort)), netip.AddrPortFrom(local, uint16(localPort))
	pid, err := strconv.ParseUint(meta[1], 10, 32)
	e.Process.PID, e.Process.Command = uint32(pid), meta[2]
	return e, err
}

func parseCut(line string) (e Event, err error) {
	ends, meta, _ := strings.Cut(line, "|")
	remote, local, ok := strings.Cut(ends, "->")
	e.Direction = Incoming
	if !ok {
		remote, local, _ = strings.Cut(ends, "<-")
		e.Direction = Outgoing
	}
	if e.Remote, err = netip.ParseAddrPort(remote); err != nil {
		return e, err
	}
	if e.Local, err = netip.ParseAddrPort(local); err != nil {
		return e, err
	}
	pid, cmd, _ := strings.Cut(meta, " ")
	n, err := strconv.ParseUint(strings.TrimPrefix(pid, "PID="), 10, 32)
	e.Process = Process{PID: uint32(n), Command: strings.TrimPrefix(cmd, "CMD=")}
	return e, err
}

func BenchmarkParse(b *testing.B) {
	run := func(name string, f Format, parse func(string) (Event, error)) {
		lines := strings.Split(strings.TrimSpace(string(syntheticTrace(4096, f))), "\n")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := parse(lines[i%len(lines)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("string", Format{}, Parse)
	run("string-ascii", Format{ASCII: true}, Parse)
	run("peer-cut", Format{ASCII: true}, parseCut)
	run("peer-regexp", Format{ASCII: true}, parseRegexp)

	runBytes := func(name string, text []byte) {
		lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
		b.Run(name, func(b *testing.B) {
			var p Parser
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := p.Parse(lines[i%len(lines)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	runBytes("bytes", syntheticTrace(4096, Format{}))
	runBytes("bytes-ipv6", []byte("[2001:db8::17]:443→[2001:db8:0:1::4]:50312|PID=4711 CMD=client\n"))
	runBytes("bytes-extended", fullEvent().AppendTo(nil, Format{Extended: true}))
}

func BenchmarkAppendTo(b *testing.B) {
	full := fullEvent()
	v6, err := Parse("[2001:db8::17]:443→[2001:db8:0:1::4]:50312|PID=4711 CMD=client")
	if err != nil {
		b.Fatal(err)
	}
	basic, err := Parse("10.42.7.31:8181→10.42.0.117:50312|PID=16254 CMD=api-server")
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 1024)
	for _, bb := range []struct {
		name   string
		event  Event
		format Format
	}{
		{"basic", basic, Format{}},
		{"basic-ipv6", v6, Format{}},
		{"extended", full, Format{Extended: true}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				buf = bb.event.AppendTo(buf[:0], bb.format)
			}
		})
	}
	b.Run("peer-sprintf", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = fmt.Sprintf("%v%s%v|PID=%d CMD=%s", basic.Remote, "→", basic.Local, basic.Process.PID, basic.Process.Command)
		}
	})
}

// BenchmarkReader reports ns/line at growing sizes of trace.
func BenchmarkReader(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		text := syntheticTrace(n, Format{})
		perLine := func(b *testing.B, read func(*Reader) int) {
			b.Helper()
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if got := read(NewReader(bytes.NewReader(text))); got != n {
					b.Fatalf("got %d events, want %d", got, n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/line")
		}
		b.Run(fmt.Sprintf("Read/%d", n), func(b *testing.B) {
			perLine(b, func(r *Reader) (count int) {
				var e Event
				for r.Read(&e) == nil {
					count++
				}
				return count
			})
		})
		b.Run(fmt.Sprintf("All/%d", n), func(b *testing.B) {
			perLine(b, func(r *Reader) (count int) {
				for range r.All() {
					count++
				}
				return count
			})
		})
		b.Run(fmt.Sprintf("Prefetch/%d", n), func(b *testing.B) {
			perLine(b, func(r *Reader) (count int) {
				for range r.Prefetch() {
					count++
				}
				return count
			})
		})
	}
}

func BenchmarkWriter(b *testing.B) {
	e := fullEvent()
	e.Kind = Open
	for _, f := range []Format{{}, {Extended: true}} {
		b.Run(f.String(), func(b *testing.B) {
			w := NewWriter(io.Discard, f)
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Write(e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

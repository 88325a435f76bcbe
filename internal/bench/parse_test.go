package bench

import (
	"bufio"
	"bytes"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"example.com/tcpgraph/internal/bench/workload"
	"example.com/tcpgraph/traceformat"
)

// lines returns basic lines with ASCII arrows, as the original script prints
// them, and all of them in one text.
func lines(n int) (list []string, text []byte) {
	t := workload.New(workload.Options{Events: n, Spread: 64})
	var e traceformat.Event
	for i := range t.Len() {
		t.Event(i, &e)
		start := len(text)
		text = e.AppendTo(text, traceformat.Format{ASCII: true})
		list = append(list, string(text[start:]))
		text = append(text, '\n')
	}
	return list, text
}

// cut parses a line by the standard library alone. It reads basic lines only,
// keeps what is in the line as it is, and gives no reason for an error.
func cut(line string) (e traceformat.Event, ok bool) {
	remote, rest, ok := strings.Cut(line, "->")
	e.Direction = traceformat.Incoming
	if !ok {
		remote, rest, ok = strings.Cut(line, "<-")
		e.Direction = traceformat.Outgoing
	}
	local, meta, ok2 := strings.Cut(rest, "|")
	pid, command, ok3 := strings.Cut(meta, " CMD=")
	var err1, err2, err3 error
	e.Remote, err1 = netip.ParseAddrPort(remote)
	e.Local, err2 = netip.ParseAddrPort(local)
	n, err3 := strconv.ParseUint(strings.TrimPrefix(pid, "PID="), 10, 32)
	e.Process.PID, e.Process.Command = uint32(n), command
	return e, ok && ok2 && ok3 && err1 == nil && err2 == nil && err3 == nil
}

var (
	lineExpr = regexp.MustCompile(`^(.*):(\d+)(->|<-)(.*):(\d+)\|(.*)$`)
	metaExpr = regexp.MustCompile(`PID=(\d+) CMD=(.*)`)
)

// match parses a line by two regular expressions, into texts.
func match(line string) (fields, process []string) {
	fields = lineExpr.FindStringSubmatch(line)
	if fields != nil {
		process = metaExpr.FindStringSubmatch(fields[6])
	}
	return fields, process
}

// TestParsersAgree checks that the peers do the work that they are measured at.
func TestParsersAgree(t *testing.T) {
	list, _ := lines(1000)
	for _, line := range list {
		want, err := traceformat.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := cut(line); !ok || got != want {
			t.Fatalf("cut(%q) = %+v, %v; want %+v", line, got, ok, want)
		}
		fields, process := match(line)
		if fields == nil || process == nil {
			t.Fatalf("match(%q) = %q, %q", line, fields, process)
		}
		if got, want := fields[1]+":"+fields[2], want.Remote.String(); got != want {
			t.Fatalf("match(%q): remote %q, want %q", line, got, want)
		}
		if got, want := process[1]+process[2], strconv.Itoa(int(want.Process.PID))+want.Process.Command; got != want {
			t.Fatalf("match(%q): process %q, want %q", line, got, want)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	const n = 20_000
	list, text := lines(n)
	each := func(name string, parse func(line string) bool) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			t := startTimer(b)
			for b.Loop() {
				for _, line := range list {
					if !parse(line) {
						b.Fatal(line)
					}
				}
			}
			t.perItem(n, "line")
		})
	}
	each("tcpgraph-string", func(line string) bool {
		_, err := traceformat.Parse(line)
		return err == nil
	})
	b.Run("tcpgraph-bytes", func(b *testing.B) {
		b.ReportAllocs()
		var p traceformat.Parser
		t := startTimer(b)
		for b.Loop() {
			for rest := text; len(rest) > 0; {
				i := bytes.IndexByte(rest, '\n')
				if _, err := p.Parse(rest[:i]); err != nil {
					b.Fatal(err)
				}
				rest = rest[i+1:]
			}
		}
		t.perItem(n, "line")
	})
	b.Run("tcpgraph-reader", func(b *testing.B) {
		b.ReportAllocs()
		var e traceformat.Event
		t := startTimer(b)
		for b.Loop() {
			r := traceformat.NewReader(bytes.NewReader(text))
			for r.Read(&e) == nil {
			}
		}
		t.perItem(n, "line")
	})
	each("strings.Cut+netip", func(line string) bool {
		_, ok := cut(line)
		return ok
	})
	each("two-regexps", func(line string) bool {
		_, process := match(line)
		return process != nil
	})
	b.Run("floor-split-lines", func(b *testing.B) {
		t := startTimer(b)
		for b.Loop() {
			s := bufio.NewScanner(bytes.NewReader(text))
			for s.Scan() {
			}
		}
		t.perItem(n, "line")
	})
}

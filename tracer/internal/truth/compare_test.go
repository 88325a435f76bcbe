package truth

import (
	"net/netip"
	"strings"
	"testing"

	"example.com/tcpgraph/traceformat"
)

func event(kind traceformat.Kind, local, remote string, pid uint32) traceformat.Event {
	return traceformat.Event{
		Kind: kind, Direction: traceformat.Outgoing,
		Local: netip.MustParseAddrPort(local), Remote: netip.MustParseAddrPort(remote),
		Process: traceformat.Process{PID: pid, NetNS: 1, Command: "c"},
	}
}

func TestCompare(t *testing.T) {
	open := event(traceformat.Open, "10.0.0.1:1", "10.0.0.2:2", 7)
	closed := event(traceformat.Close, "10.0.0.1:1", "10.0.0.2:2", 7)
	closed.BytesSent = 5
	truth := []traceformat.Event{open, closed}
	all := Count{Want: 2, Got: 2, Both: 2}
	perfect := Score{all, all, all, all, all, all}

	changed := func(change func(*traceformat.Event)) []traceformat.Event {
		e := closed
		change(&e)
		return []traceformat.Event{e, open} // in any order
	}
	but := func(wrong ...aspect) Score {
		s := perfect
		for _, a := range wrong {
			s[a].Both--
		}
		return s
	}
	for _, tt := range []struct {
		name string
		got  []traceformat.Event
		want Score
	}{
		{"right", changed(func(*traceformat.Event) {}), perfect},
		{"owner", changed(func(e *traceformat.Event) { e.Process.PID = 8 }), but(inOwner)},
		{"program", changed(func(e *traceformat.Event) { e.Process.Exe = "/x" }), but(inProgram)},
		{"bytes", changed(func(e *traceformat.Event) { e.BytesSent++ }), but(inBytes)},
		{"direction", changed(func(e *traceformat.Event) { e.Direction = traceformat.Incoming }), but(inDirection)},
		{"errno", changed(func(e *traceformat.Event) { e.Errno = 1 }), but(inKind)},
		{
			"endpoints", changed(func(e *traceformat.Event) { e.Local = e.Remote }),
			but(inEndpoints, inKind, inDirection, inOwner, inProgram, inBytes),
		},
		{
			"network namespace", changed(func(e *traceformat.Event) { e.Process.NetNS = 2 }),
			but(inEndpoints, inKind, inDirection, inOwner, inProgram, inBytes),
		},
	} {
		got := Compare(truth, tt.got)
		if got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
		if got.Perfect() != (tt.want == perfect) {
			t.Errorf("%s: Perfect: got %v", tt.name, got.Perfect())
		}
	}
}

// TestCompareCounts reports things twice, and not at all.
func TestCompareCounts(t *testing.T) {
	open := event(traceformat.Open, "10.0.0.1:1", "10.0.0.2:2", 7)
	one, two := []traceformat.Event{open}, []traceformat.Event{open, open}
	for _, tt := range []struct {
		want, got         []traceformat.Event
		precision, recall float64
	}{
		{one, one, 1, 1},
		{one, two, 0.5, 1},
		{two, one, 1, 0.5},
		{one, nil, 1, 0},
		{nil, one, 0, 1},
		{nil, nil, 1, 1},
	} {
		s := Compare(tt.want, tt.got)
		for a := range aspects {
			if c := s[a]; c.Precision() != tt.precision || c.Recall() != tt.recall {
				t.Errorf("%d of %d, %v: got %v, want precision %v, recall %v", len(tt.got), len(tt.want), a, c, tt.precision, tt.recall)
			}
		}
		if want := len(tt.want) == len(tt.got); s.Perfect() != want {
			t.Errorf("%d of %d: Perfect: got %v, want %v", len(tt.got), len(tt.want), s.Perfect(), want)
		}
	}
}

func TestAsListeners(t *testing.T) {
	e := End{Event: event(traceformat.Open, "10.0.0.1:1", "10.0.0.2:2", 7), Listener: traceformat.Process{PID: 1}}
	if got := e.AsListeners(); got != e.Event {
		t.Errorf("an outgoing end: got %v, want it as it is", got)
	}
	e.Direction = traceformat.Incoming
	if got := e.AsListeners(); got.Process.PID != 1 || got.Owner != traceformat.OwnerListener {
		t.Errorf("an incoming end: got %v, want the listener's", got)
	}
	e.Owner = traceformat.OwnerSnapshot
	if got := e.AsListeners(); got != e.Event {
		t.Errorf("one that a process was found with: got %v, want it as it is", got)
	}
}

func TestWriteTable(t *testing.T) {
	open := event(traceformat.Open, "10.0.0.1:1", "10.0.0.2:2", 7)
	right := Compare([]traceformat.Event{open}, []traceformat.Event{open})
	missed := Compare([]traceformat.Event{open}, nil)
	var b strings.Builder
	err := WriteTable(&b, []Row{
		{Group: "connect", Name: "a", Score: right},
		{Group: "connect", Name: "b", Score: missed, Note: "why"},
		{Group: "accept", Name: "c", Skipped: true, Note: "not here"},
	})
	const want = `| case | events | endpoints | kind | direction | owner | program | bytes | note |
|---|---:|---|---|---|---|---|---|---|
| connect: a | 1 | 100 % | 100 % | 100 % | 100 % | 100 % | 100 % |  |
| connect: b | 1 | P 100.00 R 0.00 % | P 100.00 R 0.00 % | P 100.00 R 0.00 % | P 100.00 R 0.00 % | P 100.00 R 0.00 % | P 100.00 R 0.00 % | why |
| accept: c | 0 | – | – | – | – | – | – | not here |
| **all** | 2 | P 100.00 R 50.00 % | P 100.00 R 50.00 % | P 100.00 R 50.00 % | P 100.00 R 50.00 % | P 100.00 R 50.00 % | P 100.00 R 50.00 % |  |
`
	if got := b.String(); got != want || err != nil {
		t.Errorf("table: got %v\n%swant\n%s", err, got, want)
	}
}

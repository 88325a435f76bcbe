package bench

import (
	"fmt"
	"testing"

	"example.com/tcpgraph/internal/bench/workload"
	"example.com/tcpgraph/traceformat"
)

func BenchmarkPrint(b *testing.B) {
	const n = 20_000
	t := workload.New(workload.Options{Events: n})
	events := make([]traceformat.Event, t.Len())
	for i := range events {
		t.Event(i, &events[i])
	}
	var dst []byte
	each := func(name string, print func(e *traceformat.Event)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			timer := startTimer(b)
			for b.Loop() {
				for i := range events {
					print(&events[i])
				}
			}
			timer.perItem(n, "event")
		})
	}
	each("tcpgraph", func(e *traceformat.Event) { dst = e.AppendTo(dst[:0], traceformat.Format{}) })
	each("fmt.Appendf", func(e *traceformat.Event) {
		arrow := "→"
		if e.Direction == traceformat.Incoming {
			arrow = "←"
		}
		dst = fmt.Appendf(dst[:0], "%v%s%v|PID=%d CMD=%s", e.Remote, arrow, e.Local, e.Process.PID, e.Process.Command)
	})
}

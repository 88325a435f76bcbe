package bench

import (
	"syscall"
	"testing"
	"time"
)

// timer measures a benchmark. The time of the processor, that of the garbage
// collector with it, depends less than the elapsed time on what else the machine
// does.
type timer struct {
	b   *testing.B
	cpu time.Duration
}

func startTimer(b *testing.B) timer {
	b.ResetTimer()
	return timer{b, processorTime(b)}
}

// perItem reports the elapsed time and the processor's for each of n items in a
// round of the benchmark.
func (t timer) perItem(n int, item string) {
	t.b.StopTimer()
	items := float64(t.b.N) * float64(n)
	t.b.ReportMetric(float64((processorTime(t.b)-t.cpu).Nanoseconds())/items, "cpu-ns/"+item)
	t.b.ReportMetric(float64(t.b.Elapsed().Nanoseconds())/items, "ns/"+item)
	t.b.ReportMetric(0, "ns/op") // hides it
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

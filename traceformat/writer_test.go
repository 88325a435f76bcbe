package traceformat

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// waitNoGoroutine waits until no goroutine runs the function. Only the test's
// own deadline ends it otherwise.
func waitNoGoroutine(t *testing.T, function string) {
	t.Helper()
	for {
		buf := make([]byte, 1<<20)
		if !strings.Contains(string(buf[:runtime.Stack(buf, true)]), function) {
			return
		}
		runtime.Gosched()
	}
}

// callWriter notes what each call writes.
type callWriter struct {
	calls []string
	err   error
	short bool
}

func (w *callWriter) Write(p []byte) (int, error) {
	w.calls = append(w.calls, string(p))
	if w.short {
		return len(p) - 1, nil
	}
	return len(p), w.err
}

func TestWriter(t *testing.T) {
	var out callWriter
	w := NewWriter(&out, Format{ASCII: true})
	flush := func() {
		t.Helper()
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	write := func(e Event) {
		t.Helper()
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	flush() // nothing
	e := event(Outgoing, "192.0.2.1:443", "192.0.2.2:1", 7, "x\ny")
	write(e)
	write(e)
	flush()
	flush() // nothing
	write(e)
	flush()
	const line = `192.0.2.1:443<-192.0.2.2:1|PID=7 CMD="x\ny"` + "\n"
	if diff := cmp.Diff([]string{line + line, line}, out.calls); diff != "" {
		t.Errorf("calls mismatch (-want +got):\n%s", diff)
	}
}

// TestWriterBlocks checks that blocks are whole lines and nothing is missing.
func TestWriterBlocks(t *testing.T) {
	var out callWriter
	w := NewWriter(&out, Format{Extended: true})
	const n = 2000
	for range n {
		if err := w.Write(fullEvent()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	line := fullEvent().String() + "\n"
	for i, call := range out.calls {
		if call != strings.Repeat(line, len(call)/len(line)) {
			t.Errorf("call %d is not whole lines", i)
		}
	}
	if got := strings.Join(out.calls, ""); got != strings.Repeat(line, n) {
		t.Errorf("got %d bytes, want %d", len(got), n*len(line))
	}
	if len(out.calls) < 2 || len(out.calls) > 20 {
		t.Errorf("got %d calls for %d bytes", len(out.calls), n*len(line))
	}
}

func TestWriterRefuses(t *testing.T) {
	var out callWriter
	w := NewWriter(&out, Format{})
	long := event(Outgoing, "192.0.2.1:443", "192.0.2.2:1", 7, strings.Repeat("x", MaxLine))
	closed := fullEvent()
	for want, e := range map[string]Event{
		"traceformat: write event: the remote address is not valid":                          {},
		"traceformat: write event: the basic form has no close events, use the extended one": closed,
		"traceformat: write event: the line has 1048614 bytes, more than 1048576":            long,
	} {
		if err := w.Write(e); err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
	good := event(Outgoing, "192.0.2.1:443", "192.0.2.2:1", 7, "x")
	if err := errors.Join(w.Write(good), w.Flush()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"192.0.2.1:443→192.0.2.2:1|PID=7 CMD=x\n"}, out.calls); diff != "" {
		t.Errorf("calls mismatch (-want +got):\n%s", diff)
	}
}

func TestWriterError(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		out  callWriter
		want error
	}{{callWriter{err: broken}, broken}, {callWriter{short: true}, io.ErrShortWrite}} {
		w := NewWriter(&tt.out, Format{})
		e := event(Outgoing, "192.0.2.1:443", "192.0.2.2:1", 7, "x")
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{"Flush": w.Flush(), "Write": w.Write(e), "second Flush": w.Flush()} {
			if !errors.Is(err, tt.want) {
				t.Errorf("%s: got error %v, want %v", name, err, tt.want)
			}
		}
		if len(tt.out.calls) != 1 {
			t.Errorf("got %d calls after an error, want 1", len(tt.out.calls))
		}
	}
}

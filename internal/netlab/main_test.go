package netlab

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m, programs) }

// fakeTB records how a test ends. Its methods that end one do.
type fakeTB struct {
	testing.TB
	verdict string
}

func (f *fakeTB) Helper()           {}
func (f *fakeTB) Cleanup(fn func()) { f.TB.Cleanup(fn) }
func (f *fakeTB) Skip(args ...any)  { f.end("skip", args[0].(string)) }
func (f *fakeTB) Fatal(args ...any) { f.end("fatal", args[0].(error).Error()) }
func (f *fakeTB) Fatalf(format string, args ...any) {
	f.end("fatal", fmt.Sprintf(format, args...))
}

func (f *fakeTB) end(how, why string) {
	f.verdict = how + ": " + why
	runtime.Goexit()
}

// verdict returns how fn ends a test: "skip: ..." or "fatal: ...", or nothing.
func verdict(t *testing.T, fn func(testing.TB)) string {
	f := &fakeTB{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn(f)
	}()
	<-done
	return f.verdict
}

func TestSkip(t *testing.T) {
	for _, tt := range []struct{ env, want string }{
		{"", "skip: no kernel"},
		{"0", "skip: no kernel"},
		{"1", "fatal: TCPGRAPH_REQUIRE=1 forbids to skip this test: no kernel"},
		{"yes", "fatal: TCPGRAPH_REQUIRE=yes forbids to skip this test: no kernel"},
	} {
		t.Setenv(requireEnv, tt.env)
		got := verdict(t, func(tb testing.TB) { Skip(tb, "no kernel") })
		if got != tt.want {
			t.Errorf("Skip with %s=%q: got %q, want %q", requireEnv, tt.env, got, tt.want)
		}
	}
}

func TestConsole(t *testing.T) {
	var out strings.Builder
	c := newConsole(strings.NewReader("one\n\ntwo\r\ncut"), &out)
	for _, want := range []string{"one", "", "two\r"} {
		if got, err := c.ReadLine(); got != want || err != nil {
			t.Errorf("ReadLine: got %q, %v, want %q", got, err, want)
		}
	}
	if got, err := c.ReadLine(); got != "" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("ReadLine of a cut line: got %q, %v, want an error that is %v", got, err, io.ErrUnexpectedEOF)
	}
	if got, err := c.ReadLine(); got != "" || err != io.EOF {
		t.Errorf("ReadLine at the end: got %q, %v, want %v", got, err, io.EOF)
	}
	if err := c.Printf("%d%%", 7); err != nil || out.String() != "7%\n" {
		t.Errorf("Printf: wrote %q, %v, want %q", out.String(), err, "7%\n")
	}
}

func TestConsoleWaitEOF(t *testing.T) {
	c := newConsole(strings.NewReader("one\ntwo"), io.Discard)
	if err := c.WaitEOF(); err != nil {
		t.Errorf("WaitEOF: %v", err)
	}
	if _, err := c.ReadLine(); err != io.EOF {
		t.Errorf("ReadLine after WaitEOF: got %v, want %v", err, io.EOF)
	}
}

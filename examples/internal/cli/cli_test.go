package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/tcpgraph/tracer"
)

func TestStatus(t *testing.T) {
	for _, test := range []struct {
		err    error
		status int
		stderr string
	}{
		{nil, 0, ""},
		{flag.ErrHelp, 0, ""},
		{fmt.Errorf("write: %w", syscall.EPIPE), 0, ""},
		{errors.New("x: broken"), 1, "x: broken\n"},
		{Usagef("-for %v: negative", -1), 2, "wrong usage: -for -1: negative\n"},
		{fmt.Errorf("%w: printed already", errParse), 2, ""},
	} {
		var stderr strings.Builder
		if got := Status(test.err, &stderr); got != test.status || stderr.String() != test.stderr {
			t.Errorf("Status(%v) = %d, prints %q; want %d, %q", test.err, got, stderr.String(), test.status, test.stderr)
		}
	}
}

func parseTrace(args ...string) (*tracer.Options, string, error) {
	var trace Trace
	var stderr strings.Builder
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	trace.Register(fs)
	if err := Parse(fs, args, &stderr); err != nil {
		return nil, stderr.String(), err
	}
	o, err := trace.Options()
	return o, stderr.String(), errors.Join(err, trace.Close())
}

func TestTraceOptions(t *testing.T) {
	got, _, err := parseTrace("-pid", "1,22", "-pid=333", "-port", "80, 443", "-net", "10.0.0.0/8,::1,192.0.2.1", "-no-loopback", "-no-snapshot", "-ring", "4096")
	if err != nil {
		t.Fatal(err)
	}
	want := &tracer.Options{
		PIDs:       []uint32{1, 22, 333},
		Ports:      []uint16{80, 443},
		Prefixes:   []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("192.0.2.1/32")},
		NoLoopback: true,
		NoSnapshot: true,
		RingSize:   4096,
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
}

func TestTraceErrors(t *testing.T) {
	for _, test := range []struct {
		args  []string
		usage bool
		want  string
	}{
		{[]string{"-pid", "-1"}, false, `"-1" is not a process id`},
		{[]string{"-pid", "4294967296"}, false, `"4294967296" is not a process id`},
		{[]string{"-port", "65536"}, false, `"65536" is not a port, 0 to 65535`},
		{[]string{"-port", ""}, false, `"" is not a port`},
		{[]string{"-net", "10/8"}, false, `"10/8" is not a network`},
		{[]string{"-net", "fe80::1%eth0"}, false, `"fe80::1%eth0" is not a network`},
		{[]string{"-for", "-1s"}, true, "-for -1s: negative"},
		{[]string{"-ring", "0"}, true, "-ring 0: not positive"},
		{[]string{"file"}, true, `unexpected argument "file"`},
	} {
		_, stderr, err := parseTrace(test.args...)
		if err == nil {
			t.Errorf("%q: no error", test.args)
			continue
		}
		if errors.Is(err, ErrUsage) != test.usage || errors.Is(err, errParse) == test.usage {
			t.Errorf("%q: %v is of the wrong kind", test.args, err)
		}
		if said := stderr + err.Error(); !strings.Contains(said, test.want) {
			t.Errorf("%q: says %q, want %q", test.args, said, test.want)
		}
	}
	if _, _, err := parseTrace("-netns", filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a namespace that does not exist: no error")
	}
}

func TestHelp(t *testing.T) {
	_, stderr, err := parseTrace("-h")
	if !errors.Is(err, flag.ErrHelp) || !strings.Contains(stderr, "-no-loopback") {
		t.Errorf("-h: %v, prints %q", err, stderr)
	}
}

func TestLost(t *testing.T) {
	if got := Lost(tracer.Lost{Details: 3}); got != "" {
		t.Errorf("lost details are no lost events, got %q", got)
	}
	got := Lost(tracer.Lost{RingFull: 1, Memory: 2, TableFull: 3, Ends: 5, Unowned: 7, Skipped: 4, Calls: 6})
	const want = "1 by a full buffer (try a larger -ring), 2 for want of kernel memory, 3 by a full table of accepted connections, 5 that ended unseen by the kernel's tracepoint, 7 that were open before, in no process that could be found, 4 changes of state that the kernel ran no program for (from Linux 7.0 on, at most), 6 accepts (told as the listener's) or failed connects at most that the kernel ran no program for"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "graph.dot")
	text := func(s string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
	}
	check := func(want string) {
		t.Helper()
		got, err := os.ReadFile(name)
		if err != nil || string(got) != want {
			t.Errorf("file has %q, %v; want %q", got, err, want)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("the folder has %v, %v; want the file alone", entries, err)
		}
	}
	if err := ReplaceFile(name, text("one")); err != nil {
		t.Fatal(err)
	}
	check("one")
	if err := os.Chmod(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ReplaceFile(name, text("two")); err != nil {
		t.Fatal(err)
	}
	check("two")
	if st, err := os.Stat(name); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want the old file's 0600", st.Mode(), err)
	}
	broken := errors.New("broken")
	err := ReplaceFile(name, func(w io.Writer) error {
		fmt.Fprint(w, "half")
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	check("two")
}

// maybe is a flag whose value can be left out.
type maybe struct {
	on   bool
	text string
}

func (m *maybe) String() string   { return m.text }
func (m *maybe) IsBoolFlag() bool { return true }
func (m *maybe) Bare() bool       { return m.on && m.text == "" }
func (m *maybe) Set(s string) error {
	m.on = true
	switch s {
	case "bad":
		return errors.New("is bad")
	case "true":
	default:
		m.text = s
	}
	return nil
}

func TestOptional(t *testing.T) {
	for _, test := range []struct {
		args, on, text, name, err string
	}{
		{"", "false", "", "", ""},
		{"-maybe", "true", "", "", ""},
		{"-maybe=x", "true", "x", "", ""},
		{"-maybe x", "true", "x", "", ""},
		{"--maybe x -name n", "true", "x", "n", ""},
		{"-name n -maybe", "true", "", "n", ""},
		{"-maybe -name n", "true", "", "n", ""},
		{"-maybe x y", "", "", "", `unexpected argument "y"`},
		{"-maybe=x y", "", "", "", `unexpected argument "y"`},
		{"-name -maybe x", "", "", "", `unexpected argument "x"`},
		{"x -maybe", "", "", "", `unexpected argument "x"`},
		{"-maybe bad", "", "", "", `invalid value "bad" for flag -maybe: is bad`},
	} {
		var m maybe
		fs := flag.NewFlagSet("test", flag.ContinueOnError)
		fs.Var(&m, "maybe", "")
		name := fs.String("name", "", "")
		err := Parse(fs, strings.Fields(test.args), io.Discard)
		if test.err != "" {
			if !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%q: got %v, want wrong usage: %s", test.args, err, test.err)
			}
			continue
		}
		if got := [3]string{fmt.Sprint(m.on), m.text, *name}; err != nil || got != [3]string{test.on, test.text, test.name} {
			t.Errorf("%q: got %q, %v; want %q, %q, %q", test.args, got, err, test.on, test.text, test.name)
		}
	}
}

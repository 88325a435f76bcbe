//go:build linux

package tracer_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/tracer"
	"example.com/tcpgraph/tracer/internal/kernels"
	"example.com/tcpgraph/tracer/internal/truth"
	"example.com/tcpgraph/tracer/internal/unseen"
)

// matrixEnv names the environment variable that decides about TestMatrix: "1"
// runs it and fetches the kernels that are missing, "0" skips it. Without it
// the test runs if it is asked for by -run and the kernels are there already,
// and as with "1" where nothing may be skipped.
const matrixEnv = "TCPGRAPH_MATRIX"

// tooOld is the series on which Open must fail.
const tooOld = "5.10"

var (
	matrixHooks = flag.String("matrix.hooks", "fexit,kretprobe,tracepoint,none", "the accept hooks that TestMatrix tries, a `list` with commas")
	matrixBrief = flag.Bool("matrix.brief", false, "let TestMatrix try on arm64 only the first of these hooks that the kernel has")
	matrixTests = flag.String("matrix.run", "^Test(Smoke|Nested|AcceptUnderWay|SecondAcceptHook|Truth|Totals|TotalsElsewhere)$", "the tests that TestMatrix runs, a `regexp` for -run")
	matrixOut   = flag.String("matrix.out", "", "write the output of each run of TestMatrix to a file in this `folder`")
	matrixTable = flag.String("matrix.table", "", "put the table of all kernels and hooks between the marks in this `file`")
)

// TestMatrix runs the tests that -matrix.run names on this kernel and on each of
// [kernels.Series], once with each accept hook. The others run after this one, in
// virtual machines, as many at a time as there are processors. One that is too
// old must be refused in good words.
//
//	TCPGRAPH_MATRIX=1 go test ./tracer -run Matrix -timeout 40m
//
// With "-run Matrix/^6.1$ -args -matrix.hooks=fexit" it runs only that, and
// "-args -matrix.table $PWD/docs/TRUTH.md" writes the table there.
func TestMatrix(t *testing.T) {
	fetch := wantMatrix(t)
	dir := t.TempDir()
	machines := make(map[string]kernels.VM) // by architecture
	m := &matrix{columns: make([][]truth.Column, 1+len(kernels.Series))}
	t.Cleanup(func() { m.write(t) }) // after the subtests, which run in parallel
	for i, series := range kernels.Series {
		t.Run(series, func(t *testing.T) {
			k := matrixKernel(t, series, fetch)
			vm, ok := machines[k.Arch()]
			if !ok {
				vm = matrixVM(t, k.Arch(), dir)
				machines[k.Arch()] = vm
			}
			vm.Kernel = k
			t.Parallel()
			m.columns[1+i] = runMatrix(t, &vm)
		})
	}
	// By itself, before the machines, which leave nothing of the processors.
	t.Run("host", func(t *testing.T) { m.columns[0] = runHost(t) })
}

// matrixVM is a machine of an architecture, without its kernel.
func matrixVM(t *testing.T, arch, dir string) kernels.VM {
	t.Helper()
	if _, err := exec.LookPath(kernels.QEMU(arch)); err != nil {
		netlab.Skip(t, err.Error()+" (install qemu-system-x86 and qemu-system-arm)")
	}
	vm := kernels.VM{
		Init:  filepath.Join(dir, "init-"+arch),
		Files: map[string]string{"/bin/test": filepath.Join(dir, "test-"+arch)},
		Dir:   "/src",
	}
	if err := kernels.BuildInit(t.Context(), arch, vm.Init); err != nil {
		t.Fatal(err)
	}
	if err := kernels.BuildTest(t.Context(), arch, vm.Files["/bin/test"], "."); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("testdata"); err == nil {
		vm.Files["/src/testdata"] = "testdata"
	}
	return vm
}

// wantMatrix skips the test unless it is wanted, and reports whether missing
// kernels are to be fetched.
func wantMatrix(t *testing.T) (fetch bool) {
	t.Helper()
	const how = "set " + matrixEnv + "=1 to run the tests on other kernels in virtual machines, which takes minutes and fetches 250 MB once"
	switch os.Getenv(matrixEnv) {
	case "1":
		return true
	case "0":
		t.Skip(matrixEnv + "=0")
	}
	if os.Getenv("VM") != "" {
		t.Skip("this is one of the machines")
	}
	if v := os.Getenv("TCPGRAPH_REQUIRE"); v != "" && v != "0" {
		return true
	}
	if testing.Short() || !strings.Contains(flag.Lookup("test.run").Value.String(), "Matrix") {
		t.Skip(how)
	}
	return false
}

func matrixKernel(t *testing.T, series string, fetch bool) kernels.Kernel {
	t.Helper()
	k, err := kernels.Cached(series)
	if err != nil && fetch {
		k, err = kernels.Fetch(t.Context(), series)
	}
	switch {
	case err == nil:
		return k
	case series == tooOld:
		t.Skipf("%v (Debian no longer maintains it, so it may be gone)", err)
	case !fetch:
		t.Skipf("%v (%s=1 fetches it)", err, matrixEnv)
	default:
		netlab.Skip(t, err.Error())
	}
	panic("unreachable")
}

// matrixRun is one run of the tests on a kernel.
type matrixRun struct {
	kernel kernels.Kernel
	name   string
	passed string // what its output must have, lest it ran nothing
}

// matrix collects the columns of the table: those of this kernel, and those of
// each series.
type matrix struct{ columns [][]truth.Column }

// The marks between which the table is put.
const (
	tableBegin = "<!-- table of TestMatrix -->\n"
	tableEnd   = "<!-- end of the table -->\n"
)

// write puts the table into the file that -matrix.table names.
func (m *matrix) write(t *testing.T) {
	if *matrixTable == "" || t.Failed() {
		return
	}
	text, err := os.ReadFile(*matrixTable)
	if err != nil {
		t.Error(err)
		return
	}
	before, rest, ok := strings.Cut(string(text), tableBegin)
	_, after, ended := strings.Cut(rest, tableEnd)
	if !ok || !ended {
		t.Errorf("%s does not have the marks %q and %q", *matrixTable, tableBegin, tableEnd)
		return
	}
	var table strings.Builder
	columns := slices.DeleteFunc(slices.Concat(m.columns...), func(c truth.Column) bool { return len(c.Rows) == 0 })
	if err := truth.WriteMatrix(&table, columns); err != nil {
		t.Error(err)
		return
	}
	if err := os.WriteFile(*matrixTable, []byte(before+tableBegin+table.String()+tableEnd+after), 0o666); err != nil {
		t.Error(err)
	}
}

// testArgs are the arguments of a test binary that runs some tests.
func testArgs(tests string) []string {
	return []string{"-test.v", "-truth.rows", "-test.run=" + tests}
}

// unsteady has, by series, the hook of which the kernel skips a run now and then
// without counting it, so that it cannot be held to each of a thousand events
// (docs/TRUTH.md says more). It is, if it is the only one that -matrix.hooks asks
// for.
var unsteady = map[string]string{"7": "tracepoint"}

// lacks has, by series, the hooks that the kernel does not have: arm64 has fexit
// since Linux 6.4.
var lacks = map[string]string{"6.1-arm64": "fexit"}

// hooksOf are the hooks to try on a series.
func hooksOf(k *kernels.Kernel) (hooks []string) {
	for hook := range strings.SplitSeq(*matrixHooks, ",") {
		if lacks[k.Series] != hook {
			hooks = append(hooks, hook)
		}
	}
	if *matrixBrief && k.Arch() == "arm64" {
		hooks = hooks[:min(1, len(hooks))]
	}
	return hooks
}

// runMatrix boots a kernel, lets it run the tests with each hook in turn, and
// makes a subtest of each result.
func runMatrix(t *testing.T, vm *kernels.VM) (columns []truth.Column) {
	var runs []matrixRun
	add := func(name, tests, passed string, env ...string) {
		run := kernels.Run{Args: append([]string{"/bin/test"}, testArgs(tests)...), Env: env}
		runs = append(runs, matrixRun{vm.Kernel, name, passed})
		vm.Runs = append(vm.Runs, run)
	}
	if vm.Kernel.Series == tooOld {
		add("refused", "^TestTooOld$", "--- PASS: TestTooOld")
	} else {
		for _, hook := range hooksOf(&vm.Kernel) {
			tests := *matrixTests
			if unsteady[vm.Kernel.Series] == hook && *matrixHooks != hook {
				tests = "^TestSmoke$"
			}
			add(hook, tests, "--- PASS: ", acceptEnv+"="+hook)
		}
	}
	if len(runs) == 0 {
		netlab.Skip(t, "this kernel has none of the hooks that -matrix.hooks names")
	}
	if testing.Verbose() {
		vm.Log = t.Output() // as it comes
	}
	ctx := t.Context()
	if end, ok := t.Deadline(); ok {
		// Ends the machine before the deadline ends the test.
		const toReport = 10 * time.Second
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, end.Add(-toReport), errors.New("no time is left (go test -timeout)"))
		defer cancel()
	}
	results, err := vm.Boot(ctx)
	for i, r := range results {
		t.Run(runs[i].name, func(t *testing.T) {
			columns = append(columns, runs[i].judge(t, &r))
		})
	}
	if err != nil {
		t.Error(err)
	}
	return columns
}

// runHost runs the tests on this kernel, with each hook that it has.
func runHost(t *testing.T) (columns []truth.Column) {
	netlab.Require(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		t.Fatal(err)
	}
	k := kernels.Kernel{Series: "host", Release: strings.TrimSpace(string(release))}
	for hook := range strings.SplitSeq(*matrixHooks, ",") {
		t.Run(hook, func(t *testing.T) {
			tr, err := tracer.Open(&tracer.Options{AcceptHook: acceptHooks[hook]})
			if err != nil {
				t.Skipf("this kernel does not have it: %v", err)
			}
			tr.Close()
			var r kernels.Result
			err = unseen.Try(t.Output(), func() (err error) {
				cmd := exec.CommandContext(t.Context(), program, testArgs(*matrixTests)...)
				cmd.Env = append(os.Environ(), matrixEnv+"=0", acceptEnv+"="+hook)
				if r.Output, err = cmd.CombinedOutput(); err != nil {
					t.Logf("%v:\n%s", err, failures(r.Output))
				}
				return err
			})
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
				r.Status = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			run := matrixRun{k, hook, "--- PASS: "}
			columns = append(columns, run.judge(t, &r))
		})
	}
	return columns
}

// judge fails the test unless the run passed, and returns its column of the
// table.
func (run *matrixRun) judge(t *testing.T, r *kernels.Result) truth.Column {
	t.Helper()
	k := run.kernel
	if *matrixOut != "" {
		name := filepath.Join(*matrixOut, k.Series+"-"+run.name+".txt")
		if err := os.WriteFile(name, r.Output, 0o666); err != nil {
			t.Error(err)
		}
	}
	if r.Status != 0 {
		t.Errorf("Linux %s, %s: exit status %d:\n%s", k.Release, run.name, r.Status, failures(r.Output))
	} else if !bytes.Contains(r.Output, []byte(run.passed)) {
		t.Errorf("Linux %s, %s: the output has no line %q:\n%s", k.Release, run.name, run.passed, r.Output)
	}
	rows, err := truth.ReadRows(r.Output)
	if err != nil {
		t.Error(err)
	}
	return truth.Column{Name: k.Series + " " + run.name, Rows: rows}
}

// failures is the part of a verbose test's output that tells why it failed: what
// the tests that failed have logged, or else the end of it all.
func failures(output []byte) []byte {
	const enough = 30_000
	var rest []byte
	var order []string
	logs := map[string][]byte{}
	failed := map[string]bool{}
	running := ""
	for line := range bytes.Lines(output) {
		word := bytes.Fields(line)
		switch {
		case len(word) > 2 && string(word[0]) == "===":
			running = string(word[2])
			continue
		case len(word) > 2 && string(word[0]) == "---":
			failed[string(word[2])] = string(word[1]) == "FAIL:"
			continue
		case bytes.HasPrefix(line, []byte(truth.RowMark)):
			continue
		}
		rest = append(rest, line...)
		if logs[running] == nil {
			order = append(order, running)
		}
		logs[running] = append(logs[running], line...)
	}
	// The table, which is the parent's, comes last.
	slices.SortStableFunc(order, func(a, b string) int { return strings.Count(b, "/") - strings.Count(a, "/") })
	var text []byte
	for _, name := range order {
		if failed[name] {
			text = fmt.Appendf(text, "%s:\n%s", name, logs[name])
		}
	}
	if len(text) == 0 {
		return rest[max(0, len(rest)-enough):]
	}
	return text[:min(enough, len(text))]
}

// TestFailures lets a test of a machine fail.
func TestFailures(t *testing.T) {
	output := strings.Join([]string{
		"=== RUN   TestA", "=== RUN   TestA/good", "    a_test.go:1: nothing",
		"=== RUN   TestA/bad", "    a_test.go:2: got 1, want 2", "=== NAME  TestA", "    a_test.go:3: a table",
		truth.RowMark + "{}", "--- FAIL: TestA (1.00s)", "    --- PASS: TestA/good (0.00s)", "    --- FAIL: TestA/bad (0.00s)", "FAIL", "",
	}, "\n")
	want := "TestA/bad:\n    a_test.go:2: got 1, want 2\nTestA:\n    a_test.go:3: a table\nFAIL\n"
	if got := string(failures([]byte(output))); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	crash := "=== RUN   TestA\npanic: no\n"
	if got, want := string(failures([]byte(crash))), "panic: no\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

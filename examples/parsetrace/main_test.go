package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.com/tcpgraph/examples/internal/cli"
	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
)

func parse(t *testing.T, input string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	err := run(context.Background(), args, strings.NewReader(input), &out, &errs)
	status = cli.Status(err, &errs)
	return status, out.String(), errs.String()
}

const small = `# two processes, a peer outside, and what bpftrace says
Attaching 5 probes...
192.0.2.2:80→192.0.2.1:1001|PID=7 CMD=curl
192.0.2.1:1001←192.0.2.2:80|PID=8 CMD=nginx
203.0.113.1:443→192.0.2.2:1002|PID=8 CMD=nginx
127.0.0.1:5432→127.0.0.1:1003|PID=8 CMD=nginx
127.0.0.1:1003←127.0.0.1:5432|PID=9 CMD=postgres
`

func TestSummary(t *testing.T) {
	const bad = `line 2: no arrow (→, ←, ↔, ->, <- or <->) in "Attaching 5 probes..."` + "\n"
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "6 lines, 5 events, 1 bad line: 4 nodes, 3 edges\n"},
		{[]string{"-no-loopback"}, "6 lines, 5 events, 1 bad line: 3 nodes, 2 edges\n"},
		{[]string{"-no-external"}, "6 lines, 5 events, 1 bad line: 3 nodes, 2 edges\n"},
		{[]string{"-hide", "curl", "-hide", "postgres"}, "6 lines, 5 events, 1 bad line: 2 nodes, 1 edge\n"},
		{[]string{"-by", "host"}, "6 lines, 5 events, 1 bad line: 2 nodes, 2 edges\n"},
	} {
		status, stdout, stderr := parse(t, small, test.args...)
		if status != 0 || stderr != bad+test.want {
			t.Errorf("%q: status %d, prints %q; want 0, %q", test.args, status, stderr, bad+test.want)
		}
		if !strings.HasPrefix(stdout, "digraph") {
			t.Errorf("%q: no graph but %q", test.args, stdout)
		}
	}
}

// TestDoubts has traces of which a part cannot be told for sure.
func TestDoubts(t *testing.T) {
	const namespaces = `172.17.0.2:80→172.17.0.3:1001|PID=1 NETNS=1 CMD=curl
172.17.0.3:1001←172.17.0.2:80|PID=2 NETNS=2 CMD=nginx
172.17.0.3:1001←172.17.0.2:80|PID=3 NETNS=3 CMD=caddy
`
	const workers = `192.0.2.2:80→192.0.2.1:1001|PID=7 CMD=curl
192.0.2.9:1001←192.0.2.2:80|PID=8 CMD=nginx
192.0.2.9:1002←192.0.2.2:80|PID=9 CMD=nginx
`
	// Two files of more than is remembered, one after the other, or sorted.
	var files, sorted strings.Builder
	const n = flowgraph.DefaultReorder + 10
	lines := func(i int) (client, server string) {
		at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Millisecond).Format(time.RFC3339Nano)
		const end = " EVENT=close DUR=1ms"
		c, s := fmt.Sprintf("192.0.%d.1:%d", 2+i>>15, i&0x7fff+1), "198.51.100.1:80"
		return s + "→" + c + "|PID=1 TIME=" + at + end + " HOST=a CMD=curl\n", c + "←" + s + "|PID=2 TIME=" + at + end + " HOST=b CMD=nginx\n"
	}
	for side := range 2 {
		for i := range n {
			c, s := lines(i)
			files.WriteString([2]string{c, s}[side])
			if side == 0 {
				sorted.WriteString(c)
			}
		}
	}
	for name, test := range map[string]struct {
		trace, want string
	}{
		"several namespaces": {namespaces, "3 connections are shown by one end alone, "},
		"several workers":    {workers, "1 service is shown as an address "},
		"two files":          {files.String(), "ended connections were forgotten before their other half came, "},
		"one sorted file":    {sorted.String(), ""},
	} {
		_, _, stderr := parse(t, test.trace)
		_, said, _ := strings.Cut(stderr, "\n")
		if !strings.Contains(said, test.want) || test.want == "" && said != "" {
			t.Errorf("%s: says %q, want a line with %q, or none", name, said, test.want)
		}
	}
}

func TestBadLines(t *testing.T) {
	status, _, stderr := parse(t, strings.Repeat("nonsense\n", 5))
	if lines := strings.Split(stderr, "\n"); status != 0 || len(lines) != 5 || !strings.HasPrefix(lines[2], "line 3: ") ||
		lines[3] != "5 lines, 0 events, 5 bad lines (2 not shown): 0 nodes, 0 edges" {
		t.Errorf("status %d, prints\n%s", status, stderr)
	}
}

func TestStrict(t *testing.T) {
	status, stdout, stderr := parse(t, small, "-strict")
	if status != 1 || stdout != "" || !strings.HasSuffix(stderr, "parsetrace: 1 bad line, and -strict was given\n") {
		t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	if status, _, stderr := parse(t, strings.ReplaceAll(small, "Attaching", "#"), "-strict"); status != 0 {
		t.Errorf("without bad lines: status %d, %s", status, stderr)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-by", "colour"}, {"-nonsense"}, {"file"}} {
		if status, stdout, stderr := parse(t, "", args...); status != 2 || stdout != "" || stderr == "" {
			t.Errorf("%q: status %d, stdout %q, stderr %q; want 2, nothing, a reason", args, status, stdout, stderr)
		}
	}
	if status, _, stderr := parse(t, "", "-h"); status != 0 || !strings.Contains(stderr, "usage: parsetrace") {
		t.Errorf("-h: status %d, prints %q", status, stderr)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestReadError(t *testing.T) {
	err := run(context.Background(), nil, brokenReader{}, io.Discard, io.Discard)
	if status := cli.Status(err, io.Discard); status != 1 {
		t.Errorf("status %d for %v, want 1", status, err)
	}
}

// TestReadAhead leaves the parsing to another goroutine early, late and never.
func TestReadAhead(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for _, end := range []io.Reader{strings.NewReader(""), brokenReader{}} {
		var want string
		for _, lines := range []int{alone, 0, 1, 4, 6} {
			g := flowgraph.New(nil)
			s, err := read(g, traceformat.NewReader(io.MultiReader(strings.NewReader(small), end)), true, lines)
			got := fmt.Sprintf("%v, first bad lines %v, error %v\n", s, s.first, err)
			for e := range g.AllEdges() {
				got += fmt.Sprintln(e.Client, e.Server, e.Connections)
			}
			if lines == alone {
				want = got
			}
			if got != want {
				t.Errorf("after %d lines:\n%swant\n%s", lines, got, want)
			}
		}
	}
}

// TestLinesAlone reads a large file on several processors from the beginning.
func TestLinesAlone(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "trace"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for _, tt := range []struct {
		name  string
		size  int64
		stdin io.Reader
		want  int
	}{
		{"small file", large - 1, f, alone},
		{"large file", large, f, 0},
		{"pipe", large, r, alone},
		{"no file", large, strings.NewReader(small), alone},
	} {
		if err := f.Truncate(tt.size); err != nil {
			t.Fatal(err)
		}
		if got := linesAlone(tt.stdin); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestOriginal reads the sample of the original's, which is not ours to have in
// the repository. Our own of the same shape is traceformat's.
func TestOriginal(t *testing.T) {
	name := os.Getenv("TCPGRAPH_ORIGINAL_TRACE")
	if name == "" {
		t.Skip("TCPGRAPH_ORIGINAL_TRACE does not name the original's sample")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	g := flowgraph.New(&flowgraph.Options{ForgetPaired: true})
	s, err := read(g, traceformat.NewReader(bytes.NewReader(text)), false, alone)
	if err != nil {
		t.Fatal(err)
	}
	if s.events != 161 || s.bad != 2 || s.first[0].Line != 1 || s.first[1].Line != 2 {
		t.Errorf("%v, bad lines %v; want 161 events and the banners in lines 1 and 2", s, s.first)
	}
	// Each connection with both halves is an edge between two processes.
	type pair struct{ client, server uint32 }
	owners := make(map[string][2]uint32) // by client and server endpoint
	for e, err := range traceformat.NewReader(bytes.NewReader(text)).All() {
		if err != nil {
			continue
		}
		key, side := e.Local.String()+" "+e.Remote.String(), 0
		if e.Direction == traceformat.Incoming {
			key, side = e.Remote.String()+" "+e.Local.String(), 1
		}
		pids := owners[key]
		pids[side] = e.Process.PID
		owners[key] = pids
	}
	want := make(map[pair]bool)
	for _, pids := range owners {
		if pids[0] != 0 && pids[1] != 0 {
			want[pair{pids[0], pids[1]}] = true
		}
	}
	if len(want) < 10 {
		t.Fatalf("only %d pairs of processes in the sample", len(want))
	}
	external := 0
	for e := range g.AllEdges() {
		if e.Client.External() || e.Server.External() {
			external++
			continue
		}
		delete(want, pair{e.Client.Process().PID, e.Server.Process().PID})
	}
	if len(want) > 0 {
		t.Errorf("no edge for %v", want)
	}
	// The connections to the internet end in external nodes.
	internet := 0
	for n := range g.AllNodes() {
		if n.External() && !n.Endpoint().Addr().IsPrivate() && !n.Endpoint().Addr().IsLoopback() {
			internet++
		}
	}
	if external == 0 || internet != 3 {
		t.Errorf("%d edges to external nodes, %d of which are on the internet; want some, 3", external, internet)
	}
}

// TestExample reads the trace that the repository ships.
func TestExample(t *testing.T) {
	text, err := os.ReadFile("../../example.trace")
	if err != nil {
		t.Fatal(err)
	}
	g := flowgraph.New(nil)
	s, err := read(g, traceformat.NewReader(bytes.NewReader(text)), false, alone)
	if err != nil || s.bad != 0 {
		t.Fatalf("%v, %v", s, err)
	}
	edges := make(map[string]bool)
	for e := range g.AllEdges() {
		edges[e.Client.Name()+" → "+e.Server.Name()] = true
	}
	for _, want := range []string{
		"curl → haproxy", "haproxy → nginx", "nginx → shop", "shop → redis-server", "shop → postgres",
		"shop → 203.0.113.10:443", "shop → 203.0.113.11:443", "198.51.100.7 → haproxy",
		"scraper → haproxy", "scraper → shop",
	} {
		if !edges[want] {
			t.Errorf("no edge %s in %v", want, edges)
		}
		delete(edges, want)
	}
	if len(edges) > 0 {
		t.Errorf("more edges than the lab has: %v", edges)
	}
}

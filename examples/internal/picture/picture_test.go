package picture

import (
	"bytes"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.com/tcpgraph/examples/internal/cli"
	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
	"github.com/google/go-cmp/cmp"
)

var (
	update = flag.Bool("update", false, "write the golden files")
	draws  = flag.String("draw", "", "write drawings of the scenes into this directory, to be looked at")
)

// written returns a picture of a graph in a format.
func written(t *testing.T, o Options, g *flowgraph.Graph) []byte {
	t.Helper()
	var b, stderr bytes.Buffer
	if err := o.Picture(g).Write(t.Context(), &b, &stderr); err != nil {
		t.Fatalf("%+v: %v", o, err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	for _, scene := range []struct {
		name  string
		graph *flowgraph.Graph
	}{
		{"small", graphOf(scenery(5))},
		{"hosts", graphOf(scenery(120))},
		{"hostile", graphOf(hostility())},
	} {
		for _, format := range []string{"dot", "mermaid", "json", "gexf"} {
			if scene.name == "hosts" && format != "dot" && format != "mermaid" {
				continue // long, and no more to see in it
			}
			name := scene.name + "." + format
			t.Run(name, func(t *testing.T) {
				got := written(t, Options{By: "auto", Fold: true, Format: format}, scene.graph)
				file := filepath.Join("testdata", name)
				if *update {
					if err := os.WriteFile(file, got, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatalf("%v; make it with -update", err)
				}
				if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
					t.Errorf("%s (-want +got); if it is better, write it with -update:\n%s", file, diff)
				}
			})
		}
	}
}

// counts is what folding must not change.
type counts struct{ Connections, Open, Loopback, Failed, Sent, Received uint64 }

func (c *counts) add(e flowgraph.Edge) {
	c.Connections += e.Connections
	c.Open += e.Open
	c.Loopback += e.Loopback
	c.Failed += e.Failed
	c.Sent += e.Sent
	c.Received += e.Received
}

func TestFoldingKeepsCounts(t *testing.T) {
	for _, n := range []int{5, 50, 500} {
		g := graphOf(scenery(n))
		var want counts
		for e := range g.AllEdges() {
			want.add(e)
		}
		if want.Connections == 0 || want.Received == 0 {
			t.Fatalf("a scene of %d processes has %+v", n, want)
		}
		for _, by := range []string{"", "auto", "process", "command", "container", "namespace", "host"} {
			for _, fold := range []bool{false, true} {
				p := (&Options{By: by, Fold: fold}).Picture(g)
				var got counts
				members := 0
				for e := range p.View.AllEdges() {
					got.add(e)
				}
				for n := range p.View.AllNodes() {
					members += len(n.Members())
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%d processes by %q, fold %v (-want +got):\n%s", n, by, fold, diff)
				}
				if all := g.Nodes().Len(); members != all {
					t.Errorf("%d processes by %q, fold %v: nodes have %d members, want %d", n, by, fold, members, all)
				}
			}
		}
	}
}

func TestSizes(t *testing.T) {
	for _, tt := range []struct {
		processes, most int // nodes
		notes           []string
	}{
		{5, 6, nil},
		{50, 40, nil},
		{500, 30, []string{"grouped by command"}},
		{5000, 30, []string{"grouped by command"}},
	} {
		g := graphOf(scenery(tt.processes))
		o := Options{By: "auto", Fold: true}
		p := o.Picture(g)
		if n := p.View.Nodes().Len(); n == 0 || n > tt.most {
			t.Errorf("%d processes are drawn as %d nodes, want 1 to %d", tt.processes, n, tt.most)
		}
		if len(p.Notes) != len(tt.notes) {
			t.Errorf("%d processes: got the notes %q, want %d", tt.processes, p.Notes, len(tt.notes))
		}
		text := string(written(t, o, g))
		for i, want := range tt.notes {
			if !strings.Contains(p.Notes[i], want) || !strings.Contains(text, want) {
				t.Errorf("%d processes: note %q and graph, want %q in both", tt.processes, p.Notes[i], want)
			}
		}
		if l := layoutFor(p.View.Nodes().Len(), p.View.Edges().Len()); !l.labels {
			t.Errorf("%d processes: connections have no labels", tt.processes)
		}
		if *draws != "" {
			for _, f := range []string{"dot", "svg", "png"} {
				o.Format = f
				name := strconv.Itoa(tt.processes) + "." + f
				if err := os.WriteFile(filepath.Join(*draws, name), written(t, o, g), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestExplicit checks that what is asked for in so many words is done.
func TestExplicit(t *testing.T) {
	g := graphOf(scenery(500))
	all := g.Nodes().Len()
	folded := (&Options{By: "process", Fold: true}).Picture(g).View.Nodes().Len()
	if folded <= maxNodes || folded >= all {
		t.Errorf("-by process draws %d nodes, want more than %d and fewer than %d", folded, maxNodes, all)
	}
	for _, format := range []string{"json", "gexf"} {
		o := Options{By: "auto", Fold: true, Format: format}
		if n := o.Picture(g).View.Nodes().Len(); n != all {
			t.Errorf("-T %s has %d nodes, want all %d", format, n, all)
		}
	}
	o := Options{By: "command", Hide: []string{"nginx"}, NoExternal: true}
	for n := range o.Picture(g).View.AllNodes() {
		if n.External() || n.Process().Command == "nginx" {
			t.Errorf("%v is shown", n)
		}
	}
}

func TestWorkersFold(t *testing.T) {
	s := newScene(1)
	addr := netip.MustParseAddr("10.0.0.1")
	db := s.spawn("", "db", addr, 1)[0]
	other := s.spawn("", "cache", addr, 1)[0]
	workers := s.spawn("", "worker", addr, 4)
	for _, w := range workers {
		s.connect(w, db, 5432, 2)
	}
	s.connect(workers[3], other, 6379, 1) // it differs
	var got []string
	for n := range (&Options{Fold: true}).Picture(graphOf(s.events)).View.AllNodes() {
		got = append(got, n.Name())
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"cache", "db", "worker", "worker ×3"}, got); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
}

func TestExternalsFold(t *testing.T) {
	tests := []struct {
		name  string
		addrs []string
		want  []string
	}{
		{"few", []string{"1.2.3.4", "1.2.3.5"}, []string{"1.2.3.4", "1.2.3.5"}},
		{"one network", span("54.0.%d.1", 37), []string{"37 addresses in 54.0.0.0/16"}},
		{"wider", span("54.%d.0.1", 37), []string{"37 addresses in 54.0.0.0/8"}},
		{"everywhere", span("%d.0.0.1", 37), []string{"37 addresses in various IPv4 networks"}},
		{"IPv6", append(span("2001:db8:%d::1", 20), "::2"), []string{"20 addresses in 2001:db8::/32", "::2"}},
		{"one apart", append(span("54.0.%d.1", 20), "9.9.9.9"), []string{"20 addresses in 54.0.0.0/16", "9.9.9.9"}},
		{"loopback", span("127.0.0.%d", 20), []string{"20 addresses in 127.0.0.0/8"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(1)
			server := s.spawn("", "web", netip.MustParseAddr("10.0.0.1"), 1)[0]
			for _, a := range tt.addrs {
				s.connect(member{addr: netip.MustParseAddr(a)}, server, 443, 1)
			}
			var got []string
			for n := range (&Options{Fold: true}).Picture(graphOf(s.events)).View.AllNodes() {
				if n.External() {
					got = append(got, n.Name())
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("external nodes (-want +got):\n%s", diff)
			}
		})
	}
}

// span returns n addresses, numbered from 1.
func span(format string, n int) []string {
	var out []string
	for i := range n {
		out = append(out, strings.ReplaceAll(format, "%d", strconv.Itoa(i+1)))
	}
	return out
}

func TestClusters(t *testing.T) {
	at := func(host, container string, netns uint32) traceformat.Process {
		return traceformat.Process{Host: host, Container: container, NetNS: netns}
	}
	tests := []struct {
		name   string
		places []traceformat.Process
		want   [][]string
	}{
		{"one host", []traceformat.Process{at("a", "", 0), at("a", "", 0)}, [][]string{nil, nil}},
		{"two hosts", []traceformat.Process{at("a", "", 0), at("b", "", 0)}, [][]string{{"a"}, {"b"}}},
		{"containers", []traceformat.Process{at("", "x", 1), at("", "y", 2), at("", "", 3)}, [][]string{{"x"}, {"y"}, nil}},
		{"one container", []traceformat.Process{at("", "x", 1), at("", "", 0)}, [][]string{nil, nil}},
		{"namespaces", []traceformat.Process{at("", "", 1), at("", "", 1), at("", "", 2)}, [][]string{{"network namespace 1"}, {"network namespace 1"}, nil}},
		{"one namespace", []traceformat.Process{at("", "", 1), at("", "", 1)}, [][]string{nil, nil}},
		{"both", []traceformat.Process{at("a", "x", 1), at("b", "y", 1)}, [][]string{{"a", "x"}, {"b", "y"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var events []traceformat.Event
			for i, p := range tt.places {
				p.PID, p.Command = uint32(i+1), "c"+strconv.Itoa(i)
				events = append(events, traceformat.Event{
					Direction: traceformat.Outgoing, Process: p,
					Local: netip.MustParseAddrPort("10.0.0.1:" + strconv.Itoa(4000+i)), Remote: netip.MustParseAddrPort("10.0.0.2:80"),
				})
			}
			p := new(Options).Picture(graphOf(events))
			var got [][]string
			for n := range p.View.AllNodes() {
				if !n.External() {
					got = append(got, p.clusters(n))
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("clusters (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for _, args := range [][]string{{"-by", "colour"}, {"-T", "gif"}} {
		var o Options
		fs := flag.NewFlagSet("test", flag.ContinueOnError)
		o.Register(fs)
		if err := fs.Parse(args); err != nil {
			t.Fatal(err)
		}
		if err := o.Check(); !errors.Is(err, cli.ErrUsage) || !strings.Contains(err.Error(), args[1]) {
			t.Errorf("%v: got %v, want wrong usage that names %q", args, err, args[1])
		}
	}
	if err := new(Options).Check(); err != nil {
		t.Errorf("the zero value: %v", err)
	}
}

// TestWriteDOTProcessors writes the same on one processor and on several.
func TestWriteDOTProcessors(t *testing.T) {
	p := (&Options{By: "process"}).Picture(manyEdges(500, 60_000))
	if n := p.View.Edges().Len(); n < 30_000 {
		t.Fatalf("got %d edges, which are too few to be shared out", n)
	}
	texts := make(map[int]string)
	for _, n := range []int{1, 2, 3} {
		was := runtime.GOMAXPROCS(n)
		var b strings.Builder
		err := p.writeDOT(&b)
		runtime.GOMAXPROCS(was)
		if err != nil {
			t.Fatal(err)
		}
		if texts[n] = b.String(); texts[n] != texts[1] {
			t.Errorf("on %d processors: got %d bytes that differ from the %d on one", n, len(texts[n]), len(texts[1]))
		}
	}
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
	"gonum.org/v1/gonum/graph/encoding/dot"
	"gonum.org/v1/gonum/graph/simple"

	"example.com/tcpgraph/internal/netlab"
)

func TestMain(m *testing.M) {
	netlab.Main(m, map[string]netlab.Program{"peer": peer})
}

// peer is a process that connects and accepts. Its argument is the addresses to
// listen at. It prints "ready", then connects to each address that the test
// says and prints "connected" when the other side has accepted. It keeps all
// its connections until it ends.
func peer(c *netlab.Console, args []string) error {
	for _, addr := range args {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		defer l.Close()
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				// Never closed: the process ends with it. A failure shows at
				// the other side, which waits for the byte.
				_, _ = conn.Write([]byte{'!'})
			}
		}()
	}
	if err := c.Printf("ready"); err != nil {
		return err
	}
	for {
		addr, err := c.ReadLine()
		if err != nil {
			return nil //nolint:nilerr // the test asks for the end
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			return err
		}
		if err := c.Printf("connected"); err != nil {
			return err
		}
	}
}

func spawn(t *testing.T, ns *netlab.NS, comm string, listen ...string) *netlab.Process {
	t.Helper()
	p := ns.Spawn(t, netlab.Spec{Program: "peer", Comm: comm, Args: listen})
	if line := p.ReadLine(); line != "ready" {
		t.Fatalf("%s printed %q, want ready", comm, line)
	}
	return p
}

func connect(t *testing.T, p *netlab.Process, addr string) {
	t.Helper()
	p.Printf("%s", addr)
	if line := p.ReadLine(); line != "connected" {
		t.Fatalf("%s: printed %q, want connected", addr, line)
	}
}

// TestLive makes two namespaces joined by veth, real servers and clients in
// them, some connected before the tracer starts, and checks that the graph has
// exactly the edges that the traffic had.
func TestLive(t *testing.T) {
	a, b := netlab.New(t), netlab.New(t)
	netlab.Veth(t, a, b,
		[]netip.Prefix{netip.MustParsePrefix("10.77.0.1/24"), netip.MustParsePrefix("fd77::1/64")},
		[]netip.Prefix{netip.MustParsePrefix("10.77.0.2/24"), netip.MustParsePrefix("fd77::2/64")})

	const hostile = "<b>\"\\N\n{|}\x1b["
	db := spawn(t, b, "db", "10.77.0.2:5432", "[fd77::2]:5432")
	web := spawn(t, a, "web", "10.77.0.1:80", "127.0.0.1:9000")
	early := spawn(t, a, hostile)
	connect(t, web, "10.77.0.2:5432")
	connect(t, early, "10.77.0.1:80")

	live := startLive(t, "-netns", a.Path()+","+b.Path(), "-fold=false")

	connect(t, web, "[fd77::2]:5432")
	local := spawn(t, a, "local")
	connect(t, local, "127.0.0.1:9000")
	// The same loopback address and port in the other namespace is another's.
	other := spawn(t, b, "web", "127.0.0.1:9000")
	neighbour := spawn(t, b, "local")
	connect(t, neighbour, "127.0.0.1:9000")
	connect(t, other, "127.0.0.1:9000") // itself
	remote := spawn(t, b, "remote")
	for range 3 {
		connect(t, remote, "10.77.0.1:80")
	}

	got := live.stop(t)
	edge := func(client, server *netlab.Process) string {
		return fmt.Sprintf("%d → %d", client.PID(), server.PID())
	}
	want := []string{
		edge(web, db),
		edge(early, web),
		edge(local, web),
		edge(neighbour, other),
		edge(other, other),
		edge(remote, web),
	}
	slices.Sort(want)
	nodes, edges := readBack(t, got)
	if diff := cmp.Diff(want, edges); diff != "" {
		t.Errorf("edges (-want +got):\n%s\n%s", diff, got)
	}
	names := map[int]string{
		db.PID(): "db", web.PID(): "web", other.PID(): "web", local.PID(): "local",
		neighbour.PID(): "local", remote.PID(): "remote", early.PID(): "<b>",
	}
	for pid, name := range names {
		if got := nodes[pid]; !strings.HasPrefix(got, name) {
			t.Errorf("process %d is shown as %q, want %q", pid, got, name)
		}
	}
	if len(nodes) != len(names) {
		t.Errorf("got %d nodes, want %d\n%s", len(nodes), len(names), got)
	}
}

// running is a livegraph that runs.
type running struct {
	cancel context.CancelFunc
	done   chan error
	stdout bytes.Buffer
	stderr watched
}

func startLive(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{cancel: cancel, done: make(chan error, 1)}
	r.stderr.seen = make(chan struct{})
	go func() { r.done <- run(ctx, args, nil, &r.stdout, &r.stderr) }()
	select {
	case <-r.stderr.seen:
	case err := <-r.done:
		t.Fatalf("livegraph ended: %v\n%s", err, r.stderr.String())
	case <-time.After(time.Minute):
		t.Fatal("livegraph does not begin to trace")
	}
	return r
}

func (r *running) stop(t *testing.T) string {
	t.Helper()
	r.cancel()
	if err := <-r.done; err != nil {
		t.Fatalf("livegraph: %v", err)
	}
	if !strings.Contains(r.stderr.String(), " 0 lost") {
		t.Errorf("stderr has %q, want 0 lost", r.stderr.String())
	}
	return r.stdout.String()
}

// watched tells when a line that begins with "tracing" was written.
type watched struct {
	mu   sync.Mutex
	buf  strings.Builder
	seen chan struct{}
	once sync.Once
}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.buf.Write(b)
	if s := w.buf.String(); strings.HasPrefix(s, "tracing") || strings.Contains(s, "\ntracing") {
		w.once.Do(func() { close(w.seen) })
	}
	return n, err
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// readBack reads a graph in DOT, and returns the tooltips of its nodes by their
// PID and its edges as pairs of PIDs.
func readBack(t *testing.T, text string) (nodes map[int]string, edges []string) {
	t.Helper()
	g := readGraph{simple.NewDirectedGraph(), make(map[int64]bool)}
	if err := dot.Unmarshal([]byte(text), g); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	nodes = make(map[int]string)
	for it := g.Nodes(); it.Next(); {
		n := it.Node().(readNode)
		nodes[n.pid(t)] = *n.tooltip
	}
	edge := func(from, to graph.Node) {
		edges = append(edges, fmt.Sprintf("%d → %d", from.(readNode).pid(t), to.(readNode).pid(t)))
	}
	for it := g.Edges(); it.Next(); {
		edge(it.Edge().From(), it.Edge().To())
	}
	for id := range g.self {
		edge(g.Node(id), g.Node(id))
	}
	slices.Sort(edges)
	return nodes, edges
}

// readGraph is a graph for gonum's decoder, with attributes of its nodes and
// with edges from a node to itself, which simple does not have.
type readGraph struct {
	*simple.DirectedGraph
	self map[int64]bool
}

func (g readGraph) NewNode() graph.Node { return readNode{g.DirectedGraph.NewNode(), new(string)} }

func (g readGraph) SetEdge(e graph.Edge) {
	if e.From().ID() == e.To().ID() {
		g.self[e.From().ID()] = true
		return
	}
	g.DirectedGraph.SetEdge(e)
}

// readNode is a process, whose tooltip begins with its name and [PID].
type readNode struct {
	graph.Node
	tooltip *string
}

func (n readNode) SetAttribute(a encoding.Attribute) error {
	if a.Key == "tooltip" {
		*n.tooltip = a.Value
	}
	return nil
}

var pidInTooltip = regexp.MustCompile(`\[([0-9]+)\]`)

func (n readNode) pid(t *testing.T) int {
	t.Helper()
	m := pidInTooltip.FindStringSubmatch(*n.tooltip)
	if m == nil {
		t.Fatalf("no PID in the tooltip %q", *n.tooltip)
	}
	pid, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

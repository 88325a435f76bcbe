package page_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/tcpgraph/examples/internal/page"
	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
)

// served is a page that is served.
type served struct {
	*page.Page
	*page.Server
	t *testing.T
}

func serve(t *testing.T, opts *page.Options) *served {
	t.Helper()
	s := &served{Page: page.New(flowgraph.New(nil), opts), t: t}
	s.start(":0")
	return s
}

// start serves the page until the test ends.
func (s *served) start(addr string) {
	s.t.Helper()
	server, err := page.Start(addr, s.Page)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Server = server
	s.t.Cleanup(func() {
		if err := server.Close(); err != nil {
			s.t.Error(err)
		}
	})
}

// add adds lines of a trace.
func (s *served) add(lines ...string) {
	s.t.Helper()
	for _, line := range lines {
		e, err := traceformat.Parse(line)
		if err != nil {
			s.t.Fatal(err)
		}
		s.Add(e)
	}
	s.update()
}

// update tells browsers what is new, however short a time after the last.
func (s *served) update() { s.Update(page.Status{Done: true}) }

// client makes requests without keeping connections, which would outlive the
// test.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}

func (s *served) get(path string, v any) {
	s.t.Helper()
	s.answer(v)(client.Get(s.URL() + path))
}

func (s *served) post(path, body string, v any) {
	s.t.Helper()
	s.answer(v)(client.Post(s.URL()+path, "application/json", strings.NewReader(body)))
}

// answer reads an answer into v: a string as it is, else as JSON.
func (s *served) answer(v any) func(*http.Response, error) {
	return func(r *http.Response, err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK {
			s.t.Fatalf("%s: %s: %v", r.Request.URL, r.Status, err)
		}
		if text, ok := v.(*string); ok {
			*text = string(b)
			return
		}
		if err := json.Unmarshal(b, v); err != nil {
			s.t.Fatalf("%s: %v in %s", r.Request.URL, err, b)
		}
	}
}

// update is what the stream says, as far as tests look at it.
type update struct {
	Version uint64
	Reset   bool
	Nodes   []struct {
		ID       int64
		Name     string
		External bool
	}
	Edges []struct {
		ID             uint32
		Client, Server int64
		Ports          map[string]string
		Counts         []uint64
	}
	Counts    [][]uint64
	GoneNodes []int64
	GoneEdges []uint32
	Status    struct {
		Title, Loss, Unit string
		Events, Withheld  uint64
	}
}

// stream reads what a browser is sent.
type stream struct {
	t    *testing.T
	body io.ReadCloser
	scan *bufio.Scanner
}

func (s *served) stream() *stream {
	s.t.Helper()
	forever := &http.Client{Transport: client.Transport}
	r, err := forever.Get(s.URL() + "api/stream")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { r.Body.Close() })
	if got, want := r.Header.Get("Content-Type"), "text/event-stream"; got != want {
		s.t.Fatalf("Content-Type: got %q, want %q", got, want)
	}
	scan := bufio.NewScanner(r.Body)
	scan.Buffer(nil, 64<<20)
	return &stream{s.t, r.Body, scan}
}

// next returns the next message.
func (s *stream) next() (u update) {
	s.t.Helper()
	for s.scan.Scan() {
		data, ok := strings.CutPrefix(s.scan.Text(), "data: ")
		if !ok {
			continue
		}
		if err := json.Unmarshal([]byte(data), &u); err != nil {
			s.t.Fatal(err)
		}
		return u
	}
	s.t.Fatalf("the stream ended: %v", s.scan.Err())
	return u
}

const (
	webOut = "10.0.0.2:5432→10.0.0.1:40001|PID=7 NETNS=1 TIME=2026-01-02T03:04:05Z CMD=web"
	webIn  = "10.0.0.1:40001←10.0.0.2:5432|PID=9 NETNS=2 TIME=2026-01-02T03:04:05Z CMD=postgres"
	webEnd = "10.0.0.2:5432→10.0.0.1:40001|PID=7 EVENT=close NETNS=1 TIME=2026-01-02T03:04:07Z SENT=10 RECV=20 DUR=2s CMD=web"
	again  = "10.0.0.2:5432→10.0.0.1:40002|PID=7 NETNS=1 TIME=2026-01-02T03:04:09Z CMD=web"
)

func TestStream(t *testing.T) {
	s := serve(t, &page.Options{Title: "a\nb"})
	st := s.stream()
	if u := st.next(); len(u.Nodes)+len(u.Edges) != 0 {
		t.Errorf("before any event: got %+v", u)
	}

	s.add(webOut)
	u := st.next()
	if len(u.Nodes) != 2 || len(u.Edges) != 1 {
		t.Fatalf("one half: got %+v, want 2 nodes and an edge", u)
	}
	external := u.Nodes[1]
	if !external.External || external.Name != "10.0.0.2:5432" {
		t.Errorf("peer: got %+v, want the external node 10.0.0.2:5432", external)
	}
	if diff := cmp.Diff(map[string]string{"5432": "postgresql"}, u.Edges[0].Ports); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
	if got, want := u.Status.Title, `"a\nb"`; got != want {
		t.Errorf("title: got %s, want %s", got, want)
	}

	// The other half: the peer is a process after all.
	old := u.Edges[0].ID
	s.add(webIn)
	u = st.next()
	if len(u.Nodes) != 1 || u.Nodes[0].Name != "postgres" || len(u.Edges) != 1 {
		t.Fatalf("both halves: got %+v, want postgres and an edge to it", u)
	}
	if diff := cmp.Diff([]int64{external.ID}, u.GoneNodes); diff != "" {
		t.Errorf("gone nodes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]uint32{old}, u.GoneEdges); diff != "" {
		t.Errorf("gone edges (-want +got):\n%s", diff)
	}

	// A close and an open: only the counts change.
	id := uint64(u.Edges[0].ID)
	s.add(webEnd, again)
	u = st.next()
	last := uint64(time.Date(2026, 1, 2, 3, 4, 9, 0, time.UTC).UnixMilli())
	if diff := cmp.Diff([][]uint64{{id, 2, 1, 0, 0, 10, 20, last}}, u.Counts); diff != "" || u.Reset || len(u.Nodes)+len(u.Edges) != 0 {
		t.Errorf("counts of %+v (-want +got):\n%s", u, diff)
	}

	// One who comes later is sent everything, once.
	u = s.stream().next()
	if len(u.Nodes) != 2 || len(u.Edges) != 1 || len(u.Counts) != 0 || !u.Reset {
		t.Errorf("a late browser: got %+v, want 2 nodes and an edge", u)
	}
}

// A browser that reads nothing for a long time is told of the end, and not of
// each step on the way.
func TestStreamCoalesces(t *testing.T) {
	s := serve(t, nil)
	st := s.stream()
	st.next()
	const n = 500
	for range n {
		s.add(again)
	}
	messages := 0
	for {
		messages++
		u := st.next()
		if u.Status.Events == n {
			break
		}
	}
	if messages > n/10 {
		t.Errorf("got %d messages of %d updates, want a few", messages, n)
	}
}

func TestLimits(t *testing.T) {
	s := serve(t, &page.Options{MaxEdges: 2})
	s.add(
		"10.0.0.2:1→10.0.0.1:40001|PID=1 TIME=2026-01-02T03:04:05Z CMD=idle-but-open",
		"10.0.0.2:2→10.0.0.1:40002|PID=2 EVENT=close TIME=2026-01-02T03:04:06Z SENT=0 RECV=0 CMD=old",
		"10.0.0.2:3→10.0.0.1:40003|PID=3 EVENT=close TIME=2026-01-02T03:04:07Z SENT=0 RECV=0 CMD=new",
	)
	u := s.stream().next()
	var names []string
	for _, n := range u.Nodes {
		if !n.External {
			names = append(names, n.Name)
		}
	}
	if diff := cmp.Diff([]string{"idle-but-open", "new"}, names); diff != "" || u.Status.Withheld != 1 {
		t.Errorf("withheld: got %d, want 1; names (-want +got):\n%s", u.Status.Withheld, diff)
	}

	// With a smaller limit of nodes, too.
	s = serve(t, &page.Options{MaxNodes: 2})
	s.add(webOut, webIn, "10.0.0.3:1→10.0.0.1:40001|PID=1 EVENT=close TIME=2026-01-02T03:04:05Z CMD=old")
	if u := s.stream().next(); len(u.Nodes) != 2 || u.Status.Withheld != 1 {
		t.Errorf("got %d nodes, %d edges withheld, want 2 and 1", len(u.Nodes), u.Status.Withheld)
	}
}

func TestHostileNames(t *testing.T) {
	s := serve(t, nil)
	for i, name := range []string{"<script>alert(1)</script>", "a\x00\x1b[31m", "\xff\xfe", "x\u202egnp", `"quoted" | ` + "`"} {
		s.Add(traceformat.Event{
			Direction: traceformat.Outgoing,
			Local:     netip.MustParseAddrPort("10.0.0.1:40000"), Remote: netip.MustParseAddrPort("10.0.0.2:80"),
			Process: traceformat.Process{PID: uint32(i + 1), Command: name, Exe: name, Cmdline: name, NetNS: uint32(i + 1)},
		})
	}
	s.update()
	var got []string
	for _, n := range s.stream().next().Nodes {
		if !n.External {
			got = append(got, n.Name)
		}
	}
	want := []string{"<script>alert(1)</script>", `"a\x00\x1b[31m"`, `"\xff\xfe"`, `"x\u202egnp"`, "\"quoted\" | `"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestDetail(t *testing.T) {
	s := serve(t, nil)
	s.add("10.0.0.2:80→10.0.0.1:40001|PID=7 UID=0 EXE=/usr/bin/curl ARGS=\"curl\\x00-s\\x00a b\" CMD=curl")
	u := s.stream().next()
	var d struct {
		Exe, User       string
		Args, Addresses []string
	}
	s.get("api/node?id="+jsonText(u.Nodes[0].ID), &d)
	want := d
	want.Exe, want.User, want.Args, want.Addresses = "/usr/bin/curl", "0", []string{"curl", "-s", "a b"}, []string{"10.0.0.1"}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("detail (-want +got):\n%s", diff)
	}
}

func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

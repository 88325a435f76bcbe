package flowgraph_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
	"github.com/google/go-cmp/cmp"
)

func viewTexts(v *flowgraph.View) []string {
	var s []string
	for n := range v.AllNodes() {
		s = append(s, n.String())
	}
	slices.Sort(s)
	var e []string
	for x := range v.AllEdges() {
		e = append(e, edgeText(x))
	}
	slices.Sort(e)
	return append(s, e...)
}

// farm is a graph of two nginx workers on two hosts, an application on either,
// and clients from outside.
func farm() *flowgraph.Graph {
	g := flowgraph.New(nil)
	on := func(p traceformat.Process, host, container string) traceformat.Process {
		p.Host, p.Container = host, container
		return p
	}
	for i := range 2 {
		host := fmt.Sprintf("host%d", i)
		nginx, app := on(proc(10, "nginx"), host, "web"), on(proc(20, "app"), host, "web")
		for j := range 3 {
			g.Add(incoming(nginx, fmt.Sprintf("10.0.0.%d:80", i), fmt.Sprintf("54.0.%d.%d:999", i, j)))
		}
		g.Add(outgoing(nginx, "127.0.0.1:4000", "127.0.0.1:8080"))
		g.Add(incoming(app, "127.0.0.1:8080", "127.0.0.1:4000"))
		g.Add(failed(outgoing(app, "10.0.0.1:0", "10.0.0.77:25")))
	}
	nginx := on(proc(10, "nginx"), "host0", "web")
	g.Add(outgoing(nginx, "10.0.0.0:4000", "10.0.0.1:80"))
	g.Add(incoming(on(proc(10, "nginx"), "host1", "web"), "10.0.0.1:80", "10.0.0.0:4000"))
	return g
}

func TestViews(t *testing.T) {
	byNet := func(n *flowgraph.Node) string {
		if n.External() {
			p, _ := n.Endpoint().Addr().Prefix(8)
			return p.String()
		}
		return ""
	}
	tests := []struct {
		name string
		opts flowgraph.ViewOptions
		want []string
	}{
		{
			"by command",
			flowgraph.ViewOptions{Group: flowgraph.ByCommand, KeepNode: func(n *flowgraph.Node) bool { return !n.External() }},
			[]string{
				"app ×2", "nginx ×2",
				"nginx ×2 -> app ×2 :8080 x2 open=2 loopback=2", "nginx ×2 -> nginx ×2 :80 x1 open=1",
			},
		},
		{
			"no self, no loopback, no isolated",
			flowgraph.ViewOptions{
				Group: flowgraph.ByCommand, HideSelf: true, HideIsolated: true,
				KeepEdge: func(e flowgraph.Edge) bool { return e.Loopback < e.Connections },
				Label:    func(key string, m []*flowgraph.Node) string { return fmt.Sprintf("%s(%d)", key, len(m)) },
			},
			[]string{
				"54.0.0.0", "54.0.0.1", "54.0.0.2", "54.0.1.0", "54.0.1.1", "54.0.1.2", "nginx(2)",
				"54.0.0.0 -> nginx(2) :80 x1 open=1", "54.0.0.1 -> nginx(2) :80 x1 open=1", "54.0.0.2 -> nginx(2) :80 x1 open=1",
				"54.0.1.0 -> nginx(2) :80 x1 open=1", "54.0.1.1 -> nginx(2) :80 x1 open=1", "54.0.1.2 -> nginx(2) :80 x1 open=1",
			},
		},
		{
			"addresses folded",
			flowgraph.ViewOptions{
				Group: byNet, HideIsolated: true,
				KeepEdge: func(e flowgraph.Edge) bool { return e.Client.External() },
				Label: func(key string, m []*flowgraph.Node) string {
					return fmt.Sprintf("%d addresses in %s", len(m), key)
				},
			},
			[]string{
				"6 addresses in 54.0.0.0/8", "nginx[10]", "nginx[10]",
				"6 addresses in 54.0.0.0/8 -> nginx[10] :80 x3 open=3", "6 addresses in 54.0.0.0/8 -> nginx[10] :80 x3 open=3",
			},
		},
		{
			"by host",
			flowgraph.ViewOptions{Group: flowgraph.ByHost, HideSelf: true, KeepEdge: func(e flowgraph.Edge) bool { return !e.Client.External() }, HideIsolated: true},
			[]string{"host0 ×2", "host1 ×2", "host0 ×2 -> host1 ×2 :80 x1 open=1"},
		},
		{
			"by container",
			flowgraph.ViewOptions{Group: flowgraph.ByContainer, KeepNode: func(n *flowgraph.Node) bool { return !n.External() }},
			[]string{
				"host0/web ×2", "host1/web ×2", "host0/web ×2 -> host0/web ×2 :8080 x1 open=1 loopback=1",
				"host0/web ×2 -> host1/web ×2 :80 x1 open=1", "host1/web ×2 -> host1/web ×2 :8080 x1 open=1 loopback=1",
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, viewTexts(farm().View(&test.opts))); diff != "" {
				t.Errorf("view (-want +got):\n%s", diff)
			}
		})
	}
}

func TestViewIsTheGraph(t *testing.T) {
	g := farm()
	var want []string
	for n := range g.AllNodes() {
		want = append(want, n.String())
	}
	slices.Sort(want)
	want = append(want, edgeTexts(g)...)
	for _, v := range []*flowgraph.View{g.View(nil), g.View(nil).View(nil)} {
		if diff := cmp.Diff(want, viewTexts(v)); diff != "" {
			t.Errorf("view (-graph +view):\n%s", diff)
		}
		for n := range v.AllNodes() {
			if g.Node(n.ID()) == nil {
				t.Errorf("node %v has another id in the view", n)
			}
		}
	}
}

// TestViewStays adds to a graph after a view was made.
func TestViewStays(t *testing.T) {
	g := farm()
	v := g.View(&flowgraph.ViewOptions{Group: flowgraph.ByCommand})
	before := viewTexts(v)
	addConnection(g, proc(1, "new"), proc(2, "other"), 1)
	g.Stats()
	if diff := cmp.Diff(before, viewTexts(v)); diff != "" {
		t.Errorf("view changed (-before +after):\n%s", diff)
	}
	w := g.View(&flowgraph.ViewOptions{Group: flowgraph.ByCommand})
	for n := range v.AllNodes() {
		if w.Node(n.ID()) == nil {
			t.Errorf("node %v has another id in the next view", n)
		}
	}
}

func TestFailedInViews(t *testing.T) {
	g := farm()
	var got []string
	for e := range g.Failed() {
		got = append(got, edgeText(e))
	}
	want := []string{"app[20] -> 10.0.0.77:25 :25 x0 open=0 failed=1", "app[20] -> 10.0.0.77:25 :25 x0 open=0 failed=1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failed (-want +got):\n%s", diff)
	}
	got = nil
	for e := range g.View(&flowgraph.ViewOptions{Group: flowgraph.ByCommand}).Failed() {
		got = append(got, edgeText(e))
	}
	if diff := cmp.Diff([]string{"app ×2 -> 10.0.0.77:25 :25 x0 open=0 failed=2"}, got); diff != "" {
		t.Errorf("failed, grouped (-want +got):\n%s", diff)
	}
}

func TestGroupNodes(t *testing.T) {
	v := farm().View(&flowgraph.ViewOptions{Group: flowgraph.ByCommand})
	for n := range v.AllNodes() {
		key, grouped := n.Group()
		if grouped == n.External() || grouped && (len(n.Members()) != 2 || n.Process().Command != key) {
			t.Errorf("node %v: got group %q, %v with members %v", n, key, grouped, n.Members())
		}
		addrs, _ := n.Addrs()
		if key == "app" {
			if diff := cmp.Diff([]string{"10.0.0.1", "127.0.0.1"}, texts(addrs)); diff != "" {
				t.Errorf("addresses of the group (-want +got):\n%s", diff)
			}
		}
		for _, a := range n.Attributes() {
			if a.Key == "tooltip" && grouped && !strings.Contains(a.Value, "\nmember: "+key) {
				t.Errorf("tooltip of a group does not list its members: %q", a.Value)
			}
		}
	}
}

func texts(addrs []netip.Addr) (s []string) {
	for _, a := range addrs {
		s = append(s, a.String())
	}
	return s
}

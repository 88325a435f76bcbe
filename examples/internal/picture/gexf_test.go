package picture

import (
	"encoding/xml"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/graph/formats/gexf12"
)

// TestGEXFGroups checks that a group is said to have what all its members have,
// and nothing that only the first one has.
func TestGEXFGroups(t *testing.T) {
	s := newScene(1)
	db := s.spawn("h", "db", netip.MustParseAddr("10.0.0.9"), 1)[0]
	for i, command := range []string{"init", "nginx", "nginx"} {
		m := s.spawn("h", command, netip.MustParseAddr("10.0.0.1"), 1)[0]
		m.process.PID = uint32(i + 1)
		m.process.Container, m.process.NetNS = []string{"mixed", "workers", "workers"}[i], 7
		s.connect(m, db, 5432, 1)
		if i == 0 { // and another in the same container
			m.process.PID, m.process.Command, m.process.NetNS = 9, "app", 8
			s.connect(m, db, 5432, 1)
		}
	}
	var got gexf12.Content
	if err := xml.Unmarshal(written(t, Options{By: "container", Format: "gexf"}, graphOf(s.events)), &got); err != nil {
		t.Fatal(err)
	}
	titles := make(map[string]string)
	for _, a := range got.Graph.Attributes[0].Attributes {
		titles[a.ID] = a.Title
	}
	said := make(map[string]map[string]string)
	for _, n := range got.Graph.Nodes.Nodes {
		said[n.Label] = make(map[string]string)
		for _, v := range n.AttValues.AttValues {
			said[n.Label][titles[v.For]] = v.Value
		}
		if n.Label == "db" {
			delete(said[n.Label], "pid") // as it comes
		}
	}
	want := map[string]map[string]string{
		"h/mixed ×2":   {"external": "false", "members": "2", "host": "h", "container": "mixed", "addresses": "10.0.0.1"},
		"h/workers ×2": {"external": "false", "members": "2", "command": "nginx", "host": "h", "container": "workers", "netns": "7", "addresses": "10.0.0.1"},
		"db":           {"external": "false", "members": "1", "command": "db", "host": "h", "addresses": "10.0.0.9"},
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
}

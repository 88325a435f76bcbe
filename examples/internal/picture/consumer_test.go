package picture

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/traceformat"
)

// python is a Python that has a module. The test is skipped where there is none.
type python string

func pythonWith(t *testing.T, module string) python {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(name, "-c", "import "+module).Run() == nil {
			return python(name)
		}
	}
	netlab.Skip(t, "no python3 with "+module+" (python3-"+module+" of Debian)")
	return ""
}

// run runs a script with something on its standard input, and decodes what it
// prints.
func (p python) run(t *testing.T, script string, stdin []byte, v any, args ...string) {
	t.Helper()
	cmd := exec.Command(string(p), append([]string{"-c", script}, args...)...)
	var out, complaints bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, complaints.Bytes())
	}
	if err := json.Unmarshal(out.Bytes(), v); err != nil {
		t.Fatalf("%v in %s", err, out.Bytes())
	}
}

// unlike returns graphs that have between them everything that can be written.
func unlike() map[string]*flowgraph.Graph {
	refused := scenery(5)
	refused = append(refused, traceformat.Event{
		Kind: traceformat.Fail, Direction: traceformat.Outgoing, Errno: 111, Duration: time.Second,
		Local: netip.MustParseAddrPort("10.0.0.1:1"), Remote: netip.MustParseAddrPort("10.0.0.2:99"),
		Process: traceformat.Process{PID: 1, Command: "late", NetNS: 4026531840, CgroupID: 1 << 60, UID: traceformat.NewUID(0), StartTime: time.Unix(1, 0)},
	})
	ports := newScene(1)
	client, server := ports.spawn("", "scan", netip.MustParseAddr("::1"), 1)[0], ports.spawn("", "many", netip.MustParseAddr("::1"), 1)[0]
	for p := range uint16(100) {
		ports.connect(client, server, 1000+p, 1)
	}
	return map[string]*flowgraph.Graph{
		"none": flowgraph.New(nil), "small": graphOf(refused), "hosts": graphOf(scenery(120)), "hostile": graphOf(hostility()), "ports": graphOf(ports.events), "refusals": refusals(),
	}
}

// TestJSONSchema lets another program check the JSON against the schema in the
// documentation. As that permits fields that it does not name, for those that
// will be added, the check is of a stricter one, which does not.
func TestJSONSchema(t *testing.T) {
	py := pythonWith(t, "jsonschema")
	const check = `
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
def strict(s):
    if isinstance(s, dict):
        if "properties" in s and s.get("type") == "object":
            s["additionalProperties"] = False
        for v in s.values(): strict(v)
    elif isinstance(s, list):
        for v in s: strict(v)
jsonschema.Draft202012Validator.check_schema(schema)
strict(schema)
errors = list(jsonschema.Draft202012Validator(schema).iter_errors(json.load(sys.stdin)))
print(json.dumps([e.json_path + ": " + e.message for e in errors[:10]]))
`
	schema := filepath.Join("..", "..", "..", "docs", "graph.schema.json")
	for name, g := range unlike() {
		for _, by := range []string{"process", "command", "host"} {
			var problems []string
			py.run(t, check, written(t, Options{By: by, Format: "json"}, g), &problems, schema)
			if len(problems) > 0 {
				t.Errorf("%s by %s: %q", name, by, problems)
			}
		}
	}
	// It is a schema that something fails.
	var problems []string
	const bad = `{"version": 1, "nodes": [{"id": "1", "kind": "process", "name": "x"}], "edges": [], "failed": []}`
	py.run(t, check, []byte(bad), &problems, schema)
	if len(problems) == 0 {
		t.Error("a process without a process: got no complaint")
	}
}

// TestGEXFReader lets NetworkX read the GEXF.
func TestGEXFReader(t *testing.T) {
	py := pythonWith(t, "networkx")
	const read = `
import json, sys, networkx
g = networkx.read_gexf(sys.stdin.buffer, version="1.2draft")
print(json.dumps({
    "directed": g.is_directed(),
    "nodes": {k: d["label"] for k, d in g.nodes(data=True)},
    "edges": {a + " " + b: [d["weight"], d["connections"], d["sent"]] for a, b, d in g.edges(data=True)},
}))
`
	type graph struct {
		Directed bool
		Nodes    map[string]string
		Edges    map[string][3]float64
	}
	for name, g := range unlike() {
		p := (&Options{Format: "gexf"}).Picture(g)
		want := graph{true, map[string]string{}, map[string][3]float64{}}
		for n := range p.View.AllNodes() {
			want.Nodes[strconv.FormatInt(n.ID(), 10)] = visible(n.Name())
		}
		for e := range p.View.AllEdges() {
			n := float64(e.Connections)
			want.Edges[strconv.FormatInt(e.Client.ID(), 10)+" "+strconv.FormatInt(e.Server.ID(), 10)] = [3]float64{n, n, float64(e.Sent)}
		}
		var got graph
		py.run(t, read, written(t, Options{Format: "gexf"}, g), &got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestDocumentedFields checks that json.md names each field of the schema.
func TestDocumentedFields(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "json.md"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "graph.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	type object struct{ Properties map[string]any }
	var schema struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(b, &schema); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, o := range append([]object{schema.object}, schema.Defs["node"], schema.Defs["process"], schema.Defs["edge"], schema.Defs["port"]) {
		for field := range o.Properties {
			n++
			if !bytes.Contains(text, []byte("`"+field+"`")) && !bytes.Contains(text, []byte(`"`+field+`"`)) {
				t.Errorf("json.md does not name the field %s", field)
			}
		}
	}
	if n < 30 {
		t.Errorf("the schema has %d fields", n)
	}
}

package picture

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/tcpgraph/traceformat"
	"gonum.org/v1/gonum/graph/encoding/dot"
	"gonum.org/v1/gonum/graph/formats/gexf12"
	"gonum.org/v1/gonum/graph/simple"
)

var hostileNames = []string{
	`"; evil -> more; "`, "a\nb", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</TD>", "\\N\\G\\", "&lt;&amp;&#34;",
	"\x00\x01\x1b[31m", "\xff\xfe", "\u202egnp.exe", "]]>", "--> n1", "`**md**`", "1. one", "- x", "#quot;#34;", "%%{init}%%", "{|}", "", " ",
	strings.Repeat("long", 100), "end", "'", "\ufffd", "日本語",
}

// hostility returns events in which every text is hostile.
func hostility() []traceformat.Event {
	s := newScene(1)
	server := s.spawn("<b>\"host", "</svg>", netip.MustParseAddr("10.0.0.1"), 1)[0]
	for i, name := range hostileNames {
		host := "host " + hostileNames[i%3]
		c := s.spawn(host, name, netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}), 1)[0]
		c.process.Exe, c.process.Cmdline, c.process.Container, c.process.Unit = name, name, name, name
		s.connect(c, server, 80, 1)
	}
	s.connect(member{addr: netip.MustParseAddr(`fe80::1%"<b>`)}, server, 80, 1)
	return s.events
}

func TestHostileNames(t *testing.T) {
	g := graphOf(hostility())
	nodes, edges := g.Nodes().Len(), g.Edges().Len()
	if nodes != len(hostileNames)+2 || edges != len(hostileNames)+1 {
		t.Fatalf("the graph has %d nodes and %d edges", nodes, edges)
	}
	as := func(format string) []byte {
		text := written(t, Options{Format: format}, g)
		if format != "png" && format != "pdf" && !utf8.Valid(text) {
			t.Errorf("%s is not UTF-8", format)
		}
		return text
	}
	t.Run("dot", func(t *testing.T) {
		back := simple.NewDirectedGraph()
		if err := dot.Unmarshal(as("dot"), back); err != nil {
			t.Fatal(err)
		}
		if back.Nodes().Len() != nodes || back.Edges().Len() != edges {
			t.Errorf("got %d nodes and %d edges, want %d and %d", back.Nodes().Len(), back.Edges().Len(), nodes, edges)
		}
	})
	t.Run("svg", func(t *testing.T) {
		elements := make(map[string]int)
		var shown strings.Builder
		d := xml.NewDecoder(bytes.NewReader(as("svg")))
		for {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			switch tok := tok.(type) {
			case xml.StartElement:
				elements[tok.Name.Local]++
				for _, a := range tok.Attr {
					if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" && a.Value != "" {
						t.Errorf("<%s> has %s=%q", tok.Name.Local, a.Name.Local, a.Value)
					}
				}
			case xml.CharData:
				shown.Write(tok)
			}
		}
		for name := range elements {
			if !strings.Contains(" svg g title a polygon polyline path text ", " "+name+" ") {
				t.Errorf("there is an element <%s>", name)
			}
		}
		if !strings.Contains(shown.String(), "<script>alert(1)</script>") {
			t.Error("the name <script>alert(1)</script> is not shown as text")
		}
	})
	t.Run("json", func(t *testing.T) {
		var back jsonGraph
		if err := json.Unmarshal(as("json"), &back); err != nil {
			t.Fatal(err)
		}
		names := make(map[string]bool)
		for _, n := range back.Nodes {
			names[n.Name] = true
		}
		if len(back.Nodes) != nodes || len(names) != nodes || len(back.Edges) != edges {
			t.Errorf("got %d nodes with %d names and %d edges, want %d, as many, and %d", len(back.Nodes), len(names), len(back.Edges), nodes, edges)
		}
	})
	t.Run("gexf", func(t *testing.T) {
		var back gexf12.Content
		if err := xml.Unmarshal(as("gexf"), &back); err != nil {
			t.Fatal(err)
		}
		names := make(map[string]bool)
		for _, n := range back.Graph.Nodes.Nodes {
			names[n.Label] = true
		}
		if len(names) != nodes || len(back.Graph.Edges.Edges) != edges {
			t.Errorf("got %d names and %d edges, want %d and %d", len(names), len(back.Graph.Edges.Edges), nodes, edges)
		}
	})
	t.Run("mermaid", func(t *testing.T) {
		const text = `"(?:[^"<>&` + "`" + `\n\x00-\x1f]|<br/>)*"`
		line := regexp.MustCompile(`^(?:flowchart LR|  +n\d+(?:\[|\[\[|\()` + text + `(?:\]|\]\]|\)):::\w+|  +subgraph c\d+\[` + text + `\]|  +end` +
			`|  n\d+ -->\|` + text + `\| n\d+|  linkStyle [\d,]+ stroke-width:[\d.]+px|  classDef \w+ [\w:#, -]+|  %% [\w .,×]+)$`)
		for l := range strings.Lines(string(as("mermaid"))) {
			if l = strings.TrimSuffix(l, "\n"); !line.MatchString(l) {
				t.Errorf("got the line %q", l)
			}
		}
	})
	for _, format := range []string{"png", "pdf"} {
		t.Run(format, func(t *testing.T) { as(format) })
	}
}

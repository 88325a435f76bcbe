package dot_test

import (
	"fmt"
	"os"
	"strings"

	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"

	"example.com/tcpgraph/dot"
)

func ExampleEncode() {
	g := simple.NewDirectedGraph()
	g.SetEdge(simple.Edge{F: simple.Node(1), T: simple.Node(3)})
	g.SetEdge(simple.Edge{F: simple.Node(1), T: simple.Node(2)})
	if err := dot.Encode(os.Stdout, g, nil); err != nil {
		fmt.Println(err)
	}
	// Output:
	// digraph {
	// 	1;
	// 	2;
	// 	3;
	// 	1 -> 2;
	// 	1 -> 3;
	// }
}

// Names that come from elsewhere are given as text, and stay text.
func ExampleOptions() {
	commands := []string{"curl", "nginx: <b>worker</b>", `"];boom`}
	g := simple.NewWeightedDirectedGraph(0, 0)
	g.SetWeightedEdge(simple.WeightedEdge{F: simple.Node(0), T: simple.Node(1), W: 3})
	g.SetWeightedEdge(simple.WeightedEdge{F: simple.Node(1), T: simple.Node(2), W: 1})

	err := dot.Encode(os.Stdout, g, &dot.Options{
		Name:  "connections",
		Graph: []dot.Attribute{dot.Text("rankdir", "LR")},
		NodeAttributes: func(n graph.Node, attrs []dot.Attribute) []dot.Attribute {
			return append(attrs, dot.Text("label", commands[n.ID()]))
		},
		EdgeAttributes: func(e graph.Edge, attrs []dot.Attribute) []dot.Attribute {
			w := e.(graph.WeightedEdge).Weight()
			return append(attrs, dot.Text("label", fmt.Sprint("×", w)))
		},
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// digraph "connections" {
	// 	graph [rankdir="LR"];
	// 	0 [label="curl"];
	// 	1 [label="nginx: <b>worker</b>"];
	// 	2 [label="\"];boom"];
	// 	0 -> 1 [label="×3"];
	// 	1 -> 2 [label="×1"];
	// }
}

func ExampleOptions_cluster() {
	g := simple.NewUndirectedGraph()
	g.SetEdge(simple.Edge{F: simple.Node(1), T: simple.Node(2)})
	g.SetEdge(simple.Edge{F: simple.Node(2), T: simple.Node(3)})

	err := dot.Encode(os.Stdout, g, &dot.Options{
		Cluster: func(n graph.Node) []string {
			switch n.ID() {
			case 1:
				return []string{"host a"}
			case 2:
				return []string{"host a", "container web"}
			}
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// graph {
	// 	subgraph cluster_0 {
	// 		graph [label="host a"];
	// 		subgraph cluster_1 {
	// 			graph [label="container web"];
	// 			2;
	// 		}
	// 		1;
	// 	}
	// 	3;
	// 	1 -- 2;
	// 	2 -- 3;
	// }
}

// A large name over small details is an HTML-like label with escaped text in it.
func ExampleHTML() {
	g := simple.NewDirectedGraph()
	g.AddNode(simple.Node(17))
	err := dot.Encode(os.Stdout, g, &dot.Options{
		NodeAttributes: func(n graph.Node, attrs []dot.Attribute) []dot.Attribute {
			return append(attrs, dot.HTML("label", fmt.Sprintf(
				`<B>%s</B><BR/><FONT POINT-SIZE="9">pid %d</FONT>`, dot.EscapeHTML("R&D <sh>"), n.ID(),
			)))
		},
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// digraph {
	// 	17 [label=<<B>R&amp;D &lt;sh&gt;</B><BR/><FONT POINT-SIZE="9">pid 17</FONT>>];
	// }
}

// Lines that are aligned left end in the escape \l, which text does not have.
func ExampleEscape() {
	var b strings.Builder
	for _, line := range []string{`C:\new`, `"R&D"`} {
		b.WriteString(dot.Escape(line) + `\l`)
	}
	fmt.Println(b.String())
	// Output:
	// C:\\new\l"R&amp;D"\l
}

package flowgraph_test

import (
	"fmt"
	"net/netip"
	"slices"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/path"
	"gonum.org/v1/gonum/graph/topo"
)

// Both ends of a connection report it. They become one edge.
func Example() {
	client, server := netip.MustParseAddrPort("10.0.0.1:41000"), netip.MustParseAddrPort("10.0.0.2:5432")
	g := flowgraph.New(nil)
	g.Add(traceformat.Event{
		Direction: traceformat.Outgoing, Local: client, Remote: server,
		Process: traceformat.Process{PID: 100, Command: "app"},
	})
	g.Add(traceformat.Event{
		Direction: traceformat.Incoming, Local: server, Remote: client,
		Process: traceformat.Process{PID: 200, Command: "postgres"},
	})
	for e := range g.AllEdges() {
		fmt.Println(e.Client, "->", e.Server, "connections:", e.Connections)
	}
	// Output: app[100] -> postgres[200] connections: 1
}

// mesh returns a graph in which each pair is a client and a server.
func mesh(pairs ...[2]string) *flowgraph.Graph {
	g := flowgraph.New(nil)
	pid := func(name string) traceformat.Process {
		return traceformat.Process{PID: uint32(name[0]), Command: name}
	}
	for i, p := range pairs {
		addConnection(g, pid(p[0]), pid(p[1]), uint16(40000+i))
	}
	return g
}

// Services that call each other in a circle are a strongly connected component.
func Example_cycles() {
	g := mesh([2]string{"web", "auth"}, [2]string{"auth", "billing"}, [2]string{"billing", "auth"}, [2]string{"auth", "db"})
	for _, component := range topo.TarjanSCC(g) {
		if len(component) < 2 {
			continue
		}
		slices.SortFunc(component, func(a, b graph.Node) int { return int(a.ID() - b.ID()) })
		fmt.Println("in a circle:", component)
	}
	// Output: in a circle: [auth[97] billing[98]]
}

// A shortest path shows how one process reaches another. Edges weigh as much as
// they have connections.
func Example_shortestPath() {
	g := mesh([2]string{"web", "auth"}, [2]string{"auth", "db"}, [2]string{"web", "cache"}, [2]string{"cache", "queue"}, [2]string{"queue", "db"})
	web := g.Find(traceformat.Process{PID: 'w', Command: "web"})
	db := g.Find(traceformat.Process{PID: 'd', Command: "db"})
	nodes, weight := path.DijkstraFrom(web, g).To(db.ID())
	fmt.Println(nodes, weight)
	// Output: [web[119] auth[97] db[100]] 2
}

// A view can fold the workers of a server into one node.
func ExampleGraph_View() {
	g := flowgraph.New(nil)
	for i := range 8 {
		worker := traceformat.Process{PID: uint32(200 + i), Command: "nginx"}
		addConnection(g, traceformat.Process{PID: 100, Command: "curl"}, worker, uint16(40000+i))
	}
	v := g.View(&flowgraph.ViewOptions{Group: flowgraph.ByCommand})
	for e := range v.AllEdges() {
		fmt.Println(e.Client, "->", e.Server, "connections:", e.Connections)
	}
	// Output: curl -> nginx ×8 connections: 8
}

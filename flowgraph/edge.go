package flowgraph

import (
	"time"

	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
)

var (
	_ graph.WeightedEdge  = Edge{}
	_ encoding.Attributer = Edge{}
)

// Edge is all the connections from one node to another. It is a value: what
// the graph learns later does not change it.
type Edge struct {
	// Client and Server are the ends: connections were made by Client and
	// accepted by Server.
	Client, Server *Node
	// Connections is how many connections there were, Open how many of them
	// were not seen to close, and Loopback how many used loopback addresses.
	Connections, Open, Loopback uint64
	// Failed counts attempts to connect that failed. They are not in
	// Connections.
	Failed uint64
	// Sent and Received are the application bytes from the client to the
	// server and back, over the connections whose Close was seen.
	Sent, Received uint64
	// First and Last are the earliest and the latest time in the events, in
	// UTC; zero if no event had a time from 1678 to 2261.
	First, Last time.Time
	// Ports are the server's ports, also of failed attempts.
	Ports PortSet
}

// From returns the client.
func (e Edge) From() graph.Node { return e.Client }

// To returns the server.
func (e Edge) To() graph.Node { return e.Server }

// ReversedEdge returns the edge itself, for connections have a direction.
func (e Edge) ReversedEdge() graph.Edge { return e }

// Weight returns the number of connections.
func (e Edge) Weight() float64 { return float64(e.Connections) }

// merge adds the numbers of o to e.
func (e *Edge) merge(o *Edge) {
	e.Connections += o.Connections
	e.Open += o.Open
	e.Loopback += o.Loopback
	e.Failed += o.Failed
	e.Sent += o.Sent
	e.Received += o.Received
	if e.First.IsZero() || !o.First.IsZero() && o.First.Before(e.First) {
		e.First = o.First
	}
	if o.Last.After(e.Last) {
		e.Last = o.Last
	}
	e.Ports = e.Ports.union(o.Ports)
}

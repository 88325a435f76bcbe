// Package flowgraph turns TCP events into a graph of processes: who connects
// to whom.
//
// A [Graph] takes events one by one with [Graph.Add] and can be read at any
// time, as a [gonum.org/v1/gonum/graph.Directed] and WeightedDirected graph or
// through iterators over [*Node] and [Edge] in a stable order. [Graph.View]
// groups and filters.
//
// # Nodes
//
// A node is a process, told by host, PID and start time, or where no start
// time is known by host, PID and name. A peer that no known process owns is an
// external node, so that nothing is dropped. An external server is told by
// address and port; an external client by its address alone, for its ports are
// ephemeral. External loopback addresses are told apart by host and network
// namespace; others are the same node wherever they are seen from. A process
// stays in the graph once an event has named it, an external node only as long
// as a connection needs it.
//
// # Edges
//
// An edge runs from the process that connected to the process that accepted.
// All connections between two nodes are one [Edge]. An attempt that failed is
// no connection: it is counted in [Edge.Failed], and where no attempt succeeded
// there is no edge, only an entry in [Graph.Failed].
//
// # Two halves
//
// Both ends of a connection report it, in any order or one alone. The halves
// are brought together by their addresses and ports, the zones of link-local
// addresses aside. On loopback addresses they must be of one network namespace
// and host. On others, one namespace comes first, then another of the same host,
// then another host, and there first what opened within two minutes. If so a half
// could still belong to those of several namespaces, it belongs to none of them.
// Of several connections that used the same endpoints one after the other, the
// halves nearest in time belong together, and a half may change its mate when a
// nearer one comes.
//
// Where events have times, an end that opened more than two minutes after the
// other had closed is of another connection. So clocks of several hosts must not
// be further apart: else each connection that was closed counts twice.
//
// If only one half is known, the server is the process that was seen to
// accept at that address and port, in the client's namespace if there is one,
// else in another; a process that is only known to listen there counts if
// nobody was seen to accept. If there are several, such as the workers of one
// server, none of them is taken: the server is an external node, as it is when
// nobody is known. This is decided at each reading, so that what becomes known
// later is taken into account.
//
// If neither half says who connected, or they contradict each other as they do
// when two sockets connect to each other at once, the end at which somebody is
// known to accept is the server, else the one with the lower port, else the
// lower address.
//
// # What is counted
//
// A Close with a Count is a total: so many connections, which have opened and
// closed and of which nothing else is told. Its two halves are brought together
// like those of one connection, and it counts as many.
//
// A half's events are its Open, its Close, and further Opens of the same
// opening that a snapshot or a listener's owner adds; they come in any order
// too, and a Close alone makes a connection as well. The owner is taken from
// the best evidence: in person, then from a snapshot, then the listener. A
// connection is open until either half closes. Its bytes are those that the
// client counted, or if that is not known the server. An Open without time
// that repeats another starts a new connection.
//
// In what the events say, the graph depends on the set of them and not on
// their order, as long as endpoints are not used again, or are used again by
// connections whose events have times. A connection of which neither half says
// who connected must be remembered for that: when one is forgotten, its server is
// told by who was known to accept by then.
//
// # Memory
//
// What is kept is each node, each edge, each service endpoint, and each
// connection until it has closed at both ends. A connection of which not all
// was heard is remembered for some time longer; see [Options.Reorder].
// Connections that were seen to open and never to close are kept, except as
// [Options.ForgetPaired] says.
//
// # Speed
//
// Adding an event is one goroutine's work, and two's after [Graph.Parallel]. A
// [View] may be read by any number of them: its edges come in pieces for that
// ([View.EdgeChunks]).
package flowgraph

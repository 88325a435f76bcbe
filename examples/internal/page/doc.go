// Package page serves a web page that shows a graph of processes as it grows.
//
// A command makes a [Page] of its graph, hands it every event through
// [Page.Add], calls [Page.Update] a few times a second, and starts a [Server]:
//
//	p := page.New(graph, nil)
//	s, err := page.Start("", p)
//	...
//	defer s.Close()
//	fmt.Fprintln(os.Stderr, "the graph is shown at", s.URL())
//
// # What is sent
//
// A browser that connects gets everything once, as a server-sent event, and from
// then on what has changed, at most four times a second. There is no queue: a
// page that reads slowly gets the changes of a longer time at once, and one that
// was away begins anew. How many nodes and edges are sent at all is limited, see
// [Options]; what is left out is counted, and the page says so.
//
// # What is kept
//
// For the slider of the page, each edge's counts at some hundred points in time
// are kept, of the last minutes or of the whole trace; and for its tables and
// its export, the latest events.
//
// # Safety
//
// Names are chosen by the processes that are watched. They are sent as JSON and
// shown as text; the Content-Security-Policy permits no script and no style but
// the page's own files, and nothing from elsewhere. Requests that a page of
// another origin makes are refused, as are those whose Host is a name that the
// server was not started for, which defeats DNS rebinding. There is no password:
// who can connect to the address can see the page.
package page

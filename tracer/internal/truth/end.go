package truth

import (
	"time"

	"example.com/tcpgraph/traceformat"
)

// End is an event that truly happened, as a perfect tracer reports it, except
// for its times.
type End struct {
	traceformat.Event
	// Listener is the process that listens where an incoming connection came
	// in. It differs from Event.Process where another one accepted.
	Listener traceformat.Process
	// HookOnly means that no change of the socket's state tells of it: only a
	// hook at connect or at accept can.
	HookOnly bool
	// Early means that it was accepted before it was established: only a hook
	// at accept can tell since when it was open.
	Early bool
	// Uncertain means that it can have been established before the tracer and
	// accepted after: then it is not known since when it was open.
	Uncertain bool
	// AtLeast is how long the connection was open at the least, on a Close.
	AtLeast time.Duration
}

// AsListeners returns the event that is reported of the end where the accept
// was not seen: it names the listener's process, and says so.
func (e End) AsListeners() traceformat.Event {
	if e.Direction == traceformat.Incoming && e.Owner == traceformat.OwnerDirect {
		e.Process, e.Owner = e.Listener, traceformat.OwnerListener
	}
	return e.Event
}

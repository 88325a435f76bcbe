package page

import (
	"net/netip"
	"slices"
	"time"

	"example.com/tcpgraph/traceformat"
)

// The events of a connection are put together as package flowgraph does it, in
// small: what an edge counts and what the table has are to be the same.

// ends is what the events of a connection have in common at least: the two
// endpoints, the lower one first and without zones. Every network namespace of
// every host has loopback addresses of its own, so that of those place is a part
// of it. So is the count of a total, which tells of no connection that is told of
// by itself.
type ends struct {
	endpoints [2]netip.AddrPort
	place     place
	count     uint64
}

// place is where an event is from.
type place struct {
	host  string
	netns uint32
}

func placeOf(v *traceformat.Event) place { return place{v.Process.Host, v.Process.NetNS} }

// endsOf returns the ends of an event's connection, and which of them is the
// event's own.
func endsOf(v *traceformat.Event) (k ends, side int) {
	local, remote := unzoned(v.Local), unzoned(v.Remote)
	switch c := local.Compare(remote); {
	case c > 0, c == 0 && v.Direction == traceformat.Incoming: // or connected to itself
		k.endpoints, side = [2]netip.AddrPort{remote, local}, 1
	default:
		k.endpoints = [2]netip.AddrPort{local, remote}
	}
	if local.Addr().IsLoopback() || remote.Addr().IsLoopback() {
		k.place = placeOf(v)
	}
	k.count = v.Count
	return k, side
}

func unzoned(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().WithZone(""), a.Port())
}

// half is what was heard of a connection from one end.
type half struct {
	heard       bool
	place       place
	direction   traceformat.Direction
	opens       uint8 // a bit for the Owner of each Open
	closed      bool
	first, last time.Time // where they are known
}

const (
	// slack is how far the opening as Close.Time and Duration give it may differ
	// from what the Open says.
	slack = time.Second
	// maxLag is how long after the end of one half the other may begin: an
	// accept can come long after the connect.
	maxLag = 2 * time.Minute
)

// isOf reports whether an event is of this half, and not of the next connection
// with the same ends. A snapshot, and an accept that was not seen, can tell of
// an opening once more.
func (h *half) isOf(v *traceformat.Event) bool {
	if !h.heard || h.place != placeOf(v) || h.direction != v.Direction {
		return false
	}
	t := v.Time
	within := !t.IsZero() && !t.Before(h.first) && !t.After(h.last)
	switch {
	case v.Kind == traceformat.Close && h.closed:
		return !t.IsZero() && t.Equal(h.last)
	case v.Kind == traceformat.Close:
		return t.IsZero() || h.first.IsZero() || !t.Before(h.first) && !start(v).After(h.first.Add(slack))
	case h.opens&openBit(v) != 0 && v.Owner != traceformat.OwnerSnapshot:
		return !t.IsZero() && t.Equal(h.first) || h.closed && within
	case h.closed && !t.IsZero() && !h.last.IsZero():
		return within || t.Before(h.first) && !t.Before(h.first.Add(-slack))
	}
	return true
}

func openBit(v *traceformat.Event) uint8 { return 1 << min(v.Owner, traceformat.OwnerSnapshot+1) }

// start returns when the connection of an event began, as far as the event says.
func start(v *traceformat.Event) time.Time {
	switch {
	case v.Time.IsZero(), v.Kind != traceformat.Open && v.Duration <= 0:
		return time.Time{}
	case v.Kind != traceformat.Open:
		return v.Time.Add(-v.Duration)
	}
	return v.Time
}

// add adds what an event says.
func (h *half) add(v *traceformat.Event) {
	h.heard, h.place, h.direction = true, placeOf(v), v.Direction
	if v.Kind == traceformat.Open {
		h.opens |= openBit(v)
	} else {
		h.closed = true
	}
	if t := start(v); !t.IsZero() && (h.first.IsZero() || t.Before(h.first)) {
		h.first = t
	}
	if v.Time.After(h.last) {
		h.last = v.Time
	}
}

// apart returns how far two halves began apart, 0 where that is not known, and
// whether they can be of one connection.
func (h *half) apart(from time.Time) (far time.Duration, ok bool) {
	if h.first.IsZero() || from.IsZero() {
		return 0, true
	}
	return from.Sub(h.first).Abs(), !h.closed || !from.After(h.last.Add(maxLag))
}

// recent are the latest connections with the same ends, the oldest first.
type recent map[ends][]*connection

// maxRivals is how many connections with the same ends are told apart: those of
// several namespaces, and those one after the other.
const maxRivals = 8

// find returns the connection that an event is of, nil if that is a new one: the
// newest of which this half has been heard, else one of which only the other half
// has. Of several such it is the one of the same place, then the nearest in time,
// then the newest.
func (r recent) find(k ends, side int, v *traceformat.Event) *connection {
	if v.Kind == traceformat.Fail {
		return nil // all that there is to know
	}
	for _, c := range slices.Backward(r[k]) {
		if c.halves[side].isOf(v) {
			return c
		}
	}
	var best *connection
	var nearest time.Duration
	here := false
	for _, c := range r[k] {
		other := &c.halves[1-side]
		far, ok := other.apart(start(v))
		if c.halves[side].heard || !ok {
			continue
		}
		same := other.place == placeOf(v)
		if best == nil || same && !here || same == here && far <= nearest {
			best, nearest, here = c, far, same
		}
	}
	return best
}

// add adds a connection that an event begins.
func (r recent) add(k ends, c *connection, v *traceformat.Event) {
	if v.Kind == traceformat.Fail {
		return
	}
	list := append(r[k], c)
	if len(list) > maxRivals {
		list = list[1:]
	}
	r[k] = list
}

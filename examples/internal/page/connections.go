package page

import (
	"slices"
	"strconv"
	"time"

	"example.com/tcpgraph/traceformat"
)

// connection is one connection in a table of the page. Times are in
// milliseconds, 0 where they are not known.
type connection struct {
	ID       uint64 `json:"id"` // the number of its first event
	Edge     uint32 `json:"edge"`
	Client   string `json:"client"`
	Server   string `json:"server"`
	Opened   int64  `json:"opened,omitempty"`
	Closed   int64  `json:"closed,omitempty"`
	State    string `json:"state"` // open, closed, or why it failed
	Duration int64  `json:"duration,omitempty"`
	Sent     uint64 `json:"sent,omitempty"` // by the client
	Received uint64 `json:"received,omitempty"`

	halves [2]half // as endsOf numbers them
}

// maxConnections is how many connections a request is answered with.
const maxConnections = 500

// connections returns the latest connections of a selection, the latest first,
// and how many more were found.
func (p *Page) connections(s selection) (list []*connection, more int) {
	r := make(recent)
	p.selected(s, func(n uint64, e *entry, edge uint32) {
		v := &e.event
		at, side := endsOf(v)
		c := r.find(at, side, v)
		if c == nil {
			client, server := v.Local, v.Remote
			if v.Direction == traceformat.Incoming {
				client, server = server, client
			}
			c = &connection{ID: n, Edge: edge, Client: visible(client.String()), Server: visible(server.String()), State: "open"}
			list = append(list, c)
			r.add(at, c, v)
		}
		c.add(v, side)
	})
	more = max(0, len(list)-maxConnections)
	list = list[more:]
	slices.Reverse(list)
	return list, more
}

// add adds what one half's event says. The client's counts go before the
// server's.
func (c *connection) add(v *traceformat.Event, side int) {
	first := !c.halves[0].closed && !c.halves[1].closed
	c.halves[side].add(v)
	at := millis(v.Time)
	if v.Kind == traceformat.Open {
		if c.Opened == 0 || at != 0 && at < c.Opened {
			c.Opened = at
		}
		return
	}
	if c.Closed == 0 || at != 0 && at < c.Closed {
		c.Closed = at
	}
	c.State = "closed"
	if v.Count > 1 { // a total of so many
		c.State += " ×" + strconv.FormatUint(v.Count, 10)
	}
	if v.Kind == traceformat.Fail {
		c.State = "failed"
		if why := v.Errno.String(); why != "" {
			c.State += ": " + why
		}
	}
	if first || v.Direction != traceformat.Incoming {
		c.Duration = int64(v.Duration / time.Millisecond)
		c.Sent, c.Received = v.BytesSent, v.BytesReceived
		if v.Direction == traceformat.Incoming {
			c.Sent, c.Received = c.Received, c.Sent
		}
	}
}

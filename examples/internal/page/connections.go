package page

import (
	"net/netip"
	"slices"
	"strconv"
	"time"

	"example.com/tcpgraph/traceformat"
)

// connection is one connection in a table of the page. Times are in
// milliseconds, 0 where they are not known.
type connection struct {
	Edge     uint32 `json:"edge"`
	Client   string `json:"client"`
	Server   string `json:"server"`
	Opened   int64  `json:"opened,omitempty"`
	Closed   int64  `json:"closed,omitempty"`
	State    string `json:"state"` // open, closed, or why it failed
	Duration int64  `json:"duration,omitempty"`
	Sent     uint64 `json:"sent,omitempty"` // by the client
	Received uint64 `json:"received,omitempty"`

	opens, closes uint8 // how many halves did
}

// maxConnections is how many connections a request is answered with.
const maxConnections = 500

// connections returns the latest connections of a selection, the latest first,
// and how many more were found.
func (p *Page) connections(s selection) (list []*connection, more int) {
	current := make(map[[2]netip.AddrPort]*connection)
	p.selected(s, func(e *entry, edge uint32) {
		v := &e.event
		client, server := v.Local, v.Remote
		if v.Direction == traceformat.Incoming {
			client, server = server, client
		}
		key := [2]netip.AddrPort{client, server}
		c := current[key]
		if c == nil || c.isOver(v.Kind) {
			c = &connection{Edge: edge, Client: visible(client.String()), Server: visible(server.String()), State: "open"}
			current[key] = c
			list = append(list, c)
		}
		c.add(v)
	})
	more = max(0, len(list)-maxConnections)
	list = list[more:]
	slices.Reverse(list)
	return list, more
}

// isOver reports whether an event of a kind belongs to the next connection
// between the same endpoints.
func (c *connection) isOver(k traceformat.Kind) bool {
	switch k {
	case traceformat.Open:
		return c.opens == 2 || c.closes == 2
	case traceformat.Close:
		return c.closes == 2
	}
	return true
}

// add adds what one half's event says. The client's counts go before the
// server's.
func (c *connection) add(v *traceformat.Event) {
	at := millis(v.Time)
	if v.Kind == traceformat.Open {
		c.opens++
		if c.Opened == 0 || at != 0 && at < c.Opened {
			c.Opened = at
		}
		return
	}
	c.closes++
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
	if c.closes == 1 || v.Direction != traceformat.Incoming {
		c.Duration = int64(v.Duration / time.Millisecond)
		c.Sent, c.Received = v.BytesSent, v.BytesReceived
		if v.Direction == traceformat.Incoming {
			c.Sent, c.Received = c.Received, c.Sent
		}
	}
}

package page

import (
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"example.com/tcpgraph/flowgraph"
)

// update is what is sent to a browser: everything, or what has changed. The
// page's model.js reads it.
type update struct {
	Version   uint64      `json:"version"`
	Reset     bool        `json:"reset,omitempty"` // forget what was before
	Nodes     []*wireNode `json:"nodes,omitempty"` // new or changed
	Edges     []*wireEdge `json:"edges,omitempty"` // new or with changed ports
	Counts    []counts    `json:"counts,omitempty"`
	GoneNodes []int64     `json:"goneNodes,omitempty"`
	GoneEdges []uint32    `json:"goneEdges,omitempty"`
	Status    wireStatus  `json:"status"`
}

// wireNode is a node. Empty fields are not known. All text is printable, and
// nonetheless untrusted.
type wireNode struct {
	ID        int64  `json:"id"`
	Name      string `json:"name"`
	External  bool   `json:"external,omitempty"`
	Address   string `json:"address,omitempty"` // of an external node
	PID       uint32 `json:"pid,omitempty"`
	Command   string `json:"command,omitempty"`
	Host      string `json:"host,omitempty"`
	NetNS     uint32 `json:"netns,omitempty"`
	Container string `json:"container,omitempty"`
	Unit      string `json:"unit,omitempty"`
}

// wireEdge is an edge. Ports maps the server's ports to the names of services.
type wireEdge struct {
	ID     uint32            `json:"id"`
	Client int64             `json:"client"`
	Server int64             `json:"server"`
	Ports  map[uint16]string `json:"ports"`
	More   bool              `json:"more,omitempty"` // there are more ports
	First  int64             `json:"first,omitempty"`
	Counts counts            `json:"counts"`
}

// counts are an edge's id, connections, open, failed and loopback connections,
// bytes sent and received, and the time of the last event in milliseconds.
type counts [8]uint64

// wireStatus is what is said beside the graph.
type wireStatus struct {
	Title       string `json:"title,omitempty"`
	Trace       bool   `json:"trace,omitempty"`
	Done        bool   `json:"done,omitempty"`
	Now         int64  `json:"now"` // the end of the slider
	Unit        string `json:"unit"`
	Events      uint64 `json:"events"`
	Connections uint64 `json:"connections"`
	Open        uint64 `json:"open"`
	Failed      uint64 `json:"failed,omitempty"`
	Processes   uint64 `json:"processes"`
	Edges       uint64 `json:"edges"`
	Withheld    uint64 `json:"withheld,omitempty"` // edges not sent
	Lost        uint64 `json:"lost,omitempty"`
	Loss        string `json:"loss,omitempty"`
	Note        string `json:"note,omitempty"`
}

func newWireNode(n *flowgraph.Node) wireNode {
	w := wireNode{ID: n.ID(), Name: visible(n.Name()), External: n.External()}
	if w.External {
		w.Address = visible(n.Endpoint().Addr().String())
		return w
	}
	p := n.Process()
	w.PID = p.PID
	w.Command = visible(p.Command)
	w.Host = visible(p.Host)
	w.NetNS = p.NetNS
	w.Container = visible(p.Container)
	w.Unit = visible(p.Unit)
	return w
}

func newWireEdge(e *edge) *wireEdge {
	ports := make(map[uint16]string, e.edge.Ports.Len())
	for p := range e.edge.Ports.All() {
		ports[p] = flowgraph.ServiceName(p)
	}
	return &wireEdge{
		ID:     e.id,
		Client: e.ends.client,
		Server: e.ends.server,
		Ports:  ports,
		More:   e.edge.Ports.Truncated(),
		First:  millis(e.edge.First),
		Counts: newCounts(e),
	}
}

func newCounts(e *edge) counts {
	return counts{
		uint64(e.id),
		e.edge.Connections, e.edge.Open, e.edge.Failed, e.edge.Loopback,
		e.edge.Sent, e.edge.Received,
		uint64(max(millis(e.edge.Last), 0)),
	}
}

// millis returns a time in milliseconds since 1970, 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// visible returns s if it is plain printable text, and else s as a Go quoted
// string, in which nothing hides or reorders what is beside it.
func visible(s string) string {
	if !utf8.ValidString(s) {
		return strconv.Quote(s)
	}
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	return s
}

// since returns what has changed after a version, and a channel that is closed
// when there is more.
func (p *Page) since(version uint64) (*update, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u := &update{Status: wireStatus{
		Title:       visible(p.opts.Title),
		Trace:       p.opts.Trace,
		Done:        p.status.Done,
		Now:         p.axis.end,
		Unit:        p.axis.unit(),
		Events:      p.stats.Events,
		Connections: p.stats.Connections,
		Open:        p.stats.Open,
		Failed:      p.stats.Failed,
		Processes:   p.stats.Processes,
		Edges:       p.stats.Edges,
		Withheld:    p.table.withheld,
		Lost:        p.status.Lost,
		Loss:        visible(p.status.Loss),
		Note:        visible(p.status.Note),
	}}
	p.table.since(version, u)
	return u, p.changed
}

// detail is all that is known of a node.
type detail struct {
	Exe         string   `json:"exe,omitempty"`
	Args        []string `json:"args,omitempty"`
	User        string   `json:"user,omitempty"`
	Started     int64    `json:"started,omitempty"`
	Cgroup      uint64   `json:"cgroup,omitempty"`
	Addresses   []string `json:"addresses"`
	MoreAddress bool     `json:"moreAddresses,omitempty"`
}

// detail returns all that is known of a node, and false if it is not there.
func (p *Page) detail(id int64) (d detail, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, ok := p.table.nodes[id]
	if !ok {
		return d, false
	}
	d = detail{
		Exe:         visible(n.process.Exe),
		User:        n.process.UID.String(),
		Started:     millis(n.process.StartTime),
		Cgroup:      n.process.CgroupID,
		Addresses:   make([]string, 0, len(n.addrs)),
		MoreAddress: n.more,
	}
	for _, a := range n.process.Args() {
		d.Args = append(d.Args, visible(a))
	}
	for _, a := range n.addrs {
		d.Addresses = append(d.Addresses, visible(a.String()))
	}
	return d, true
}

// sortedEdges returns the edges of the table in the order of their ids.
func (t *table) sortedEdges() []*edge {
	return slices.SortedFunc(maps.Values(t.edges), func(a, b *edge) int { return int(a.id) - int(b.id) })
}

package picture

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"example.com/tcpgraph/flowgraph"
)

// The types below are the schema of -T json, which docs/json.md describes. Fields
// are added to them, and never renamed or given another meaning. What is not
// known is left out. Ids are strings: they are names and no quantities.

type jsonGraph struct {
	Version int        `json:"version"`
	Nodes   []jsonNode `json:"nodes"`
	Edges   []jsonEdge `json:"edges"`
	Failed  []jsonEdge `json:"failed"`
	Notes   []string   `json:"notes,omitempty"`
}

type jsonNode struct {
	ID        string       `json:"id"`
	Kind      string       `json:"kind"` // process, external or group
	Name      string       `json:"name"`
	External  bool         `json:"external,omitempty"`
	Process   *jsonProcess `json:"process,omitempty"`
	Endpoint  string       `json:"endpoint,omitempty"`
	Addresses []string     `json:"addresses,omitempty"`
	More      bool         `json:"moreAddresses,omitempty"`
	Members   []jsonNode   `json:"members,omitempty"`
}

type jsonProcess struct {
	PID       uint32     `json:"pid"`
	Command   string     `json:"command"`
	Start     *time.Time `json:"start,omitempty"`
	UID       *uint32    `json:"uid,omitempty"`
	NetNS     uint32     `json:"netns,omitempty"`
	Cgroup    string     `json:"cgroup,omitempty"`
	Host      string     `json:"host,omitempty"`
	Container string     `json:"container,omitempty"`
	Unit      string     `json:"unit,omitempty"`
	Exe       string     `json:"exe,omitempty"`
	Args      []string   `json:"args,omitempty"`
}

type jsonEdge struct {
	Client      string     `json:"client"`
	Server      string     `json:"server"`
	ServerName  string     `json:"serverName,omitempty"` // of failed attempts, whose server may be no node
	Ports       []jsonPort `json:"ports"`
	MorePorts   bool       `json:"morePorts,omitempty"`
	Connections uint64     `json:"connections"`
	Open        uint64     `json:"open"`
	Loopback    uint64     `json:"loopback,omitempty"`
	Failed      uint64     `json:"failed,omitempty"`
	Sent        uint64     `json:"sent"`
	Received    uint64     `json:"received"`
	First       *time.Time `json:"first,omitempty"`
	Last        *time.Time `json:"last,omitempty"`
}

type jsonPort struct {
	Port    uint16 `json:"port"`
	Service string `json:"service,omitempty"`
}

// writeJSON writes the picture as data.
func (p *Picture) writeJSON(w io.Writer) error {
	g := jsonGraph{Version: 1, Nodes: []jsonNode{}, Edges: []jsonEdge{}, Failed: []jsonEdge{}, Notes: p.Notes}
	seen := make(map[int64]bool)
	for n := range p.View.AllNodes() {
		seen[n.ID()] = true
		g.Nodes = append(g.Nodes, nodeJSON(n))
	}
	for e := range p.View.AllEdges() {
		g.Edges = append(g.Edges, edgeJSON(e))
	}
	for e := range p.View.Failed() {
		f := edgeJSON(e)
		f.ServerName = visible(e.Server.Name())
		g.Failed = append(g.Failed, f)
		if !seen[e.Client.ID()] { // a peer outside, which is in a view for its connections alone
			seen[e.Client.ID()] = true
			g.Nodes = append(g.Nodes, nodeJSON(e.Client))
		}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	if err := enc.Encode(&g); err != nil {
		return fmt.Errorf("write the graph: %w", err)
	}
	return nil
}

func nodeJSON(n *flowgraph.Node) jsonNode {
	addrs, more := n.Addrs()
	out := jsonNode{ID: id(n), Kind: "process", Name: visible(n.Name()), External: n.External(), More: more}
	for _, a := range addrs {
		out.Addresses = append(out.Addresses, visible(a.String()))
	}
	switch _, group := n.Group(); {
	case group:
		out.Kind = "group"
		for _, m := range n.Members() {
			out.Members = append(out.Members, nodeJSON(m))
		}
	case n.External():
		out.Kind = "external"
		out.Endpoint = endpoint(n.Endpoint())
	default:
		out.Process = processJSON(n)
	}
	return out
}

// endpoint returns an address with its port, if it has one.
func endpoint(a netip.AddrPort) string {
	if a.Port() == 0 {
		return visible(a.Addr().String())
	}
	return visible(a.String())
}

func processJSON(n *flowgraph.Node) *jsonProcess {
	p := n.Process()
	out := &jsonProcess{
		PID: p.PID, Command: visible(p.Command), Start: known(p.StartTime), NetNS: p.NetNS,
		Host: visible(p.Host), Container: visible(p.Container), Unit: visible(p.Unit), Exe: visible(p.Exe),
	}
	if uid, ok := p.UID.Get(); ok {
		out.UID = &uid
	}
	if p.CgroupID != 0 {
		out.Cgroup = strconv.FormatUint(p.CgroupID, 10)
	}
	for _, a := range p.Args() {
		out.Args = append(out.Args, visible(a))
	}
	return out
}

func edgeJSON(e flowgraph.Edge) jsonEdge {
	out := jsonEdge{
		Client: id(e.Client), Server: id(e.Server), Ports: []jsonPort{}, MorePorts: e.Ports.Truncated(),
		Connections: e.Connections, Open: e.Open, Loopback: e.Loopback, Failed: e.Failed,
		Sent: e.Sent, Received: e.Received, First: known(e.First), Last: known(e.Last),
	}
	for _, p := range slices.Collect(e.Ports.All()) {
		out.Ports = append(out.Ports, jsonPort{p, flowgraph.ServiceName(p)})
	}
	return out
}

func id(n *flowgraph.Node) string { return strconv.FormatInt(n.ID(), 10) }

// known returns a time that JSON can hold, or nothing.
func known(t time.Time) *time.Time {
	if t.IsZero() || t.Year() < 0 || t.Year() > 9999 {
		return nil
	}
	return &t
}

package flowgraph

import (
	"cmp"
	"hash/fnv"
	"io"
	"net/netip"
	"slices"
	"strconv"

	"example.com/tcpgraph/traceformat"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
)

var (
	_ graph.Node          = (*Node)(nil)
	_ encoding.Attributer = (*Node)(nil)
)

// Node is a process, an external endpoint, or in a grouped [View] a group of
// either. A node of a [Graph] is the same pointer for the whole life of the
// graph and always says what is known now; a node of a View is a copy.
type Node struct {
	id      int64
	proc    *traceformat.Process // nil for externals and groups
	addr    netip.AddrPort
	scope   scopeKey // of an external loopback address
	service bool     // an external endpoint with a port
	number  uint32   // in the graph's arena

	g         *Graph   // nil for the nodes of a View
	live      *process // the same
	addrs     []netip.Addr
	moreAddrs bool

	title   string  // of a node of a View: what String returns
	key     string  // of a group
	label   string  // of a group
	members []*Node // of a group
	in, out uint32  // edges, as of the last reading
}

// ID returns the node's id, which depends on nothing but the identity of the
// node: it is the same in every run, whatever the order of events (save for
// collisions of a hash of 29 bits among nodes with one PID, or of 51 bits
// among others, where the node that came first has it). Ids are positive,
// below 2^53, and in the order of PIDs, processes first.
func (n *Node) ID() int64 { return n.id }

// External reports whether the node is an endpoint that no known process
// owns, or a group of such.
func (n *Node) External() bool {
	return n.proc == nil && (len(n.members) == 0 || n.members[0].External())
}

// Process returns what is known of the process. Where events differ, the
// latest says. For a group it is the process of the first member, and for an
// external node it is the zero value.
func (n *Node) Process() traceformat.Process {
	switch {
	case n.proc != nil:
		return *n.proc
	case len(n.members) > 0:
		return n.members[0].Process()
	}
	return traceformat.Process{}
}

// Endpoint returns the address and port of an external service, and the
// address with port 0 of an external client, whose ports are ephemeral. For
// other nodes it is the zero value.
func (n *Node) Endpoint() netip.AddrPort { return n.addr }

// Members returns the nodes in a group, in the order of their ids, and for
// other nodes the node itself.
func (n *Node) Members() []*Node {
	if len(n.members) == 0 {
		return []*Node{n}
	}
	return slices.Clone(n.members)
}

// Group returns the key of the group that the node stands for, and whether
// it stands for one.
func (n *Node) Group() (key string, ok bool) { return n.key, len(n.members) > 0 }

// Addrs returns the local addresses of the node's connections, or the address
// of an external node, in ascending order. Of one process at most 64 are
// kept, the lowest; truncated reports that there were more.
func (n *Node) Addrs() (addrs []netip.Addr, truncated bool) {
	switch {
	case len(n.members) > 0:
		for _, m := range n.members {
			a, t := m.Addrs()
			addrs, truncated = append(addrs, a...), truncated || t
		}
	case n.proc == nil:
		return []netip.Addr{n.addr.Addr()}, false
	case n.g == nil:
		return slices.Clone(n.addrs), n.moreAddrs
	default:
		n.g.owners()
		truncated = n.live.moreAddrs
		for _, a := range n.live.addrs {
			addrs = append(addrs, n.g.addrs.rec(a).addr)
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs), truncated
}

// Name returns a short name: the command, the endpoint, or the label of the
// group. It is not unique, and it is untrusted text.
func (n *Node) Name() string {
	switch {
	case len(n.members) > 0:
		return n.label
	case n.proc != nil:
		if n.proc.Command == "" {
			return "pid " + strconv.FormatUint(uint64(n.proc.PID), 10)
		}
		return n.proc.Command
	case n.service:
		return n.addr.String()
	}
	return n.addr.Addr().String()
}

// String returns the name and the PID.
func (n *Node) String() string { return string(n.append(nil)) }

// append appends the name and the PID.
func (n *Node) append(b []byte) []byte {
	if n.title != "" {
		return append(b, n.title...)
	}
	b = append(b, n.Name()...)
	if n.proc == nil || n.proc.Command == "" {
		return b
	}
	b = append(b, '[')
	b = strconv.AppendUint(b, uint64(n.proc.PID), 10)
	return append(b, ']')
}

// frozen returns a copy for a View, which does not change with the graph.
func (n *Node) frozen() *Node {
	c := *n
	c.in, c.out = 0, 0
	if c.live != nil {
		c.addrs, c.moreAddrs = n.Addrs()
		p := *n.proc
		c.proc = &p
	}
	c.g, c.live = nil, nil
	if c.title == "" {
		c.title = c.String() // each of its edges has it
	}
	return &c
}

func compareNodes(a, b *Node) int { return cmp.Compare(a.id, b.id) }

// newNode makes a node with an id at or soon after the given one.
func (g *Graph) newNode(id int64) uint32 {
	for g.byID[id] != 0 {
		id++
	}
	number := g.nodes.add()
	g.byID[id] = number
	*g.nodes.at(number) = Node{id: id, number: number, g: g}
	return number
}

// externalKey identifies an external node.
type externalKey struct {
	addr    uint32
	port    uint16
	service bool
}

// external returns the number of the external node for an endpoint.
func (g *Graph) external(k externalKey) uint32 {
	if n := g.externals[k]; n != 0 {
		return n
	}
	r := g.addrs.rec(k.addr)
	scope := g.scopes.keys[r.scope].scopeKey
	addr := netip.AddrPortFrom(r.addr, k.port)
	n := g.newNode(textID(1, addr.String(), strconv.FormatBool(k.service), scope.host, strconv.FormatUint(uint64(scope.netns), 10)))
	node := g.nodes.at(n)
	node.addr, node.service, node.scope = addr, k.service, scope
	g.externals[k] = n
	return n
}

// processID returns the id for a process: its PID, then a hash of the rest.
func processID(p *process) int64 {
	const pidBits, hashBits = 22, 29 // Linux has PIDs below 2^22
	rest := []string{p.Host, "", p.Command}
	if !p.StartTime.IsZero() {
		rest[1], rest[2] = strconv.FormatInt(p.StartTime.Unix(), 10), strconv.Itoa(p.StartTime.Nanosecond())
	}
	if p.PID>>pidBits != 0 {
		rest = append(rest, strconv.FormatUint(uint64(p.PID), 10))
	}
	return int64(p.PID%(1<<pidBits))<<hashBits | textID(0, rest...)>>(51-hashBits)
}

// textID returns a hash of 51 bits of the texts, below the bits that say
// which kind of node it is for.
func textID(kind int64, texts ...string) int64 {
	h := fnv.New64a()
	for _, t := range texts {
		_, _ = io.WriteString(h, strconv.Itoa(len(t))+":"+t)
	}
	x := h.Sum64()
	x = (x ^ x>>33) * 0xff51afd7ed558ccd // mix the high bits well
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return kind<<51 | int64((x^x>>33)>>13)
}

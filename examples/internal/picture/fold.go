package picture

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"example.com/tcpgraph/flowgraph"
)

// grouping says how processes are folded, and what a group is called.
type grouping struct {
	key  func(*flowgraph.Node) string
	name func(key string, members []*flowgraph.Node) string
}

// keyed is a grouping in which the key is the name.
func keyed(key func(*flowgraph.Node) string) grouping {
	return grouping{key, func(key string, _ []*flowgraph.Node) string { return key }}
}

// unfolded is the grouping in which every process is drawn.
var unfolded = keyed(func(*flowgraph.Node) string { return "" })

// draw returns a view for a drawing: processes are folded by group, and external
// nodes by network if there are many of them.
func draw(all *flowgraph.View, group grouping) *flowgraph.View {
	network := networks(all, group.key)
	return all.View(&flowgraph.ViewOptions{
		Group: func(n *flowgraph.Node) string {
			if n.External() {
				return network(n)
			}
			return group.key(n)
		},
		Label: func(key string, members []*flowgraph.Node) string {
			if members[0].External() {
				return externalLabel(key, members)
			}
			name := group.name(key, members)
			if len(members) > 1 {
				name += " ×" + strconv.Itoa(len(members))
			}
			return name
		},
	})
}

// externalLabel is the name of a group of external nodes: of one address, or in
// one network.
func externalLabel(key string, members []*flowgraph.Node) string {
	name, _, _ := strings.Cut(key, sep)
	if n := countAddrs(members); n > 1 {
		return Plural(uint64(n), "address") + " in " + name
	}
	return members[0].Endpoint().Addr().String()
}

// sep ends a field of a key.
const sep = "\x00"

func countAddrs(nodes []*flowgraph.Node) int {
	seen := make(map[netip.Addr]bool)
	for _, n := range nodes {
		seen[n.Endpoint().Addr()] = true
	}
	return len(seen)
}

// alike returns a grouping that folds together processes with the same command
// in the same place, if they connect to peers with the same commands at the same
// ports, and the same of those that connect to them.
func alike(v *flowgraph.View) grouping {
	roles := rolesOf(v)
	count := make(map[string]int)
	keys := make(map[int64]string)
	for n := range v.AllNodes() {
		if n.External() {
			continue
		}
		p := n.Process()
		place := fmt.Sprintf("%s%s%s%s%d%s", p.Host, sep, p.Container, sep, p.NetNS, sep)
		key := p.Command + sep + place + strings.Join(roles[n.ID()], "")
		keys[n.ID()] = key
		count[key]++
	}
	return grouping{
		key: func(n *flowgraph.Node) string {
			if key := keys[n.ID()]; count[key] > 1 {
				return key
			}
			return ""
		},
		name: func(_ string, members []*flowgraph.Node) string { return members[0].Name() },
	}
}

// rolesOf returns what each process is to its peers, each role once, in order.
// There are few roles beside the edges of a large graph, so that each is one
// text.
func rolesOf(v *flowgraph.View) map[int64][]string {
	texts := make(map[string]string)
	of := make(map[int64][]string)
	var b []byte
	add := func(n, peer *flowgraph.Node, sign byte, ports *flowgraph.PortSet) {
		if n.External() {
			return
		}
		b = appendRole(append(b[:0], sign), n, peer, ports)
		role, known := texts[string(b)]
		if !known {
			role = string(b)
			texts[role] = role
		}
		of[n.ID()] = append(of[n.ID()], role)
	}
	for e := range v.AllEdges() {
		add(e.Client, e.Server, '>', &e.Ports)
		add(e.Server, e.Client, '<', &e.Ports)
	}
	for id, roles := range of {
		slices.Sort(roles)
		of[id] = slices.Compact(roles)
	}
	return of
}

// appendRole appends what a peer is to a process, at which ports.
func appendRole(b []byte, n, peer *flowgraph.Node, ports *flowgraph.PortSet) []byte {
	switch {
	case n == peer:
		b = append(b, "self"...)
	case peer.External():
		b = append(b, "external"...)
	default:
		b = append(b, "process"+sep...)
		b = append(b, peer.Process().Command...)
	}
	b = append(b, sep+"["...)
	first := true
	for p := range ports.All() {
		if !first {
			b = append(b, ' ')
		}
		first = false
		b = strconv.AppendUint(b, uint64(p), 10)
	}
	b = append(b, "] "...)
	b = strconv.AppendBool(b, ports.Truncated())
	return append(b, sep...)
}

// maxExternals is how many external nodes are drawn one by one, and about how
// many remain when more are folded.
const maxExternals = 12

// networks returns a grouping of the external nodes: by the smallest of the
// usual networks with which few enough remain, servers and clients apart. If
// there are few to begin with, group has its say.
func networks(v *flowgraph.View, group func(*flowgraph.Node) string) func(*flowgraph.Node) string {
	few := make(map[string]bool)
	var externals []*flowgraph.Node
	for n := range v.AllNodes() {
		if n.External() {
			externals = append(externals, n)
			key := group(n)
			if key == "" {
				key = sep + strconv.FormatInt(n.ID(), 10)
			}
			few[key] = true
		}
	}
	if len(few) <= maxExternals {
		return group
	}
	key := func(n *flowgraph.Node, level int) string {
		return network(n.Endpoint().Addr(), level) + sep + strconv.FormatBool(v.To(n.ID()).Len() > 0)
	}
	count := make(map[string]int)
	level := 0
	for ; level < levels; level++ {
		clear(count)
		for _, n := range externals {
			count[key(n, level)]++
		}
		if len(count) <= maxExternals || level == levels-1 {
			break
		}
	}
	return func(n *flowgraph.Node) string {
		if k := key(n, level); count[k] > 1 {
			return k
		}
		return group(n)
	}
}

// levels is how many networks an address is counted in, from small to large.
const levels = 4

// network returns the network of an address at a level, or in words what is too
// large to be one.
func network(a netip.Addr, level int) string {
	bits, all := [levels]int{24, 16, 8, 0}, "various IPv4 networks"
	if a.Is6() {
		bits, all = [levels]int{64, 48, 32, 0}, "various IPv6 networks"
	}
	if a.IsLoopback() && a.Is4() {
		return "127.0.0.0/8"
	}
	p, err := a.WithZone("").Prefix(bits[level])
	if err != nil || bits[level] == 0 && !a.IsLoopback() {
		return all
	}
	return p.String()
}

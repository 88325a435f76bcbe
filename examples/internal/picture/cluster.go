package picture

import (
	"strconv"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
)

// clusters returns the frames that a node is drawn in: its host, and in it its
// container or else its network namespace, each if there is more than one.
// A namespace of a single node has no frame: it would say nothing.
func clusters(v *flowgraph.View) func(*flowgraph.Node) []string {
	hosts, containers := make(map[string]int), make(map[[2]string]int)
	namespaces := make(map[string]map[uint32]int)
	for n := range v.AllNodes() {
		h, c, ns := place(n)
		hosts[h]++
		containers[[2]string{h, c}]++
		if namespaces[h] == nil {
			namespaces[h] = make(map[uint32]int)
		}
		namespaces[h][ns]++
	}
	delete(hosts, "")
	named := 0
	for c := range containers {
		if c[1] != "" {
			named++
		}
	}
	return func(n *flowgraph.Node) []string {
		h, c, ns := place(n)
		var path []string
		if h != "" && len(hosts) > 1 {
			path = append(path, h)
		}
		known := len(namespaces[h])
		if namespaces[h][0] > 0 {
			known--
		}
		switch {
		case c != "" && named > 1:
			path = append(path, c)
		case c == "" && ns != 0 && known > 1 && namespaces[h][ns] > 1:
			path = append(path, "network namespace "+strconv.FormatUint(uint64(ns), 10))
		}
		return path
	}
}

// place returns where a node is, as far as all its members are at one place.
func place(n *flowgraph.Node) (host, container string, netns uint32) {
	var p traceformat.Process
	for i, m := range n.Members() {
		q := m.Process()
		if i == 0 {
			p = q
		}
		if p.Host != q.Host {
			return "", "", 0
		}
		if p.Container != q.Container {
			p.Container = ""
		}
		if p.NetNS != q.NetNS {
			p.NetNS = 0
		}
	}
	return p.Host, p.Container, p.NetNS
}

// Command plain is a straightforward program for the main part of what
// parsetrace does, to measure against: it splits lines with the standard
// library, pairs the halves of connections in a map, counts connections in
// another, and prints the graph in DOT. It leaves out what parsetrace does
// beside: late and one-sided halves, names that need quoting, the extended form,
// IPv6, bad lines, labels, an order, and a picture that a person can read.
package main

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"strings"
)

type pair struct{ client, server netip.AddrPort }

type process struct{ pid, command string }

type edge struct{ client, server process }

func main() {
	waiting := make(map[pair]process)
	edges := make(map[edge]int)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		remote, rest, incoming := strings.Cut(in.Text(), "->")
		if !incoming {
			remote, rest, _ = strings.Cut(in.Text(), "<-")
		}
		local, meta, _ := strings.Cut(rest, "|")
		pid, command, _ := strings.Cut(strings.TrimPrefix(meta, "PID="), " CMD=")
		r, err1 := netip.ParseAddrPort(remote)
		l, err2 := netip.ParseAddrPort(local)
		if err1 != nil || err2 != nil {
			continue
		}
		p := process{pid, command}
		k := pair{l, r}
		if incoming {
			k = pair{r, l}
		}
		q, met := waiting[k]
		switch {
		case !met:
			waiting[k] = p
			continue
		case incoming:
			edges[edge{q, p}]++
		default:
			edges[edge{p, q}]++
		}
		delete(waiting, k)
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintln(out, "digraph {")
	for e, n := range edges {
		fmt.Fprintf(out, "\t%q -> %q [label=%d]\n", e.client.command+" "+e.client.pid, e.server.command+" "+e.server.pid, n)
	}
	fmt.Fprintln(out, "}")
}

package flowgraph

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/gonum/graph/encoding"
)

// Attributes returns the node's attributes for a drawing, in the names of DOT:
// label (name and PID), shape and peripheries (a box for a server, an ellipse for
// a client, a doubled box for what is both), style (dashed for external nodes) and tooltip
// (all detail). Values are raw,
// untrusted text, in which a line break is "\n"; an encoder must escape them.
func (n *Node) Attributes() []encoding.Attribute {
	label, style := n.Name(), "solid"
	if n.proc != nil && n.proc.Command != "" {
		label += "\n" + strconv.FormatUint(uint64(n.proc.PID), 10)
	}
	if n.External() {
		style = "dashed"
	}
	shape := "ellipse"
	if n.in > 0 {
		shape = "box"
	}
	a := []encoding.Attribute{
		{Key: "label", Value: label},
		{Key: "shape", Value: shape},
		{Key: "style", Value: style},
		{Key: "tooltip", Value: n.tooltip()},
	}
	if n.in > 0 && n.out > 0 {
		a = append(a, encoding.Attribute{Key: "peripheries", Value: "2"})
	}
	return a
}

// maxLines bounds the lists in tooltips.
const maxLines = 20

func (n *Node) tooltip() string {
	var b strings.Builder
	b.WriteString(n.String())
	line := func(name, value string) {
		if value != "" {
			b.WriteString("\n" + name + ": " + value)
		}
	}
	if n.External() {
		line("external", "no process is known")
	}
	if n.proc == nil {
		line("host", n.scope.host)
		line("network namespace", number(uint64(n.scope.netns)))
	} else {
		p := &n.proc.Process
		if !p.StartTime.IsZero() {
			line("started", p.StartTime.UTC().Format(time.RFC3339Nano))
		}
		line("user id", p.UID.String())
		line("executable", p.Exe)
		line("arguments", strings.Join(p.Args(), " "))
		line("host", p.Host)
		line("container", p.Container)
		line("unit", p.Unit)
		line("network namespace", number(uint64(p.NetNS)))
		line("control group", number(p.CgroupID))
	}
	addrs, truncated := n.Addrs()
	for i, a := range addrs {
		if truncated = truncated || i == maxLines; i == maxLines {
			break
		}
		line("address", a.String())
	}
	if truncated {
		line("address", "and more")
	}
	for i, m := range n.members {
		if i == maxLines {
			line("member", "and "+strconv.Itoa(len(n.members)-i)+" more")
			break
		}
		line("member", m.String())
	}
	return b.String()
}

// number returns n in decimal, and nothing for 0, which is unknown.
func number(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// Attributes returns the edge's attributes for a drawing, in the names of DOT:
// label (ports with the names of services, and the number of connections),
// penwidth (more for more traffic) and tooltip (all detail). Values are raw,
// untrusted text, in which a line break is "\n"; an encoder must escape them.
func (e Edge) Attributes() []encoding.Attribute {
	return []encoding.Attribute{
		{Key: "label", Value: e.label()},
		{Key: "penwidth", Value: strconv.FormatFloat(e.penWidth(), 'f', 2, 64)},
		{Key: "tooltip", Value: e.tooltip()},
	}
}

// maxLabelPorts is how many ports an edge's label names.
const maxLabelPorts = 3

func (e *Edge) label() string {
	var b strings.Builder
	n := 0
	for p := range e.Ports.All() {
		if n++; n > maxLabelPorts {
			b.WriteString(" …")
			break
		}
		if n > 1 {
			b.WriteString(", ")
		}
		b.WriteString(":" + portName(p))
	}
	if e.Connections > 1 {
		b.WriteString(" ×" + strconv.FormatUint(e.Connections, 10))
	}
	return b.String()
}

// portName returns a port with the name of its service.
func portName(p uint16) string {
	s := strconv.Itoa(int(p))
	if name := ServiceName(p); name != "" {
		s += " " + name
	}
	return s
}

// penWidth is 1 for a lone connection, and grows by one for each tenfold of
// connections, or of bytes from 10 kB on, whichever is more, up to 7.
func (e *Edge) penWidth() float64 {
	count := math.Log10(float64(max(e.Connections, 1)))
	bytes := math.Log10(max(float64(e.Sent)+float64(e.Received), 1e4) / 1e4)
	return 1 + min(max(count, bytes), 6)
}

func (e *Edge) tooltip() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s → %s\nconnections: %d", e.Client, e.Server, e.Connections)
	line := func(format string, n uint64) {
		if n != 0 {
			fmt.Fprintf(&b, "\n"+format, n)
		}
	}
	line("not seen to close: %d", e.Open)
	line("over loopback: %d", e.Loopback)
	line("failed attempts: %d", e.Failed)
	line("sent: %d bytes", e.Sent)
	line("received: %d bytes", e.Received)
	if !e.First.IsZero() {
		fmt.Fprintf(&b, "\nfirst: %s\nlast: %s", e.First.Format(time.RFC3339Nano), e.Last.Format(time.RFC3339Nano))
	}
	n := 0
	for p := range e.Ports.All() {
		if n++; n > maxLines {
			b.WriteString("\nport: and more")
			return b.String()
		}
		b.WriteString("\nport: " + portName(p))
	}
	if e.Ports.Truncated() {
		b.WriteString("\nport: and more")
	}
	return b.String()
}

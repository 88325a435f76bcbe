package flowgraph

import (
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
		p := n.proc
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
	var room [512]byte
	attrs, _ := e.appendAttributes(make([]encoding.Attribute, 0, 3), room[:0])
	return attrs
}

// appendAttributes appends the attributes to attrs. What is behind text is
// working space.
func (e *Edge) appendAttributes(attrs []encoding.Attribute, text []byte) ([]encoding.Attribute, []byte) {
	// The values are parts of one string: a graph can have a million edges.
	text = e.AppendLabel(text)
	label := len(text)
	text = strconv.AppendFloat(text, e.PenWidth(), 'f', 2, 64)
	width := len(text)
	text = e.AppendTooltip(text)
	s := string(text)
	return append(attrs,
		encoding.Attribute{Key: "label", Value: s[:label]},
		encoding.Attribute{Key: "penwidth", Value: s[label:width]},
		encoding.Attribute{Key: "tooltip", Value: s[width:]},
	), text
}

// maxLabelPorts is how many ports an edge's label names.
const maxLabelPorts = 3

// AppendLabel appends the label in [Edge.Attributes] to b.
func (e *Edge) AppendLabel(b []byte) []byte {
	for i := range e.Ports.Len() {
		if i == maxLabelPorts {
			b = append(b, " …"...)
			break
		}
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, ':')
		b = appendPort(b, e.Ports.at(i))
	}
	if e.Connections > 1 {
		b = append(b, " ×"...)
		b = strconv.AppendUint(b, e.Connections, 10)
	}
	return b
}

// appendPort appends a port with the name of its service.
func appendPort(b []byte, p uint16) []byte {
	b = strconv.AppendUint(b, uint64(p), 10)
	if name := ServiceName(p); name != "" {
		b = append(b, ' ')
		b = append(b, name...)
	}
	return b
}

// PenWidth returns the width in [Edge.Attributes]: 1 for a lone connection, and
// one more for each tenfold of connections, or of bytes from 10 kB on, whichever
// is more, up to 7.
func (e Edge) PenWidth() float64 {
	width := 0.0
	if n := e.Connections; n < uint64(len(log10)) {
		width = log10[n]
	} else {
		width = math.Log10(float64(n))
	}
	if bytes := float64(e.Sent) + float64(e.Received); bytes > 1e4 {
		width = max(width, math.Log10(bytes/1e4))
	}
	return 1 + min(width, 6)
}

// log10 holds the logarithms of the numbers of connections that most edges have,
// with 0 for 0.
var log10 = func() (t [256]float64) {
	for n := 1; n < len(t); n++ {
		t[n] = math.Log10(float64(n))
	}
	return t
}()

// AppendTooltip appends the tooltip in [Edge.Attributes] to b.
func (e *Edge) AppendTooltip(b []byte) []byte {
	b = e.Client.append(b)
	b = append(b, " → "...)
	b = e.Server.append(b)
	b = append(b, "\nconnections: "...)
	b = strconv.AppendUint(b, e.Connections, 10)
	b = appendCount(b, "\nnot seen to close: ", e.Open, "")
	b = appendCount(b, "\nover loopback: ", e.Loopback, "")
	b = appendCount(b, "\nfailed attempts: ", e.Failed, "")
	b = appendCount(b, "\nsent: ", e.Sent, " bytes")
	b = appendCount(b, "\nreceived: ", e.Received, " bytes")
	if !e.First.IsZero() {
		b = append(b, "\nfirst: "...)
		b = e.First.AppendFormat(b, time.RFC3339Nano)
		b = append(b, "\nlast: "...)
		b = e.Last.AppendFormat(b, time.RFC3339Nano)
	}
	for i := range e.Ports.Len() {
		if i == maxLines {
			return append(b, "\nport: and more"...)
		}
		b = append(b, "\nport: "...)
		b = appendPort(b, e.Ports.at(i))
	}
	if e.Ports.Truncated() {
		b = append(b, "\nport: and more"...)
	}
	return b
}

// appendCount appends a line with a number, unless that is 0.
func appendCount(b []byte, name string, n uint64, unit string) []byte {
	if n == 0 {
		return b
	}
	b = append(b, name...)
	b = strconv.AppendUint(b, n, 10)
	return append(b, unit...)
}

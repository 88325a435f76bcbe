// Package picture makes the graph of processes into a picture: what of it to
// show, how it is grouped, and how it is written.
package picture

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"example.com/tcpgraph/dot"
	"example.com/tcpgraph/examples/internal/cli"
	"example.com/tcpgraph/flowgraph"
)

// Options says what to show. The zero value shows every process and peer.
type Options struct {
	By         string // process, command or host
	NoExternal bool
	Hide       []string // commands
}

// Register adds flags to a command's.
func (o *Options) Register(fs *flag.FlagSet) {
	fs.StringVar(&o.By, "by", "process", "what a node is: `KIND` is process, command (all processes of a name) or host")
	fs.BoolVar(&o.NoExternal, "no-external", false, "leave out peers that no known process owns")
	fs.Func("hide", "leave out processes with the command `NAME`; can be repeated", func(s string) error {
		o.Hide = append(o.Hide, s)
		return nil
	})
}

// Check returns an error if the flags contradict themselves.
func (o *Options) Check() error {
	if _, ok := groups[o.By]; !ok {
		return cli.Usagef("-by %q: not process, command or host", o.By)
	}
	return nil
}

var groups = map[string]func(*flowgraph.Node) string{
	"":        nil,
	"process": nil,
	"command": flowgraph.ByCommand,
	"host":    flowgraph.ByHost,
}

// View returns the part of the graph that is shown.
func (o *Options) View(g *flowgraph.Graph) *flowgraph.View {
	return g.View(&flowgraph.ViewOptions{
		KeepNode: func(n *flowgraph.Node) bool {
			if n.External() {
				return !o.NoExternal
			}
			return !slices.Contains(o.Hide, n.Process().Command)
		},
		Group:        groups[o.By],
		HideIsolated: true,
	})
}

// Write writes a view in the DOT language.
func Write(w io.Writer, v *flowgraph.View) error {
	const font = "Helvetica,Arial,sans-serif"
	err := dot.Encode(w, v, &dot.Options{
		Name:  "connections",
		Graph: []dot.Attribute{dot.Text("rankdir", "LR"), dot.Text("fontname", font), dot.Text("bgcolor", "transparent")},
		Node:  []dot.Attribute{dot.Text("fontname", font)},
		Edge:  []dot.Attribute{dot.Text("fontname", font), dot.Text("fontsize", "10")},
	})
	if err != nil {
		return fmt.Errorf("write the graph: %w", err)
	}
	return nil
}

// Plural returns a number with its noun.
func Plural(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "s") {
		return fmt.Sprintf("%d %ses", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

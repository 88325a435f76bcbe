// Package picture makes the graph of processes into something to look at: it
// chooses what to show, folds what is alike, and writes the result as a drawing
// or as data.
package picture

import (
	"flag"
	"fmt"
	"iter"
	"slices"
	"strings"

	"example.com/tcpgraph/examples/internal/cli"
	"example.com/tcpgraph/flowgraph"
)

// Options says what to show, and in which form. The zero value draws every
// process and peer, folds nothing, and writes DOT.
type Options struct {
	// By says what a node is: process, command, container, namespace or host.
	// Empty is process; auto is process in a drawing of up to about 60 nodes,
	// and command in a larger one.
	By string
	// Fold folds processes that are alike, in a drawing by process.
	Fold bool
	// NoExternal leaves out peers that no known process owns.
	NoExternal bool
	// Hide is the commands that are left out.
	Hide []string
	// Format is one of Formats. Empty is dot.
	Format string
}

// Formats are the forms that a picture can be written in: drawings, then data.
var Formats = []string{"dot", "svg", "png", "pdf", "mermaid", "json", "gexf"}

// Register adds flags to a command's.
func (o *Options) Register(fs *flag.FlagSet) {
	fs.StringVar(&o.By, "by", "auto", "what a node is: `KIND` is process, command (all processes of a name), container, namespace (of the network), or host; auto is process in a drawing of up to 60 nodes, and command in a larger one")
	fs.BoolVar(&o.Fold, "fold", true, "draw processes with the same command and the same peers as one node, such as nginx ×8")
	fs.BoolVar(&o.NoExternal, "no-external", false, "leave out peers that no known process owns")
	fs.Func("hide", "leave out processes with the command `NAME`; can be repeated", func(s string) error {
		o.Hide = append(o.Hide, s)
		return nil
	})
	fs.StringVar(&o.Format, "T", "dot", "write the graph as `FORMAT`: "+strings.Join(Formats, ", ")+"; json and gexf are data, in which nothing is folded")
}

// Check returns an error if the flags contradict themselves.
func (o *Options) Check() error {
	if _, ok := groups[o.By]; !ok && o.By != "auto" {
		return cli.Usagef("-by %q: not auto, process, command, container, namespace or host", o.By)
	}
	if o.Format != "" && !slices.Contains(Formats, o.Format) {
		return cli.Usagef("-T %q: not one of %s", o.Format, strings.Join(Formats, ", "))
	}
	return nil
}

// data reports whether the format is for programs rather than for people.
func (o *Options) data() bool { return o.Format == "json" || o.Format == "gexf" }

// tellsFailed reports whether the format tells of attempts to connect between
// nodes that have no connection.
func (o *Options) tellsFailed() bool { return o.Format == "json" }

// groups are the kinds of nodes that -by names.
var groups = map[string]func(*flowgraph.Node) string{
	"":          nil,
	"process":   nil,
	"command":   flowgraph.ByCommand,
	"container": flowgraph.ByContainer,
	"namespace": byNamespace,
	"host":      flowgraph.ByHost,
}

// byNamespace folds together the processes of a network namespace. Nodes whose
// namespace is not known stay as they are.
func byNamespace(n *flowgraph.Node) string {
	p := n.Process()
	if p.NetNS == 0 {
		return ""
	}
	key := fmt.Sprintf("network namespace %d", p.NetNS)
	if p.Host != "" {
		key = p.Host + ", " + key
	}
	return key
}

// A Picture is the part of a graph that is shown.
type Picture struct {
	// View has the nodes and edges.
	View *flowgraph.View
	// Notes say what was folded or is not shown, a sentence each.
	Notes []string

	format   string
	clusters func(*flowgraph.Node) []string
}

// maxNodes is how many nodes a drawing may have before -by auto groups them by
// command.
const maxNodes = 60

// Picture returns what is shown of a graph.
func (o *Options) Picture(g *flowgraph.Graph) *Picture {
	all := g.View(&flowgraph.ViewOptions{
		KeepNode: func(n *flowgraph.Node) bool {
			if n.External() {
				return !o.NoExternal
			}
			return !slices.Contains(o.Hide, n.Process().Command)
		},
		HideIsolated: !o.tellsFailed(),
	})
	if o.tellsFailed() {
		all = all.View(&flowgraph.ViewOptions{KeepNode: busy(all)})
	}
	p := &Picture{View: all, format: o.Format}
	group, ok := groups[o.By]
	switch {
	case o.data():
		if group != nil {
			p.View = all.View(&flowgraph.ViewOptions{Group: group})
		}
	case group != nil:
		p.View = draw(all, keyed(group))
	default:
		fold := unfolded
		if o.Fold {
			fold = alike(all)
		}
		p.View = draw(all, fold)
		if n := p.View.Nodes().Len(); !ok && n > maxNodes {
			p.View = draw(all, keyed(flowgraph.ByCommand))
			p.note("%s are too many to draw one by one, and are grouped by command (-by process draws them)", Plural(uint64(n), "node"))
		}
	}
	if !o.tellsFailed() {
		p.noteFailed()
	}
	p.clusters = clusters(p.View)
	return p
}

// busy returns a function that says which nodes connections or failed attempts
// belong to.
func busy(v *flowgraph.View) func(*flowgraph.Node) bool {
	ids := make(map[int64]bool)
	for _, edges := range []iter.Seq[flowgraph.Edge]{v.AllEdges(), v.Failed()} {
		for e := range edges {
			ids[e.Client.ID()], ids[e.Server.ID()] = true, true
		}
	}
	return func(n *flowgraph.Node) bool { return ids[n.ID()] }
}

func (p *Picture) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

// noteFailed says how many attempts to connect are shown nowhere.
func (p *Picture) noteFailed() {
	var failed uint64
	for e := range p.View.Failed() {
		failed += e.Failed
	}
	if failed > 0 {
		p.note("not shown: %s to connect, where none succeeded", Plural(failed, "failed attempt"))
	}
}

// Plural returns a number with its noun.
func Plural(n uint64, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "s"):
		return fmt.Sprintf("%d %ses", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

package picture

import "example.com/tcpgraph/dot"

// layout is how Graphviz is to place a picture, and what must be left out so
// that it ends in time.
type layout struct {
	attrs  []dot.Attribute
	labels bool   // of edges
	behind bool   // lines pass behind nodes
	note   string // what is left out
}

// The sizes up to which Graphviz draws with everything, and without labels of
// edges and with straight lines but still in ranks. Beyond, its dot takes
// minutes, and sfdp, which places nodes by springs, seconds.
const (
	maxLabelled      = 200 // edges
	maxRanked        = 400 // nodes
	maxRankedEdges   = 1000
	withoutLabels    = "too many connections to label: tooltips have their ports and counts"
	withoutDirection = "too large to draw from left to right, and to label connections: tooltips have their ports and counts"
	tooDense         = "too many connections to draw from left to right, and to label: tooltips have their ports and counts"
)

// dense is how many edges for each of a few nodes make a drawing in ranks a large heap of
// lines: 500 edges between 34 nodes are 10,000 pixels wide, and 6 s of work.
// Where almost all are connected to all there are no ranks anyway.
const (
	dense    = 6
	maxDense = 100 // nodes
)

func layoutFor(nodes, edges int) layout {
	switch {
	case nodes <= maxRanked && edges <= maxLabelled:
		return layout{labels: true, attrs: []dot.Attribute{
			dot.Text("nodesep", "0.3"),
			dot.Text("ranksep", "0.6"),
		}}
	case nodes <= maxDense && edges > dense*nodes:
		return layout{behind: true, note: tooDense, attrs: []dot.Attribute{
			dot.Text("layout", "neato"),
			dot.Text("overlap", "prism"),
			dot.Text("splines", "line"),
			dot.Text("outputorder", "edgesfirst"),
		}}
	case nodes <= maxRanked && edges <= maxRankedEdges:
		return layout{behind: true, note: withoutLabels, attrs: []dot.Attribute{
			dot.Text("nodesep", "0.2"),
			dot.Text("ranksep", "1.5"),
			dot.Text("splines", "line"),
			dot.Text("outputorder", "edgesfirst"),
			dot.Text("nslimit", "1"),
			dot.Text("nslimit1", "1"),
			dot.Text("mclimit", "0.1"),
		}}
	}
	return layout{behind: true, note: withoutDirection, attrs: []dot.Attribute{
		dot.Text("layout", "sfdp"),
		dot.Text("overlap", "prism"),
		dot.Text("splines", "line"),
		dot.Text("outputorder", "edgesfirst"),
	}}
}

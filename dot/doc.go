// Package dot writes any gonum graph in the DOT language of Graphviz.
//
// [Encode] streams: it keeps the nodes in memory and never the edges, but for those
// of a few pieces, if it is given them in pieces ([Options.EdgeChunks]). The same
// graph gives the same bytes: nodes are written in the order of their IDs,
// edges in the order of the IDs of their ends (parallel lines of a
// [graph.Multigraph] in the order of theirs), clusters in the order of their
// paths.
//
// # Which graphs
//
// A [graph.Undirected] or [graph.UndirectedMultigraph] is written as "graph",
// each edge once. Every other graph is written as "digraph", since From has a
// direction; a graph that is neither [graph.Undirected] nor [graph.Directed]
// and that lists an edge from both ends so gets an arc each way, and nothing is
// lost. A [graph.Multigraph] has each of its lines written. Self loops,
// isolated nodes and negative IDs are ordinary.
//
// # Which methods are honoured
//
// The conventions are those of gonum's own encoder:
//
//   - DOTID() string names a graph or a node. A node without one, or with an
//     empty one, is named by its ID in decimal. Two nodes of one name are an
//     error, because DOT would merge them.
//   - [encoding.Attributer] gives the attributes of a node, an edge or a line.
//   - DOTAttributers() (graph, node, edge encoding.Attributer) gives the
//     attributes of the graph and the defaults of its nodes and edges.
//   - FromPort and ToPort (port, compass string) give the ports of an edge. A
//     compass that is not one of the points that DOT has is an error.
//   - A node with a Subgraph method stands for a whole subgraph in gonum's
//     encoder. Here it is an error that matches [errors.ErrUnsupported], and
//     the Structure method of a graph is not called: [Options.Cluster] groups
//     nodes.
//
// Unlike in gonum's encoder, a name or a value that looks like a quoted string
// or like <HTML> is text like any other.
//
// # Text
//
// Names and attributes that come from those methods are text, whatever is in
// them: they are shown as they are, and can neither end a string, begin an HTML
// label, use the escapes of Graphviz (\N, \G, \l) or its entities (&lt;), nor
// split a record. In the file,
//
//   - a quote is written \" and a backslash \\
//   - a newline is written \n, which breaks the line of a label
//   - an ampersand is written &amp; so that SVG and labels agree on it
//   - { } | < > and spaces in the label of a node of shape record or Mrecord
//     have a backslash before them
//   - what XML or a reader of DOT cannot hold, or what would hide or reorder
//     its neighbours, is made visible: a control character other than
//     newline, a bidirectional control, U+2028, U+2029, U+FFFD, U+FFFE and
//     U+FFFF as <U+202E>, a byte that is not UTF-8 as <0xFF>. Text that
//     already reads like that, <U+ or <0x, has its first character written
//     <U+003C>, so that texts that differ stay different.
//
// Graphviz 2 copies URLs (URL, href, their edge, head, tail and label variants,
// stylesheet) and font names into SVG unescaped. So what no URL may hold is
// percent-encoded in the former, and quotes and angle brackets are written as
// entities in the latter. The scheme of a URL is not looked at: a javascript:
// URL stays one.
//
// [EscString] and [HTML] attributes, which only the functions of [Options] can
// give, opt out of this one by one; [Escape], [EscapeRecord] and [EscapeHTML]
// put text into them.
//
// Graphviz reads \\ as one backslash in labels, tooltips, URLs, targets and
// ids; in its other attributes, class and image for example, it keeps two.
// EscString gives such an attribute a single one.
package dot

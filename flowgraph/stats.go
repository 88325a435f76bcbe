package flowgraph

// Stats counts what went into a graph and what came of it.
type Stats struct {
	// Events is how many events were added. Invalid of them had no valid
	// addresses or an unknown kind, and Duplicates told of an Open or a Close
	// that was known already.
	Events, Invalid, Duplicates uint64
	// Connections is Paired, of which both halves were seen, plus OneSided.
	Connections, Paired, OneSided uint64
	// Open is how many connections were not seen to close.
	Open uint64
	// Failed is how many attempts to connect failed.
	Failed uint64
	// Ambiguous is how many connections are one-sided because there was more
	// than one candidate for the other half, in several namespaces.
	Ambiguous uint64
	// AmbiguousServices is how many service endpoints that one-sided
	// connections or failed attempts went to are external nodes because more
	// than one process was seen to accept there.
	AmbiguousServices uint64
	// Forgotten is how many connections were forgotten while more could have
	// been heard of them, as too many had ended (see [Options.Reorder]) or
	// too many had the same endpoints. If more is heard of one, it counts as
	// another connection.
	Forgotten uint64
	// Remembered is how many halves of connections are in memory.
	Remembered uint64
	// Nodes and Edges are the size of the graph, and Processes and Externals
	// are the two kinds of nodes.
	Nodes, Edges, Processes, Externals uint64
}

// tally adds connections or failed attempts.
func (s *Stats) tally(f *flow) {
	s.Failed += f.fail
	s.Connections += f.conns
	if !f.closed {
		s.Open += f.conns
	}
	if f.paired {
		s.Paired += f.conns
	} else {
		s.OneSided += f.conns
	}
	if f.ambiguous {
		s.Ambiguous += f.conns
	}
}

// Stats returns the counts of the whole graph as they were when the view of it was
// taken. Nodes, Edges, Processes and Externals, its size, are 0: the view has one of
// its own.
func (v *View) Stats() Stats { return v.stats }

// Stats returns the counts as of now. It takes as long as [Graph.View], whose
// result tells most of them, too.
func (g *Graph) Stats() Stats {
	v := g.read()
	s := v.stats
	s.Nodes, s.Edges = uint64(len(v.nodes)), uint64(len(v.to))
	for _, n := range v.nodes {
		if n.proc != nil {
			s.Processes++
		} else {
			s.Externals++
		}
	}
	return s
}

package cli

import (
	"fmt"

	"example.com/tcpgraph/flowgraph"
)

// Doubts says in words what a graph could not tell, a sentence each: what that
// means and what can be done.
func Doubts(s flowgraph.Stats) []string {
	var said []string
	say := func(n uint64, one, many, rest string) {
		if n == 1 {
			many = one
		}
		if n > 0 {
			said = append(said, fmt.Sprintf("%d %s %s", n, many, rest))
		}
	}
	say(s.Ambiguous, "connection is", "connections are",
		"shown by one end alone, as the other could be in several network namespaces that use the same addresses; lines of several hosts need a HOST each")
	say(s.AmbiguousServices, "service is", "services are",
		"shown as an address to some connections or failed attempts, as several processes accept there and which of them it was has not been seen; trace the server from before they connect")
	return said
}

// Forgotten says that connections were forgotten which may count twice, "" if
// none were. It is of use where lines were not in the order of time.
func Forgotten(s flowgraph.Stats) string {
	forgotten := "1 ended connection was forgotten before its other half came, and counts"
	switch n := s.Forgotten; {
	case n == 0:
		return ""
	case n > 1:
		forgotten = fmt.Sprintf("%d ended connections were forgotten before their other half came, and count", n)
	}
	return forgotten + " twice if it did: sort the lines by TIME if they come from several files"
}

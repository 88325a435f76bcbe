package truth

import (
	"fmt"
	"net/netip"

	"example.com/tcpgraph/traceformat"
)

// aspect is a part of an event that can be right or wrong by itself.
type aspect int

// The aspects of an event, each together with its endpoints.
const (
	inEndpoints aspect = iota // network namespace, local and remote endpoint
	inKind                    // open, close or fail, and the errno
	inDirection               // who connected
	inOwner                   // the process
	inProgram                 // its command, executable, arguments, user
	inBytes                   // sent and received
	aspects
)

// String returns the aspect's name.
func (a aspect) String() string {
	return [...]string{"endpoints", "kind", "direction", "owner", "program", "bytes"}[a]
}

// Count compares two multisets.
type Count struct {
	Want, Got int // how many there are in each
	Both      int // how many are in both
}

// Precision is the part of what was reported that is true; 1 if nothing was.
func (c Count) Precision() float64 { return part(c.Both, c.Got) }

// Recall is the part of the truth that was reported; 1 if there is none.
func (c Count) Recall() float64 { return part(c.Both, c.Want) }

func part(n, of int) float64 {
	if of == 0 {
		return 1
	}
	return float64(n) / float64(of)
}

// String returns "100 %" for a perfect count, and otherwise both figures.
func (c Count) String() string {
	if c.Both == c.Want && c.Both == c.Got {
		return "100 %"
	}
	return fmt.Sprintf("P %.2f R %.2f %%", 100*c.Precision(), 100*c.Recall())
}

// Score counts for each aspect of an event how many events have it right: its
// endpoints, its kind, its direction, the owner, the owner's program, the bytes.
type Score [aspects]Count

// Add adds up scores.
func (s *Score) Add(t Score) {
	for i, c := range t {
		s[i].Want += c.Want
		s[i].Got += c.Got
		s[i].Both += c.Both
	}
}

// Events returns how many events there truly were.
func (s Score) Events() int { return s[inEndpoints].Want }

// Perfect reports whether nothing is missing, wrong or too much.
func (s Score) Perfect() bool {
	for _, c := range s {
		if c.Both != c.Want || c.Both != c.Got {
			return false
		}
	}
	return true
}

// ends names one end of a connection.
type ends struct {
	netns         uint32
	local, remote netip.AddrPort
}

// project keeps of an event what an aspect is about.
func project(a aspect, e *traceformat.Event) any {
	at := ends{e.Process.NetNS, e.Local, e.Remote}
	switch a {
	case inKind:
		type kind struct {
			at    ends
			kind  traceformat.Kind
			errno traceformat.Errno
		}
		return kind{at, e.Kind, e.Errno}
	case inDirection:
		type direction struct {
			at        ends
			kind      traceformat.Kind
			direction traceformat.Direction
		}
		return direction{at, e.Kind, e.Direction}
	case inOwner:
		type owner struct {
			at   ends
			kind traceformat.Kind
			pid  uint32
		}
		return owner{at, e.Kind, e.Process.PID}
	case inProgram:
		type program struct {
			at                    ends
			kind                  traceformat.Kind
			uid                   traceformat.UID
			command, exe, cmdline string
		}
		p := &e.Process
		return program{at, e.Kind, p.UID, p.Command, p.Exe, p.Cmdline}
	case inBytes:
		type bytes struct {
			at             ends
			kind           traceformat.Kind
			sent, received uint64
		}
		return bytes{at, e.Kind, e.BytesSent, e.BytesReceived}
	default:
		return at
	}
}

// Compare sets what was reported against the truth, in any order. An event
// counts as right in an aspect if the truth has one at the same endpoints that
// is equal in it; each is matched once.
func Compare(want, got []traceformat.Event) Score {
	var s Score
	for a := range aspects {
		left := make(map[any]int)
		for i := range want {
			left[project(a, &want[i])]++
		}
		c := &s[a]
		c.Want, c.Got = len(want), len(got)
		for i := range got {
			if p := project(a, &got[i]); left[p] > 0 {
				left[p]--
				c.Both++
			}
		}
	}
	return s
}

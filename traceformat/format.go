package traceformat

// Format is a way to write an [Event] as a line. Formats are comparable. The
// zero value is the documented default: Unicode arrows, basic form. Every
// format is read by the same parser, in any mixture.
type Format struct {
	// ASCII writes "->", "<-" and "<->" for the arrows, by the legend of the
	// original bpftrace script: see the package comment.
	ASCII bool
	// Extended writes every field that is known. Without it a line holds the
	// endpoints, the direction, PID and Command, and says nothing else: read
	// back, it is an Open event.
	Extended bool
}

// String returns "unicode" or "ascii", followed by " basic" or " extended".
func (f Format) String() string {
	s := "unicode"
	if f.ASCII {
		s = "ascii"
	}
	if f.Extended {
		return s + " extended"
	}
	return s + " basic"
}

// The arrows as bytes of a line. In Unicode the arrow shows the direction as
// the local process sees it, after the remote endpoint: → it connected out, ←
// it was connected to. In ASCII the arrow points from client to server.
const (
	unicodeOutgoing = "→"
	unicodeIncoming = "←"
	unicodeUnknown  = "↔"
	asciiOutgoing   = "<-"
	asciiIncoming   = "->"
	asciiUnknown    = "<->"
)

// arrow returns the arrow of d. A Direction that does not exist gets a text
// that no parser takes for an arrow.
func (f Format) arrow(d Direction) string {
	switch {
	case d == Outgoing && f.ASCII:
		return asciiOutgoing
	case d == Outgoing:
		return unicodeOutgoing
	case d == Incoming && f.ASCII:
		return asciiIncoming
	case d == Incoming:
		return unicodeIncoming
	case d == DirectionUnknown && f.ASCII:
		return asciiUnknown
	case d == DirectionUnknown:
		return unicodeUnknown
	}
	return "?"
}

// arrowAt returns the direction that the arrow at s[i:] stands for and the
// arrow's length, which is zero if there is none.
func arrowAt[T text](s T, i int) (d Direction, n int) {
	if len(s)-i < 2 {
		return 0, 0
	}
	switch s[i] {
	case '<':
		if s[i+1] == '-' {
			if len(s)-i > 2 && s[i+2] == '>' {
				return DirectionUnknown, len(asciiUnknown)
			}
			return Outgoing, len(asciiOutgoing)
		}
	case '-':
		if s[i+1] == '>' {
			return Incoming, len(asciiIncoming)
		}
	case unicodeOutgoing[0]:
		// The three arrows differ in the last of their three bytes.
		if len(s)-i > 2 && s[i+1] == unicodeOutgoing[1] {
			switch s[i+2] {
			case unicodeOutgoing[2]:
				return Outgoing, len(unicodeOutgoing)
			case unicodeIncoming[2]:
				return Incoming, len(unicodeIncoming)
			case unicodeUnknown[2]:
				return DirectionUnknown, len(unicodeUnknown)
			}
		}
	}
	return 0, 0
}

// indexArrow returns the index of the first arrow in s, or -1.
func indexArrow[T text](s T) int {
	for i := range len(s) {
		if _, n := arrowAt(s, i); n > 0 {
			return i
		}
	}
	return -1
}

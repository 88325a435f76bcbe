package page

import (
	"math"
	"time"

	"example.com/tcpgraph/traceformat"
)

// axis is that of the slider: a range of time or of event numbers in steps of
// equal width. Over a trace it reaches from the first event to the last, and
// its steps become wider as needed; live, it is the last minutes.
type axis struct {
	trace   bool
	numbers bool  // positions are event numbers, else milliseconds
	begun   bool  // start is known
	start   int64 // position of step 0
	end     int64 // the greatest position
	width   int64 // of a step
	count   int64 // events of a trace
}

const (
	liveStep  = 2 * time.Second
	liveSteps = 150

	traceStep  = 50 // milliseconds to begin with
	traceSteps = 256
)

func newAxis(trace bool) axis {
	if trace {
		return axis{trace: true, width: traceStep}
	}
	return axis{width: liveStep.Milliseconds()}
}

func (a *axis) unit() string {
	if a.numbers {
		return "event"
	}
	return "time"
}

// position returns where on the axis an event is. The first one decides whether
// a trace is shown over time; in one that is, an event without time is at the
// time of the one before.
func (a *axis) position(e traceformat.Event) int64 {
	at := millis(e.Time)
	if !a.trace {
		return at
	}
	if a.count++; a.count == 1 && at == 0 {
		a.numbers, a.width = true, 1
	}
	if a.numbers {
		return a.count
	}
	return max(at, a.end)
}

// isNextStep reports whether a position of a trace is in a later step than
// those before.
func (a *axis) isNextStep(at int64) bool {
	return a.trace && (!a.begun || a.step(at) > a.step(a.end))
}

func (a *axis) step(at int64) int64 { return (at - a.start) / a.width }

// reach moves the end of the axis of a trace within a step.
func (a *axis) reach(at int64) {
	if a.trace {
		a.end = max(a.end, at)
	}
}

// advance moves the end of the axis, and makes its steps wider if there are too
// many.
func (a *axis) advance(at int64, t *table) {
	if !a.begun {
		a.begun, a.start, a.end = true, at, at
	}
	a.end = max(a.end, at)
	for a.step(a.end) >= traceSteps {
		a.width *= 2
		for _, e := range t.edges {
			e.halve()
		}
	}
}

// tick moves the end of a live axis to the time.
func (a *axis) tick(now time.Time) {
	if a.trace {
		return
	}
	if !a.begun {
		a.begun, a.start = true, now.UnixMilli()
	}
	a.end = max(a.end, now.UnixMilli())
}

// first returns the first step that is shown.
func (a *axis) first() int64 {
	if a.trace {
		return 0
	}
	return max(0, a.step(a.end)-liveSteps+1)
}

// sample is the counts of an edge at the end of a step.
type sample struct {
	step                      int64
	connections, open, failed uint32
}

// record notes the counts of an edge as of now.
func (e *edge) record(a *axis) {
	s := sample{a.step(a.end), clamp(e.edge.Connections), clamp(e.edge.Open), clamp(e.edge.Failed)}
	if n := len(e.history); n > 0 && e.history[n-1].step == s.step {
		e.history[n-1] = s
		return
	}
	e.trim(a.first())
	e.history = append(e.history, s)
}

// trim drops samples from before a step, but for the last of them.
func (e *edge) trim(first int64) {
	old := 0
	for old+1 < len(e.history) && e.history[old+1].step <= first {
		old++
	}
	e.history = append(e.history[:0], e.history[old:]...)
}

// halve makes every two steps one, which ends as the second did.
func (e *edge) halve() {
	kept := e.history[:0]
	for _, s := range e.history {
		s.step /= 2
		if n := len(kept); n > 0 && kept[n-1].step == s.step {
			kept[n-1] = s
			continue
		}
		kept = append(kept, s)
	}
	e.history = kept
}

func clamp(n uint64) uint32 { return uint32(min(n, math.MaxUint32)) }

// past is what the slider shows: for each edge its id, and the steps after which
// its counts changed, each with connections, open and failed. Step 0 is at
// Start.
type past struct {
	Unit  string     `json:"unit"`
	Start int64      `json:"start"`
	Width int64      `json:"width"`
	End   int64      `json:"end"`
	Edges []pastEdge `json:"edges"`
}

type pastEdge struct {
	ID      uint32  `json:"id"`
	Samples []int64 `json:"samples"`
}

func (p *Page) past() past {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := &p.axis
	first := a.first()
	v := past{Unit: a.unit(), Start: a.start + first*a.width, Width: a.width, End: a.end, Edges: []pastEdge{}}
	for _, e := range p.table.sortedEdges() {
		e.trim(first)
		w := pastEdge{e.id, make([]int64, 0, 4*len(e.history))}
		for _, s := range e.history {
			w.Samples = append(w.Samples, max(0, s.step-first), int64(s.connections), int64(s.open), int64(s.failed))
		}
		v.Edges = append(v.Edges, w)
	}
	return v
}

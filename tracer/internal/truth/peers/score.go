//go:build linux

package main

import (
	"net/netip"
	"slices"

	"example.com/tcpgraph/traceformat"
)

// count is how many there truly are of something, and how many the tool told.
type count struct{ Want, Got int }

// score is what a tool made of a scenario.
type score struct {
	// Connects and Accepts are ends that were printed with all that the tool
	// tells of endpoints right. Those that were open before are in Before.
	Connects, Accepts, Before count
	// WrongOwner are among them: the process is not the one that has the end.
	WrongOwner int
	// WrongEndpoint are lines with an address or a port that no end has.
	WrongEndpoint int
	// Twice are lines about an end that had one already.
	Twice int
	// Shown are refused connects that were printed as if connections, and
	// Refused those that were said to have failed.
	Shown, Refused count
	// Bytes are the ends, of those that were told, whose bytes are right.
	Bytes count
}

func (s *score) add(t *score) {
	for _, p := range []struct{ to, from *count }{
		{&s.Connects, &t.Connects},
		{&s.Accepts, &t.Accepts},
		{&s.Before, &t.Before},
		{&s.Shown, &t.Shown},
		{&s.Refused, &t.Refused},
		{&s.Bytes, &t.Bytes},
	} {
		p.to.Want += p.from.Want
		p.to.Got += p.from.Got
	}
	s.WrongOwner += t.WrongOwner
	s.WrongEndpoint += t.WrongEndpoint
	s.Twice += t.Twice
}

// claims is what a tool means to tell. It is held to no more than that.
type claims struct {
	Connects, Accepts bool
	Attempts          bool // a connect that fails is meant to be a line
	Before            bool // what is open already
	Failures          bool // says which connects failed
	Direction         bool
	LocalPort         bool
	Owner             bool // the process is meant to be the owner
	Bytes             bool
}

// key is what a tool tells of an end's place.
type key struct {
	direction     traceformat.Direction
	local, remote netip.AddrPort
}

func (c *claims) key(d traceformat.Direction, local, remote netip.AddrPort) key {
	if !c.Direction {
		d = traceformat.DirectionUnknown
	}
	if !c.LocalPort {
		local = netip.AddrPortFrom(local.Addr(), 0)
	}
	return key{d, local, remote}
}

// slot is an end to be told of.
type slot struct {
	*end
	score       *score
	seen, ended bool
}

// judge sets what a tool printed against the truth: the ends of each scenario,
// in the order of the workload. A line about no scenario counts in the last
// score, which is an extra one.
func judge(c claims, truth [][]end, records []record) []score {
	scores := make([]score, len(truth)+1)
	j := judgement{
		claims:  c,
		slots:   make(map[key][]*slot),
		refused: make(map[netip.AddrPort][]*slot),
		owners:  make(map[uint32]*score),
		other:   &scores[len(truth)],
	}
	for i, ends := range truth {
		for k := range ends {
			j.expect(&ends[k], &scores[i], workload[i].before)
		}
	}
	for i := range records {
		j.hear(&records[i])
	}
	return scores
}

type judgement struct {
	claims
	slots   map[key][]*slot
	refused map[netip.AddrPort][]*slot // by the remote endpoint
	owners  map[uint32]*score
	other   *score
}

func (j *judgement) expect(e *end, s *score, before bool) {
	t := &slot{end: e, score: s}
	j.owners[e.PID] = s
	if e.Refused {
		j.refused[e.Remote] = append(j.refused[e.Remote], t)
		s.Shown.Want++
		s.Refused.Want++
		return
	}
	k := j.key(e.Direction, e.Local, e.Remote)
	j.slots[k] = append(j.slots[k], t)
	t.counter(before).Want++
}

// counter is the count in which the end is.
func (t *slot) counter(before bool) *count {
	switch {
	case before:
		return &t.score.Before
	case t.Direction == traceformat.Outgoing:
		return &t.score.Connects
	default:
		return &t.score.Accepts
	}
}

func (j *judgement) hear(r *record) {
	slots := j.slots[j.key(r.direction, r.local, r.remote)]
	switch {
	case r.kind == failed:
		if t := next(j.refused[r.remote], r.pid, func(t *slot) bool { return !t.ended }); t != nil {
			t.ended = true
			t.score.Refused.Got++
		}
		return
	case r.kind == closed:
		j.bytes(slots, r)
		return
	case len(slots) == 0 && len(j.refused[r.remote]) > 0:
		if t := next(j.refused[r.remote], r.pid, func(t *slot) bool { return !t.seen }); t != nil {
			t.seen = true
			t.score.Shown.Got++
		}
		return
	case len(slots) == 0:
		j.of(r).WrongEndpoint++
		return
	}
	t := next(slots, r.pid, func(t *slot) bool { return !t.seen })
	if t == nil {
		slots[0].score.Twice++
		return
	}
	t.seen = true
	t.counter(t.score.Before.Want > 0).Got++
	if j.Owner && t.PID != r.pid {
		t.score.WrongOwner++
	}
	if r.kind == session {
		j.bytes([]*slot{t}, r)
	}
}

func (j *judgement) bytes(slots []*slot, r *record) {
	t := next(slots, r.pid, func(t *slot) bool { return !t.ended })
	if t == nil || !j.Bytes {
		return
	}
	t.ended = true
	t.score.Bytes.Want++
	if r.sent.has(t.Sent) && r.received.has(t.Received) {
		t.score.Bytes.Got++
	}
}

// of returns the score of the scenario that a line with wrong endpoints is
// from, by its process.
func (j *judgement) of(r *record) *score {
	if s := j.owners[r.pid]; s != nil {
		return s
	}
	return j.other
}

// next returns a slot that will do, rather one of that process; nil if none.
func next(slots []*slot, pid uint32, ok func(*slot) bool) *slot {
	i := slices.IndexFunc(slots, func(t *slot) bool { return t.PID == pid && ok(t) })
	if i < 0 {
		i = slices.IndexFunc(slots, ok)
	}
	if i < 0 {
		return nil
	}
	return slots[i]
}

package flowgraph

import "example.com/tcpgraph/traceformat"

// recent is what nearly every event needs of its process, in one cache line.
type recent struct {
	proc    *process // nil in a free place
	command string   // the event's, if the process has no start time
	pid     uint32
	host    uint32
	node    uint32
	addr    uint32     // the local address of its last event; 0 is none
	serves  serviceKey // the last endpoint at which it was seen to accept,
	sure    bool       // and whether in person
	started bool       // it has a start time

	_ [8]byte // so that none is in two lines
}

// recents remembers processes by the low bits of their PID, the latest of
// those that have them in common. PIDs lie close together, so that the event's
// process mostly is there.
type recents []recent

// touch brings the places of the sights' processes into the processor's cache.
// What it returns must be used, so that the compiler does not leave it out.
func (t recents) touch(sights []sight) (sum uint32) {
	if len(t) == 0 {
		return 0
	}
	for i := range sights {
		sum += t[sights[i].pid&uint32(len(t)-1)].pid
	}
	return sum
}

// at returns the place of a process, and nil if the last one there was another.
func (t recents) at(pid, host uint32) *recent {
	if len(t) == 0 {
		return nil
	}
	r := &t[pid&uint32(len(t)-1)]
	if r.pid != pid || r.host != host || r.proc == nil {
		return nil
	}
	return r
}

// named returns the place of a process without a start time, nil if it is not
// there.
func (t recents) named(pid uint32, command string, host uint32) *recent {
	if r := t.at(pid, host); r != nil && !r.started && r.command == command {
		return r
	}
	return nil
}

// find returns the place of the event's process, and nil if it is not there.
func (t recents) find(p *traceformat.Process, host uint32) *recent {
	if p.StartTime.IsZero() {
		return t.named(p.PID, p.Command, host)
	}
	if r := t.at(p.PID, host); r != nil && r.started && r.proc.StartTime == p.StartTime {
		return r
	}
	return nil
}

// recall puts process q into its place. There are at least as many places as
// processes.
func (g *Graph) recall(q *process) *recent {
	if len(g.procs) > len(g.recents) {
		g.recents = make([]recent, max(64, 2*len(g.recents)))
	}
	r := &g.recents[q.pid&uint32(len(g.recents)-1)]
	*r = recent{
		proc: q, command: q.identity.command, pid: q.pid, host: q.host, node: q.node, started: !q.StartTime.IsZero(),
	}
	return r
}

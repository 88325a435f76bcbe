package flowgraph

import (
	"cmp"
	"slices"
	"strings"

	"example.com/tcpgraph/traceformat"
)

// maxAddrs is how many addresses a node lists.
const maxAddrs = 64

// process is what is known of a process.
type process struct {
	identity
	node uint32

	traceformat.Process
	// A process that changes its name or its group has several values of a
	// field in its events. The latest is kept, by the times below: those
	// of each field, and that of the last event that had all as they are.
	times [fields]int64
	as    int64

	addrs     []uint32 // local addresses, unordered
	moreAddrs bool
}

const fields = 8

// identity is what tells processes apart: host, PID and start time, or the
// name where no start time is known.
type identity struct {
	command   string
	startSec  int64
	startNsec int32
	pid       uint32
	host      uint32
	hash      uint32
}

// identify returns the identity of p, and whether it has one.
func (g *Graph) identify(p *traceformat.Process, host uint32) (id identity, known bool) {
	id.pid, id.host = p.PID, host
	k := uint64(p.PID)<<32 | uint64(host)
	switch {
	case !p.StartTime.IsZero():
		id.startSec, id.startNsec = p.StartTime.Unix(), int32(p.StartTime.Nanosecond())
		id.hash = g.hash.words(k, uint64(id.startSec)*1_000_000_007+uint64(id.startNsec))
	case p.PID == 0 && p.Command == "":
		return id, false
	default:
		id.command = p.Command
		id.hash = g.hash.words(k, g.hash.text(p.Command))
	}
	return id, true
}

// lookup returns a process, nil if it is not known.
func (g *Graph) lookup(id *identity) *process {
	for n, pos, ok := g.procIndex.seek(id.hash, id.hash); ok; n, pos, ok = g.procIndex.seek(id.hash, pos) {
		if q := g.procs[n]; q.identity == *id {
			return q
		}
	}
	return nil
}

// process returns the event's process, nil if it names none.
func (g *Graph) process(p *traceformat.Process, scope uint32, t int64) *recent {
	host := g.scopes.keys[scope].hostNumber
	r := g.recents.find(p, host)
	if r == nil {
		id, known := g.identify(p, host)
		if !known {
			return nil
		}
		q := g.lookup(&id)
		if q == nil {
			return g.recall(g.newProcess(&id, p, t))
		}
		r = g.recall(q)
	}
	if r.started || !nameOnly(p) {
		g.learn(r.proc, p, t)
	}
	return r
}

// newProcess makes a process of what the event at time t says.
func (g *Graph) newProcess(id *identity, p *traceformat.Process, t int64) *process {
	q := &process{identity: *id, Process: *p, as: t}
	for _, s := range []*string{&q.identity.command, &q.Command, &q.Host, &q.Container, &q.Unit, &q.Exe, &q.Cmdline} {
		*s = g.text(*s)
	}
	q.node = g.newNode(processID(q))
	n := g.nodes.at(q.node)
	n.proc, n.live = &q.Process, q
	g.procIndex.insert(id.hash, uint32(len(g.procs)))
	g.procs = append(g.procs, q)
	return q
}

// nameOnly reports whether nothing is known of p but its PID, name and host.
func nameOnly(p *traceformat.Process) bool {
	return p.UID == traceformat.UID{} && p.NetNS == 0 && p.CgroupID == 0 && p.Container == "" && p.Unit == "" &&
		p.Exe == "" && p.Cmdline == ""
}

// text returns a copy of s, the same for equal texts: s itself may be a piece
// of a long line.
func (g *Graph) text(s string) string {
	if s == "" {
		return ""
	}
	c, ok := g.texts[s]
	if !ok {
		c = strings.Clone(s)
		g.texts[c] = c
	}
	return c
}

// learn takes over what an event at time t says of the process.
func (g *Graph) learn(q *process, p *traceformat.Process, t int64) {
	if q.Process == *p {
		q.as = max(q.as, t)
		return
	}
	l := learner{g: g, q: q, t: t}
	learn(&l, &q.Command, p.Command)
	learn(&l, &q.Exe, p.Exe)
	learn(&l, &q.Cmdline, p.Cmdline)
	learn(&l, &q.CgroupID, p.CgroupID)
	learn(&l, &q.Container, p.Container)
	learn(&l, &q.Unit, p.Unit)
	learn(&l, &q.NetNS, p.NetNS)
	uid := uidNumber(q.UID)
	learn(&l, &uid, uidNumber(p.UID))
	if uid != 0 {
		q.UID = traceformat.NewUID(uint32(uid - 1))
	}
	q.as = 0
}

// uidNumber returns one more than the user id, and 0 where it is unknown.
func uidNumber(u traceformat.UID) uint64 {
	id, known := u.Get()
	if !known {
		return 0
	}
	return uint64(id) + 1
}

// learner walks over the fields of a process.
type learner struct {
	g     *Graph
	q     *process
	t     int64
	field int
}

// learn takes over the value of one field if it is known and the latest, or
// the greater of two at the same time: any order of events gives the same.
func learn[T cmp.Ordered](l *learner, has *T, v T) {
	var zero T
	at := &l.q.times[l.field]
	l.field++
	if *has != zero {
		*at = max(*at, l.q.as)
	}
	if v == zero || *has != zero && (l.t < *at || l.t == *at && v <= *has) {
		return
	}
	if s, ok := any(v).(string); ok && v != *has {
		v = any(l.g.text(s)).(T)
	}
	*has, *at = v, l.t
}

// sawAddr notes a local address of the process. Of more than maxAddrs the
// lowest are kept, whatever their order.
func (q *process) sawAddr(g *Graph, a uint32) {
	if slices.Contains(q.addrs, a) {
		return
	}
	if len(q.addrs) < maxAddrs {
		q.addrs = append(q.addrs, a)
		return
	}
	q.moreAddrs = true
	top := slices.MaxFunc(q.addrs, g.addrs.compare)
	if g.addrs.compare(a, top) < 0 {
		q.addrs[slices.Index(q.addrs, top)] = a
	}
}

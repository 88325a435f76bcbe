package page

import (
	"sync"
	"time"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
)

// Options say what a page shows and how much of it is kept. The zero value is
// ready for use.
type Options struct {
	// Title names what is shown, in the head of the page.
	Title string
	// Trace says that the events come from a trace that was made before: the
	// slider then reaches over the time of the events, or where they have no
	// times over their numbers. Else it reaches over the last five minutes.
	Trace bool
	// MaxNodes and MaxEdges are how many are sent to browsers. Of more, those
	// that are open or were active last are sent. Zero means 5,000 and 20,000.
	MaxNodes, MaxEdges int
	// Keep is how many events are kept for tables and for export: the latest.
	// Zero means 65,536, and for a trace eight times as many.
	Keep int
}

// Defaults of Options.
const (
	defaultMaxNodes = 5_000
	defaultMaxEdges = 20_000
	defaultKeep     = 1 << 16
)

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.MaxNodes <= 0 {
		d.MaxNodes = defaultMaxNodes
	}
	if d.MaxEdges <= 0 {
		d.MaxEdges = defaultMaxEdges
	}
	if d.Keep <= 0 {
		d.Keep = defaultKeep
		if d.Trace {
			d.Keep *= 8
		}
	}
	return d
}

// Status is what a page says about the trace beside the graph.
type Status struct {
	// Lost is how many events are missing, and Loss says why, in words.
	Lost uint64
	Loss string
	// Note is anything else that a person should know, in words.
	Note string
	// Done says that no more events will come.
	Done bool
}

// Page is a graph and what browsers are told of it. Its methods, and those of
// the graph, must be called by one goroutine at a time; the [Server] that shows
// the page may run beside them.
type Page struct {
	opts  Options
	graph *flowgraph.Graph
	now   func() time.Time

	// The time that an update took, for an upper bound on the share of it.
	updated time.Time
	cost    time.Duration
	added   int // events, since the last refresh

	mu      sync.Mutex // of what follows, which requests read
	table   table
	axis    axis
	journal journal
	status  Status
	stats   flowgraph.Stats
	changed chan struct{} // closed when there is a new version
}

// New returns a page that shows a graph. Nil options mean the defaults.
func New(g *flowgraph.Graph, opts *Options) *Page {
	o := opts.withDefaults()
	return &Page{
		opts:    o,
		graph:   g,
		now:     time.Now,
		table:   newTable(&o),
		axis:    newAxis(o.Trace),
		journal: journal{limit: o.Keep},
		changed: make(chan struct{}),
	}
}

// Add adds an event to the graph and to what is kept for the page.
func (p *Page) Add(e traceformat.Event) {
	p.mu.Lock()
	at := p.axis.position(e)
	next := p.axis.isNextStep(at)
	p.mu.Unlock()
	if next {
		if p.isDue() {
			p.refresh() // what the graph was like at the end of the last step
		}
		p.mu.Lock()
		p.axis.advance(at, &p.table)
		p.mu.Unlock()
	}
	p.graph.Add(e)
	p.added++
	var owner int64
	if n := p.graph.Find(e.Process); n != nil {
		owner = n.ID()
	}
	p.mu.Lock()
	p.axis.reach(at)
	p.journal.add(entry{event: e, owner: owner, at: at})
	p.mu.Unlock()
}

// isDue reports whether enough events have come since the last refresh for the
// next one to be worth its while: as it takes time in proportion to the edges,
// the steps of the slider get coarser in a large graph.
func (p *Page) isDue() bool {
	const always = 64 // edges
	return 2*p.added+always >= len(p.table.edges)
}

// maxShare is the inverse of the share of its time that a program spends on
// updates of the page at most.
const maxShare = 8

// Update tells browsers what has changed since the last call. It takes time in
// proportion to the size of the graph, and so does nothing if the last update
// took long and was not long ago, unless Status.Done is set.
func (p *Page) Update(s Status) {
	start := p.now()
	if !s.Done && start.Sub(p.updated) < maxShare*p.cost {
		return
	}
	p.mu.Lock()
	p.axis.tick(start)
	same := p.status == s && p.added == 0
	p.status = s
	p.mu.Unlock()
	if same {
		return
	}
	p.refresh()
	p.updated = p.now()
	p.cost = p.updated.Sub(start)
}

// refresh brings the table up to date with the graph.
func (p *Page) refresh() {
	p.added = 0
	stats := p.graph.Stats()
	all, failed := p.graph.AllEdges(), p.graph.Failed()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.table.refresh(all, failed, &p.axis)
	p.stats = stats
	close(p.changed)
	p.changed = make(chan struct{})
}

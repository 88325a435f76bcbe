//go:build linux

package truth

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer/internal/clock"
)

// Case makes connections in a [Lab]. Run must call [Lab.Traced] once; what it
// does before that happens before the tracer starts. It must make its network
// namespaces before that, too.
type Case struct {
	Group, Name string
	Run         func(*Lab)
}

// Experiment runs many cases under one tracer.
type Experiment struct {
	labs   []*Lab
	slots  chan struct{} // how many cases may run at a time
	ready  sync.WaitGroup
	traced chan struct{}
	done   sync.WaitGroup
	boot   time.Time
	only   func(*traceformat.Event) bool

	mu    sync.Mutex
	blind bool // what is HookOnly will not come
	byNS  map[uint32]*Lab
	heard *sync.Cond // an event came
	over  bool       // no more will come
}

// patience is how long an event may take to come before it counts as missing:
// far longer than it needs, on any machine.
const patience = 30 * time.Second

// parallel is how many cases run at a time. Most of them mostly wait.
const parallel = 4

// Start starts the cases and returns when each has reached its [Lab.Traced].
// Events of which only, if it is not nil, returns false are not expected, and
// left out of [Lab.Ends].
func Start(t testing.TB, cases []Case, only func(*traceformat.Event) bool) *Experiment {
	t.Helper()
	netlab.Require(t)
	x := &Experiment{
		only:   only,
		slots:  make(chan struct{}, parallel),
		traced: make(chan struct{}),
		byNS:   make(map[uint32]*Lab),
	}
	x.heard = sync.NewCond(&x.mu)
	var err error
	if x.boot, err = clock.Boot(); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		l := &Lab{Case: c, x: x}
		l.TB = &caseTB{TB: t, lab: l}
		x.labs = append(x.labs, l)
		x.ready.Add(1)
		x.done.Add(1)
		go l.run()
	}
	x.ready.Wait()
	return x
}

// NetNS returns the inodes of all network namespaces of the cases.
func (x *Experiment) NetNS() []uint32 {
	x.mu.Lock()
	defer x.mu.Unlock()
	var all []uint32
	for inode := range x.byNS {
		all = append(all, inode)
	}
	slices.Sort(all)
	return all
}

// Blind says that the tracer has no hook at connect and accept, so that there
// is no use in waiting for what only they see.
func (x *Experiment) Blind() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.blind = true
}

// Run lets the cases go on under the tracer, whose events are received from
// the channel meanwhile. When the cases have ended and what they did was
// reported, or is overdue, it calls stop, and returns when the channel is
// closed.
func (x *Experiment) Run(events <-chan traceformat.Event, stop func()) []*Lab {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for e := range events {
			x.hear(&e)
		}
	}()
	close(x.traced)
	x.done.Wait()
	stop()
	<-closed
	x.silence()
	return x.labs
}

// Abandon ends the cases of an experiment that is not to be run.
func (x *Experiment) Abandon() {
	x.silence()
	close(x.traced)
	x.done.Wait()
}

func (x *Experiment) hear(e *traceformat.Event) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if l := x.byNS[e.Process.NetNS]; l != nil {
		l.got = append(l.got, *e)
		x.heard.Broadcast()
	}
}

func (x *Experiment) silence() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.over = true
	x.heard.Broadcast()
}

// await waits until a condition of what was heard holds.
func (x *Experiment) await(ok func() bool) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	late := false
	timer := time.AfterFunc(patience, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		late = true
		x.heard.Broadcast()
	})
	defer timer.Stop()
	for !ok() && !late && !x.over {
		x.heard.Wait()
	}
	return ok()
}

// caseTB gives each case a verdict of its own.
type caseTB struct {
	testing.TB
	lab *Lab
}

func (c *caseTB) Error(args ...any)                 { c.lab.problem(fmt.Sprintln(args...)) }
func (c *caseTB) Errorf(format string, args ...any) { c.lab.problem(fmt.Sprintf(format, args...)) }
func (c *caseTB) Fatal(args ...any)                 { c.Error(args...); runtime.Goexit() }
func (c *caseTB) Fatalf(format string, args ...any) { c.Errorf(format, args...); runtime.Goexit() }
func (c *caseTB) FailNow()                          { c.Fatal("failed") }
func (c *caseTB) Skip(args ...any)                  { c.lab.skipped = fmt.Sprint(args...); runtime.Goexit() }
func (c *caseTB) Skipf(format string, args ...any)  { c.Skip(fmt.Sprintf(format, args...)) }

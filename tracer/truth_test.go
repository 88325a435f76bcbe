//go:build linux

package tracer_test

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer"
	"example.com/tcpgraph/tracer/internal/truth"
)

func TestMain(m *testing.M) {
	truth.Main(m, map[string]netlab.Program{"open": openProgram, "hold": holdProgram, "trace": traceProgram})
}

var (
	truthTable = flag.String("truth.table", "", "write the table of TestTruth, in Markdown, to this `file`")
	truthRows  = flag.Bool("truth.rows", false, "print the rows of that table so that TestMatrix can read them")
	truthCases = flag.String("truth.case", "", "try only the cases of TestTruth whose group and name contain this `text`")
)

// never is a value of [tracer.Options.Unaccepted] for the cases in which each
// connection is accepted: however slow the machine is, none waits for so long.
const never = time.Hour

// truthExperiments are the cases that share a tracer each. What goes on while
// it starts must not have to wait for other cases.
var truthExperiments = []struct {
	cases      []truth.Case
	unaccepted time.Duration
}{
	{slices.Concat(connectCases, failCases, acceptCases, closeCases, byteCases, snapshotCases, processCases, reuseCases), never},
	{pendingCases, never},
	{waitingCases, 10 * time.Millisecond},
	{staleCases, staleAfter},
	{churnCases, never},
}

// TestTruth makes connections of every kind, and wants of the tracer an event
// for each thing that truly happened, right in every detail, and no other. With
// -v it prints what came out as a table.
func TestTruth(t *testing.T) {
	var rows []truth.Row
	var hook tracer.AcceptHook
	for _, x := range truthExperiments {
		cases := slices.DeleteFunc(slices.Clone(x.cases), func(c truth.Case) bool {
			return !strings.Contains(c.Group+": "+c.Name, *truthCases)
		})
		if len(cases) == 0 {
			continue
		}
		var labs []*truth.Lab
		labs, hook = traced(t, cases, nil, &tracer.Options{Unaccepted: x.unaccepted})
		for _, l := range labs {
			t.Run(l.Case.Group+": "+l.Case.Name, func(t *testing.T) {
				rows = append(rows, judge(t, l, hook))
			})
		}
	}
	var table strings.Builder
	fmt.Fprintf(&table, "Accept hook: %v.\n\n", hook)
	if err := truth.WriteTable(&table, rows); err != nil {
		t.Fatal(err)
	}
	t.Logf("what was reported against what happened:\n\n%s", &table)
	if *truthRows {
		if err := truth.WriteRows(os.Stdout, rows); err != nil {
			t.Fatal(err)
		}
	}
	if *truthTable != "" {
		if err := os.WriteFile(*truthTable, []byte(table.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// traced carries out cases under one tracer, which must lose nothing. Events of
// which only, if it is not nil, returns false must not come. The tracer watches
// the cases' network namespaces, besides what the options say.
func traced(t *testing.T, cases []truth.Case, only func(*tracer.Event) bool, o *tracer.Options) ([]*truth.Lab, tracer.AcceptHook) {
	t.Helper()
	x := truth.Start(t, cases, only)
	o.NetNS, o.AcceptHook = x.NetNS(), acceptHook(t)
	tr, err := tracer.Open(o)
	if err != nil {
		x.Abandon()
		t.Fatal(err)
	}
	defer tr.Close()
	if tr.Stats().Accept == tracer.AcceptNone {
		x.Blind()
	}
	labs := x.Run(tr.Events(), tr.Stop)
	if err := tr.Err(); err != nil {
		t.Error(err)
	}
	stats := tr.Stats()
	t.Logf("hooks: %q, missing: %q, skipped at most: %d, and %d calls", stats.Hooks, stats.Missing, stats.Lost.Skipped, stats.Lost.Calls)
	if lost := certain(stats.Lost); lost != (tracer.Lost{}) {
		t.Errorf("lost: got %+v, want nothing", lost)
	}
	return labs, stats.Accept
}

// judge compares what a case did with what was reported, as far as the accept
// hook can know it. The row is about the whole truth.
func judge(t *testing.T, l *truth.Lab, hook tracer.AcceptHook) truth.Row {
	t.Helper()
	row := truth.Row{Group: l.Case.Group, Name: l.Case.Name}
	if why := l.SkipReason(); why != "" {
		row.Skipped, row.Note = true, why
		t.Log(why)
		return row
	}
	for _, p := range l.Problems() {
		t.Error(p)
	}
	var happened []traceformat.Event
	for _, e := range l.Ends() {
		happened = append(happened, e.Event)
	}
	want, note := knowable(l.Ends(), hook)
	row.Note = note
	got := l.Timeless(l.Got())
	diffEvents(t, want, got)
	checkDurations(t, l, hook)
	row.Score = truth.Compare(happened, got)
	if row.Note == "" && !row.Score.Perfect() {
		row.Note = "**wrong**"
	}
	replay(t, want, l.Got())
	return row
}

// knowable returns the events of the truth as a tracer with that accept hook
// must report them, and a note of how they differ from the truth, if they do.
func knowable(ends []truth.End, hook tracer.AcceptHook) (events []traceformat.Event, note string) {
	for _, e := range ends {
		switch {
		case hook != tracer.AcceptNone:
			events = append(events, e.Event)
		case e.HookOnly:
			note = "without a hook at connect and accept, what no change of state tells of is not seen"
		default:
			listeners := e.AsListeners()
			events = append(events, listeners)
			if listeners.Process != e.Process {
				note = "without a hook at accept, the owner is the listener's"
			}
		}
	}
	return events, note
}

// diffEvents compares events in any order.
func diffEvents(t *testing.T, want, got []traceformat.Event) {
	t.Helper()
	opts := cmp.Options{cmpopts.EquateComparable(netip.AddrPort{}, traceformat.UID{}), cmpopts.EquateEmpty()}
	if diff := cmp.Diff(inOrder(want), inOrder(got), opts); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// inOrder returns events in an order that only depends on what they are. Each is
// printed once, since that is slow in a machine that is emulated.
func inOrder(events []traceformat.Event) []traceformat.Event {
	type printed struct {
		text  string
		event traceformat.Event
	}
	all := make([]printed, len(events))
	for i, e := range events {
		all[i] = printed{e.String(), e}
	}
	slices.SortFunc(all, func(a, b printed) int { return strings.Compare(a.text, b.text) })
	events = make([]traceformat.Event, len(all))
	for i := range all {
		events[i] = all[i].event
	}
	return events
}

// checkDurations wants each connection to have been open for as long as lies
// between its two events, and no shorter than its processes know. An incoming
// one was established before the event of its accept.
func checkDurations(t *testing.T, l *truth.Lab, hook tracer.AcceptHook) {
	t.Helper()
	const clocks = 2 * time.Millisecond // they are read one after the other, and may be set a little
	type end struct {
		netns         uint32
		local, remote netip.AddrPort
	}
	at := func(e *traceformat.Event) end { return end{e.Process.NetNS, e.Local, e.Remote} }
	closed := make(map[end][]truth.End)
	for _, e := range l.Ends() {
		// What HookOnly tells of was established before the tracer.
		if e.Kind == traceformat.Close && !e.HookOnly {
			closed[at(&e.Event)] = append(closed[at(&e.Event)], e)
		}
	}
	opened := make(map[end]time.Time)
	for _, e := range l.Got() {
		k := at(&e)
		switch e.Kind {
		case traceformat.Open:
			opened[k] = e.Time
		case traceformat.Close:
			if len(closed[k]) != 1 || e.Owner == traceformat.OwnerSnapshot {
				continue // which of them, or since when, is not known
			}
			truly := &closed[k][0]
			if e.Duration == 0 && truly.Uncertain {
				continue
			}
			least := truly.AtLeast
			if truly.Early && hook == tracer.AcceptNone {
				least = 0
			}
			if e.Duration < least-clocks {
				t.Errorf("%v: open for %v, want at least %v", e, e.Duration, least)
			}
			longer := e.Duration - e.Time.Sub(opened[k])
			if longer < -clocks || e.Direction == traceformat.Outgoing && longer > clocks {
				t.Errorf("%v: %v after it opened, but open for %v", e, e.Time.Sub(opened[k]), e.Duration)
			}
		}
	}
}

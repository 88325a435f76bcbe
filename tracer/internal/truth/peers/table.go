//go:build linux

package main

import (
	"fmt"
	"io"
	"strings"
)

// silent is what a cell says that the tool does not mean to tell.
const silent = "does not tell"

func (c count) String() string { return fmt.Sprintf("%d of %d", c.Got, c.Want) }

func cell(told bool, c count) string {
	switch {
	case !told:
		return silent
	case c.Want == 0:
		return "–"
	default:
		return c.String()
	}
}

// printTables prints what the tools did, in Markdown: all in all, and how many
// ends each found in each scenario.
func printTables(w io.Writer, results []result) {
	fmt.Fprint(w, "| tool | connects | accepts | open before | wrong owner | wrong address or port | twice | refused, shown as a connection | refused, said to be | wrong bytes | says that it lost |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for i := range results {
		r := &results[i]
		if r.Error != "" {
			fmt.Fprintf(w, "| %s | did not run: %s |\n", r.Tool, oneLine(r.Error))
			continue
		}
		c := toolNamed(r.Tool).claims
		var all score
		for k := range r.Scores {
			all.add(&r.Scores[k])
		}
		shown := all.Shown.String()
		if !c.Connects {
			shown = silent
		} else if c.Attempts {
			shown += " (it prints attempts)"
		}
		owner := silent
		if c.Owner {
			owner = fmt.Sprint(all.WrongOwner)
		}
		wrongBytes := silent
		if c.Bytes {
			wrongBytes = fmt.Sprintf("%d of %d", all.Bytes.Want-all.Bytes.Got, all.Bytes.Want)
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %d | %d | %s | %s | %s | %d |\n", r.Tool,
			cell(c.Connects, all.Connects), cell(c.Accepts, all.Accepts), cell(c.Before, all.Before),
			owner, all.WrongEndpoint, all.Twice, shown, cell(c.Failures, all.Refused), wrongBytes, r.Lost)
	}
	for i := range results {
		if hook := results[i].Hook; hook != "" {
			fmt.Fprintf(w, "\n%s says: %s.\n", results[i].Tool, hook)
		}
	}
	fmt.Fprintf(w, "\nConnects + accepts that were found, by scenario (wrong owners in brackets):\n\n| scenario |")
	for i := range results {
		fmt.Fprintf(w, " %s |", results[i].Tool)
	}
	fmt.Fprintf(w, "\n|---|%s\n", strings.Repeat("---|", len(results)))
	for i := range workload {
		if workload[i].refused {
			continue
		}
		fmt.Fprintf(w, "| %s |", workload[i].name)
		for k := range results {
			fmt.Fprintf(w, " %s |", scenarioCell(&results[k], i))
		}
		fmt.Fprintln(w)
	}
}

func scenarioCell(r *result, i int) string {
	if r.Error != "" {
		return "–"
	}
	c, s := toolNamed(r.Tool).claims, &r.Scores[i]
	var text string
	switch {
	case workload[i].before:
		text = cell(c.Before, s.Before)
	case !c.Connects:
		text = s.Accepts.String()
	case !c.Accepts:
		text = s.Connects.String()
	default:
		text = fmt.Sprintf("%d + %d of %d", s.Connects.Got, s.Accepts.Got, s.Connects.Want)
	}
	if s.WrongOwner > 0 {
		text += fmt.Sprintf(" (%d)", s.WrongOwner)
	}
	return text
}

func oneLine(s string) string {
	return strings.NewReplacer("\n", "; ", "|", `\|`).Replace(s)
}

func toolNamed(name string) *tool {
	for i := range tools {
		if tools[i].name == name {
			return &tools[i]
		}
	}
	return &tool{}
}

package truth

import (
	"fmt"
	"io"
	"strings"
)

// Row is a line of the table: a case, what a tracer made of it, and the reason
// if that is not perfect or was not tried.
type Row struct {
	Group, Name string
	Score       Score
	Skipped     bool
	Note        string
}

// WriteTable writes rows as a Markdown table, with their sum as the last.
func WriteTable(w io.Writer, rows []Row) error {
	var b strings.Builder
	b.WriteString("| case | events |")
	for a := range aspects {
		fmt.Fprintf(&b, " %v |", a)
	}
	b.WriteString(" note |\n|---|---:|" + strings.Repeat("---|", int(aspects)) + "---|\n")
	var sum Score
	for _, r := range rows {
		sum.Add(r.Score)
		writeRow(&b, r.Group+": "+r.Name, &r)
	}
	writeRow(&b, "**all**", &Row{Score: sum})
	_, err := io.WriteString(w, b.String())
	return err
}

func writeRow(b *strings.Builder, name string, r *Row) {
	fmt.Fprintf(b, "| %s | %d |", name, r.Score.Events())
	for _, c := range r.Score {
		if r.Skipped {
			b.WriteString(" – |")
			continue
		}
		fmt.Fprintf(b, " %v |", c)
	}
	fmt.Fprintf(b, " %s |\n", r.Note)
}

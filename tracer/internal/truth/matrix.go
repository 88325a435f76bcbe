package truth

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// RowMark begins a line with a row in the output of a test.
const RowMark = "truth-row: "

// WriteRows writes rows so that [ReadRows] finds them in a test's output.
func WriteRows(w io.Writer, rows []Row) error {
	for i := range rows {
		text, err := json.Marshal(&rows[i])
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s%s\n", RowMark, text); err != nil {
			return err
		}
	}
	return nil
}

// ReadRows returns the rows that [WriteRows] wrote, whatever else is there.
func ReadRows(output []byte) (rows []Row, err error) {
	s := bufio.NewScanner(bytes.NewReader(output))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		text, found := bytes.CutPrefix(s.Bytes(), []byte(RowMark))
		if !found {
			continue
		}
		var r Row
		if err := json.Unmarshal(text, &r); err != nil {
			return rows, fmt.Errorf("row %q: %w", text, err)
		}
		rows = append(rows, r)
	}
	return rows, s.Err()
}

// Column is what came out of all cases on one kernel with one accept hook.
type Column struct {
	Name string
	Rows []Row
}

// WriteMatrix writes a Markdown table with a line for each case and a column
// for each kernel and hook. The last line is their sum.
func WriteMatrix(w io.Writer, columns []Column) error {
	var names []string
	rows := make(map[string][]*Row) // by the case, for each column
	sums := make([]Row, len(columns))
	for i, c := range columns {
		for k := range c.Rows {
			r := &c.Rows[k]
			name := r.Group + ": " + r.Name
			if rows[name] == nil {
				rows[name] = make([]*Row, len(columns))
				names = append(names, name)
			}
			rows[name][i] = r
			sums[i].Score.Add(r.Score)
		}
	}
	var b strings.Builder
	b.WriteString("| case |")
	for _, c := range columns {
		fmt.Fprintf(&b, " %s |", c.Name)
	}
	b.WriteString(" why |\n|---|" + strings.Repeat("---|", len(columns)) + "---|\n")
	for _, name := range names {
		fmt.Fprintf(&b, "| %s |", name)
		var notes []string
		for _, r := range rows[name] {
			fmt.Fprintf(&b, " %s |", r.cell())
			if r != nil && r.Note != "" && !slices.Contains(notes, r.Note) {
				notes = append(notes, r.Note)
			}
		}
		fmt.Fprintf(&b, " %s |\n", strings.Join(notes, "; "))
	}
	b.WriteString("| **all** |")
	for i := range sums {
		fmt.Fprintf(&b, " %s |", sums[i].cell())
	}
	b.WriteString("  |\n| events |")
	for i := range sums {
		fmt.Fprintf(&b, " %d |", sums[i].Score.Events())
	}
	b.WriteString("  |\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// cell is a row in brief: "100 %", or what is wrong.
func (r *Row) cell() string {
	switch {
	case r == nil:
		return "**missing**"
	case r.Skipped:
		return "–"
	case r.Score.Perfect():
		return "100 %"
	}
	wrong := make(map[string][]string) // aspects by their figures
	for a, c := range r.Score {
		if c.Both != c.Want || c.Both != c.Got {
			figures := fmt.Sprintf("P %.4g R %.4g %%", 100*c.Precision(), 100*c.Recall())
			wrong[figures] = append(wrong[figures], aspect(a).String())
		}
	}
	var parts []string
	for figures, names := range wrong {
		if len(names) == len(r.Score) {
			return figures
		}
		parts = append(parts, strings.Join(names, ", ")+" "+figures)
	}
	slices.SortFunc(parts, cmp.Compare)
	return strings.Join(parts, "; ")
}

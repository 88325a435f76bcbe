package truth

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMatrixTable(t *testing.T) {
	right, half, none := Count{4, 4, 4}, Count{4, 4, 2}, Count{4, 0, 0}
	perfect := Score{right, right, right, right, right, right}
	columns := []Column{
		{"6.1 fexit", []Row{
			{Group: "a", Name: "b", Score: perfect},
			{Group: "c", Name: "d", Skipped: true, Note: "too old"},
		}},
		{"6.1 none", []Row{
			{Group: "a", Name: "b", Score: Score{right, right, right, half, half, right}, Note: "no hook"},
			{Group: "c", Name: "d", Score: Score{none, none, none, none, none, none}, Note: "no hook"},
			{Group: "e", Name: "f", Score: perfect},
		}},
	}
	const want = `| case | 6.1 fexit | 6.1 none | why |
|---|---|---|---|
| a: b | 100 % | owner, program P 50 R 50 % | no hook |
| c: d | – | P 100 R 0 % | too old; no hook |
| e: f | **missing** | 100 % |  |
| **all** | 100 % | endpoints, kind, direction, bytes P 100 R 66.67 %; owner, program P 75 R 50 % |  |
| events | 4 | 12 |  |
`
	for i := range columns { // as they come out of a machine
		var output bytes.Buffer
		output.WriteString("=== RUN\n")
		if err := WriteRows(&output, columns[i].Rows); err != nil {
			t.Fatal(err)
		}
		output.WriteString("PASS\n")
		rows, err := ReadRows(output.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(columns[i].Rows, rows); diff != "" {
			t.Errorf("rows read back (-want +got):\n%s", diff)
		}
	}
	var got strings.Builder
	if err := WriteMatrix(&got, columns); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

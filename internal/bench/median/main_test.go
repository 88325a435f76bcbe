package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	const in = `goos: linux
BenchmarkA/x-2   10   100 ns/line   0 allocs/op
BenchmarkA/y-2   10   300 ns/line   2 allocs/op
BenchmarkA/x-2   10   200 ns/line   0 allocs/op
BenchmarkA/y-2   10   400 ns/line   2 allocs/op
BenchmarkA/x-2   10   50 ns/line   0 allocs/op
BenchmarkA/y-2   10   500 ns/line   2 allocs/op
PASS
`
	var out strings.Builder
	if err := run(strings.NewReader(in), &out, "A/x"); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"A/x 100 ns/line (50 to 200, 3 runs)",
		"A/x 0 allocs/op (0 to 0, 3 runs)",
		"A/y 400 ns/line (300 to 500, 3 runs) ×3 (2 to 10)",
		"A/y 2 allocs/op (2 to 2, 3 runs)",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

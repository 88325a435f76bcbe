// Command median sums up what several runs of go test -bench printed: for each
// benchmark and unit the median, the least and the greatest, and with -base the
// ratio to another benchmark, which is the median of the ratios within each run,
// so that a machine that becomes slower and faster does not matter.
//
//	for i in 1 2 3 4 5 6 7; do go test -run '^$' -bench 'Parse' .; done | go run ./median -base Parse/tcpgraph-bytes
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() {
	base := flag.String("base", "", "print ratios to the benchmark with this `NAME`")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, *base); err != nil {
		fmt.Fprintln(os.Stderr, "median:", err)
		os.Exit(1)
	}
}

// figure is a benchmark and a unit.
type figure struct{ name, unit string }

var processors = regexp.MustCompile(`-\d+$`)

func run(r io.Reader, w io.Writer, base string) error {
	var order []figure
	values := make(map[figure][]float64)
	in := bufio.NewScanner(r)
	for in.Scan() {
		f := strings.Fields(in.Text())
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		name := processors.ReplaceAllString(strings.TrimPrefix(f[0], "Benchmark"), "")
		for i := 2; i+1 < len(f); i += 2 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				return fmt.Errorf("%q: %w", in.Text(), err)
			}
			k := figure{name, f[i+1]}
			if values[k] == nil {
				order = append(order, k)
			}
			values[k] = append(values[k], v)
		}
	}
	for _, k := range order {
		v := values[k]
		m, lo, hi := median(v)
		fmt.Fprintf(w, "%-40s %10.4g %-9s (%.4g to %.4g, %d runs)", k.name, m, k.unit, lo, hi, len(v))
		if b := values[figure{base, k.unit}]; len(b) == len(v) && k.name != base && slices.Min(b) > 0 {
			ratios := make([]float64, len(v))
			for i := range v {
				ratios[i] = v[i] / b[i]
			}
			m, lo, hi := median(ratios)
			fmt.Fprintf(w, "  ×%.3g (%.3g to %.3g)", m, lo, hi)
		}
		fmt.Fprintln(w)
	}
	return in.Err()
}

func median(v []float64) (m, least, greatest float64) {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2, s[0], s[n-1]
}

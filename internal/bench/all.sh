#!/bin/sh
# all.sh: every figure of docs/PERFORMANCE.md that needs no kernel. The benchmarks
# are run by turns, ROUNDS times (7 unless told), and summed up at the end. It
# takes some minutes, and 1 GB in TMPDIR. The machine should be idle.
set -eu
cd "$(dirname "$0")"
rounds=${ROUNDS:-7}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go build -o "$dir" ./gentrace ./plain ./rounds ./median
go build -C ../.. -o "$dir" ./examples/parsetrace
go test -c -o "$dir/bench" .
for n in 10000 100000 1000000 10000000; do
  "$dir/gentrace" -ascii -lines $n > "$dir/$n"
done

# go_rounds NAME BENCHTIME BASE: runs the benchmarks of a name.
go_rounds() {
  for _ in $(seq "$rounds"); do
    "$dir/bench" -test.run '^$' -test.bench "^Benchmark$1\$" -test.benchtime "$2"
  done | "$dir/median" -base "$3"
  echo
}
go_rounds Parse 100ms Parse/tcpgraph-string
go_rounds Print 100ms Print/tcpgraph
go_rounds Add 1x Add/tcpgraph
go_rounds AddGrowth 1x AddGrowth/events=10000
go_rounds AddSameEdges 1x AddSameEdges/events=1000000
go_rounds Encode 1x Encode/tcpgraph-listed
go_rounds EncodeLabels 1x EncodeLabels/tcpgraph
go_rounds EncodeLabelled 1x EncodeLabelled/tcpgraph
go_rounds EncodeGrowth 1x EncodeGrowth/edges=10000

# Drawn in full, as plain does it; then as parsetrace does it unless told, in which
# so many processes are grouped by command.
"$dir/rounds" -n "$rounds" \
  "plain/1000000=$dir/plain < $dir/1000000" \
  "parsetrace-by-process/1000000=$dir/parsetrace -by process -fold=false < $dir/1000000" \
  "parsetrace/1000000=$dir/parsetrace < $dir/1000000" |
  "$dir/median" -base plain
echo
"$dir/rounds" -n "$rounds" \
  "10000/10000=$dir/parsetrace -by process -fold=false < $dir/10000" \
  "100000/100000=$dir/parsetrace -by process -fold=false < $dir/100000" \
  "1000000/1000000=$dir/parsetrace -by process -fold=false < $dir/1000000" \
  "10000000/10000000=$dir/parsetrace -by process -fold=false < $dir/10000000" |
  "$dir/median" -base 1000000

// Package bpf holds the kernel side of tcpgraph: the C programs, the objects
// compiled from them, and generated Go bindings. It contains no policy: what
// to load, attach and make of the records is package tracer's.
//
// The objects are committed, so that nobody who uses or tests the module needs
// a compiler. They are made by go generate with clang 19 and the headers of
// libbpf, and licensed Dual MIT/GPL, as the kernel asks of programs that call
// its helpers for tracing.
package bpf

//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -go-package bpf -output-stem tcpgraph -no-global-types -type event -type process -type total -type total_key -type loss -type record_type -type how -type direction -type phase -type cidr_key -type changes -type holder Tcpgraph tcpgraph.bpf.c -- -O2 -mcpu=v3 -Wall -Werror -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu

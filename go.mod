module example.com/tcpgraph

go 1.25.0

require (
	github.com/cilium/ebpf v0.22.0
	github.com/fogleman/gg v1.3.0
	github.com/google/go-cmp v0.7.0
	github.com/tetratelabs/wazero v1.10.1
	golang.org/x/image v0.25.0
	golang.org/x/sys v0.43.0
	gonum.org/v1/gonum v0.17.0
)

require (
	github.com/golang/freetype v0.0.0-20170609003504-e2365dfdc4a0 // indirect
	golang.org/x/text v0.23.0 // indirect
)

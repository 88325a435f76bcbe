module example.com/tcpgraph/internal/bench

go 1.25.0

require (
	example.com/tcpgraph v0.0.0
	github.com/emicklei/dot v1.6.2
	gonum.org/v1/gonum v0.17.0
)

replace example.com/tcpgraph => ../..

//go:build linux

package tracer

import "example.com/tcpgraph/bpf"

// Deafen lets the programs see nothing, or again all.
func (t *Tracer) Deafen(on bool) error {
	phase := bpf.TcpgraphPhasePHASE_RUNNING
	if on {
		phase = bpf.TcpgraphPhasePHASE_ATTACHING
	}
	return t.kernel.variable(bpf.TcpgraphVarCurrentPhase).Set(uint32(phase))
}

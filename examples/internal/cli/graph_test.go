package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/tcpgraph/flowgraph"
)

func TestDoubts(t *testing.T) {
	if got := Doubts(flowgraph.Stats{Connections: 7, OneSided: 7, Forgotten: 7}); got != nil {
		t.Errorf("got %q, want nothing", got)
	}
	const (
		ends     = " shown by one end alone, as the other could be in several network namespaces that use the same addresses; lines of several hosts need a HOST each"
		services = " shown as an address to some connections or failed attempts, as several processes accept there and which of them it was has not been seen; trace the server from before they connect"
	)
	for _, test := range []struct {
		stats flowgraph.Stats
		want  []string
	}{
		{flowgraph.Stats{Ambiguous: 1, AmbiguousServices: 2}, []string{"1 connection is" + ends, "2 services are" + services}},
		{flowgraph.Stats{Ambiguous: 3, AmbiguousServices: 1}, []string{"3 connections are" + ends, "1 service is" + services}},
	} {
		if diff := cmp.Diff(test.want, Doubts(test.stats)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test.stats, diff)
		}
	}
}

func TestForgotten(t *testing.T) {
	const rest = ": sort the lines by TIME if they come from several files"
	for n, want := range []string{
		"",
		"1 ended connection was forgotten before its other half came, and counts twice if it did" + rest,
		"2 ended connections were forgotten before their other half came, and count twice if it did" + rest,
	} {
		if got := Forgotten(flowgraph.Stats{Forgotten: uint64(n)}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTestArgs(t *testing.T) {
	got := testArgs([]string{"-test.testlogfile=/tmp/a", "-test.v=true", "-test.outputdir=/tmp", "-test.timeout=10m0s", "x"})
	want := []string{"/bin/test", "-test.v=true", "-test.timeout=10m0s", "x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
}

func TestTestEnv(t *testing.T) {
	got := testEnv([]string{"PATH=/bin", "TCPGRAPH_ACCEPT=fexit", "XTCPGRAPH_=1", "TCPGRAPH_REQUIRE="})
	want := []string{"TCPGRAPH_ACCEPT=fexit", "TCPGRAPH_REQUIRE="}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

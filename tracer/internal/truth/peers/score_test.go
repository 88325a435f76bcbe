//go:build linux

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/tcpgraph/traceformat"
)

// TestJudge gives one line of each kind of mistake.
func TestJudge(t *testing.T) {
	const out, in = traceformat.Outgoing, traceformat.Incoming
	a, b, c, closedPort := ap("10.0.0.1:1"), ap("10.0.0.2:2"), ap("10.0.0.1:3"), ap("10.0.0.2:9")
	truth := make([][]end, len(workload))
	truth[0] = []end{
		{Direction: out, Local: a, Remote: b, PID: 1, Sent: 10, Received: 20},
		{Direction: in, Local: b, Remote: a, PID: 2, Sent: 20, Received: 10},
		{Direction: out, Local: c, Remote: b, PID: 1},
		{Direction: out, Remote: closedPort, PID: 1, Refused: true},
	}
	all := claims{Connects: true, Accepts: true, Failures: true, Owner: true, Direction: true, LocalPort: true, Bytes: true}
	for _, tt := range []struct {
		name    string
		claims  claims
		records []record
		want    score
	}{
		{"nothing", all, nil, score{}},
		{"right", all, []record{
			{direction: out, local: a, remote: b, pid: 1},
			{kind: closed, direction: out, local: a, remote: b, pid: 1, sent: exactly(10), received: exactly(20)},
			{kind: failed, direction: out, remote: closedPort, pid: 1},
		}, score{Connects: count{Got: 1}, Bytes: count{1, 1}, Refused: count{Got: 1}}},
		{"wrong owner", all, []record{{direction: in, local: b, remote: a, pid: 1}}, score{Accepts: count{Got: 1}, WrongOwner: 1}},
		{"wrong direction", all, []record{{direction: in, local: c, remote: b, pid: 1}}, score{WrongEndpoint: 1}},
		{"wrong port", all, []record{{direction: out, local: ap("10.0.0.1:0"), remote: b, pid: 1}}, score{WrongEndpoint: 1}},
		{"twice", all, []record{{direction: out, local: a, remote: b, pid: 1}, {direction: out, local: a, remote: b, pid: 1}}, score{Connects: count{Got: 1}, Twice: 1}},
		{"a failure as a connection", all, []record{{direction: out, local: a, remote: closedPort, pid: 1}}, score{Shown: count{Got: 1}}},
		{"wrong bytes", all, []record{{kind: session, direction: out, local: a, remote: b, pid: 1, sent: exactly(11), received: exactly(20)}}, score{Connects: count{Got: 1}, Bytes: count{1, 0}}},
		{
			"without local ports",
			claims{Connects: true, Direction: true},
			[]record{{direction: out, local: ap("10.0.0.1:0"), remote: b, pid: 1}, {direction: out, local: ap("10.0.0.1:0"), remote: b, pid: 1}},
			score{Connects: count{Got: 2}},
		},
		{"without direction", claims{Connects: true, Accepts: true, LocalPort: true}, []record{{kind: session, local: b, remote: a, pid: 2}}, score{Accepts: count{Got: 1}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Connects.Want, tt.want.Accepts.Want, tt.want.Shown.Want, tt.want.Refused.Want = 2, 1, 1, 1
			got := judge(tt.claims, truth, tt.records)
			if diff := cmp.Diff(tt.want, got[0]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

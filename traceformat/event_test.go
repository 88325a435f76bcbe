package traceformat

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestArgs(t *testing.T) {
	for cmdline, want := range map[string][]string{
		"": nil, "a": {"a"}, "a\x00b c\x00": {"a", "b c", ""}, "\x00": {"", ""},
	} {
		p := Process{Cmdline: cmdline}
		if diff := cmp.Diff(want, p.Args()); diff != "" {
			t.Errorf("Args of %q, mismatch (-want +got):\n%s", cmdline, diff)
		}
	}
}

func TestStrings(t *testing.T) {
	for want, v := range map[string]fmt.Stringer{
		"open": Open, "close": Close, "fail": Fail, "Kind(9)": Kind(9),
		"unknown": DirectionUnknown, "outgoing": Outgoing, "incoming": Incoming, "Direction(9)": Direction(9),
		"direct": OwnerDirect, "listener": OwnerListener, "snapshot": OwnerSnapshot, "Owner(9)": Owner(9),
		"": UID{}, "0": NewUID(0), "4294967295": NewUID(1<<32 - 1),
	} {
		if got := v.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

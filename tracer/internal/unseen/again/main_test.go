//go:build linux

package main

import "testing"

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		command []string
		want    int
	}{
		{[]string{"true"}, 0},
		{[]string{"sh", "-c", "exit 7"}, 7},
		{[]string{"sh", "-c", "kill $$"}, 1},
		{[]string{"/nonexistent"}, 1},
	} {
		if got := run(tt.command); got != tt.want {
			t.Errorf("%q: got exit status %d, want %d", tt.command, got, tt.want)
		}
	}
}

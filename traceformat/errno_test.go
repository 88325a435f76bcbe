package traceformat

import (
	"testing"
)

func TestErrno(t *testing.T) {
	for e := range 1 << 16 {
		s := Errno(e).String()
		if got, err := ParseErrno(s); got != Errno(e) || err != nil {
			t.Errorf("ParseErrno(%q): got %d, %v, want %d", s, got, err, e)
		}
	}
	for s, want := range map[string]Errno{
		"EPERM": 1, "EAGAIN": 11, "EWOULDBLOCK": 11, "EDEADLOCK": 35, "ENOTSUP": 95, "EOPNOTSUPP": 95,
		"ETIMEDOUT": 110, "111": 111, "EHWPOISON": 133, "41": 41, "killed": Killed, "": 0, "0": 0,
	} {
		if got, err := ParseErrno(s); got != want || err != nil {
			t.Errorf("ParseErrno(%q): got %d, %v, want %d", s, got, err, want)
		}
	}
	for s, want := range map[string]string{
		"econnrefused": `traceformat: unknown errno "econnrefused"`,
		"-1":           `traceformat: unknown errno "-1"`,
		"65535":        `traceformat: unknown errno "65535"`,
		"E\n":          `traceformat: unknown errno "E\n"`,
	} {
		if got, err := ParseErrno(s); err == nil || err.Error() != want {
			t.Errorf("ParseErrno(%q): got %d, error %v, want error %s", s, got, err, want)
		}
	}
}

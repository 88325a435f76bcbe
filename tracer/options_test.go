//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

func TestComplete(t *testing.T) {
	var o Options
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	if o.RingSize != DefaultRingSize || o.MaxAccepted != DefaultMaxAccepted || o.Unaccepted != DefaultUnaccepted || o.Buffer != DefaultBuffer {
		t.Errorf("defaults: got %+v", o)
	}
	page := os.Getpagesize()
	for in, want := range map[int]int{1: page, page: page, page + 1: 2 * page, 3 << 20: 4 << 20} {
		o := Options{RingSize: in}
		if err := o.complete(); err != nil || o.RingSize != want {
			t.Errorf("RingSize %d: got %d, %v, want %d", in, o.RingSize, err, want)
		}
	}
}

func TestCompleteRefuses(t *testing.T) {
	for want, o := range map[string]Options{
		"option RingSize -1":         {RingSize: -1},
		"option RingSize 2147483648": {RingSize: math.MaxInt32 + 1},
		"option MaxAccepted -1":      {MaxAccepted: -1},
		"option Unaccepted -1s":      {Unaccepted: -time.Second},
		"option Buffer -1":           {Buffer: -1},
		"option AcceptHook 99":       {AcceptHook: 99},
		"option PIDs: 65537":         {PIDs: make([]uint32, maxFilter+1)},
		"option Prefixes[1]":         {Prefixes: []netip.Prefix{netip.MustParsePrefix("::/0"), {}}},
	} {
		if err := o.complete(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("complete: got %v, want %q", err, want)
		}
	}
}

func TestCIDRKey(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.0/8":    "104 ::ffff:10.0.0.0",
		"0.0.0.0/0":     "96 ::ffff:0.0.0.0",
		"192.0.2.1/32":  "128 ::ffff:192.0.2.1",
		"2001:db8::/32": "32 2001:db8::",
		"::/0":          "0 ::",
		"::ffff:0:0/96": "96 ::ffff:0.0.0.0",
	} {
		k := cidrKey(netip.MustParsePrefix(in))
		if got := fmt.Sprint(k.Bits, " ", netip.AddrFrom16(k.Addr)); got != want {
			t.Errorf("cidrKey(%s): got %s, want %s", in, got, want)
		}
	}
}

func TestAtLeast(t *testing.T) {
	for release, want := range map[string]bool{
		"5.11.0":          true,
		"5.10.0-39-amd64": false,
		"6.1.0-13-amd64":  true,
		"4.18.0-553.el8":  false,
		"10.0":            true,
		"5.9":             false,
		"7.3-rc1":         true,
		"not a number":    true, // what does not work will say so later
		"":                true,
	} {
		if got := atLeast(release, 5, 11); got != want {
			t.Errorf("atLeast(%q, 5, 11): got %v, want %v", release, got, want)
		}
	}
}

func TestExplain(t *testing.T) {
	verifier := &ebpf.VerifierError{Cause: unix.EACCES, Log: []string{"0: R1=ctx()", "R2 type=buf"}}
	for _, tt := range []struct {
		name      string
		err       error
		is, isNot error
		says      string
	}{
		{"no capabilities", fmt.Errorf("open: %w", errPrivileges), os.ErrPermission, errors.ErrUnsupported, "no permission to trace the kernel; run as root"},
		{"refused", fmt.Errorf("load: program p: %w\nlong\nlog", unix.EPERM), os.ErrPermission, errors.ErrUnsupported, "load: program p: operation not permitted; this process has the capabilities"},
		{"not supported", fmt.Errorf("map: %w", ebpf.ErrNotSupported), errors.ErrUnsupported, os.ErrPermission, "Linux 5.13"},
		{"refused by the verifier", fmt.Errorf("load: %w", verifier), nil, os.ErrPermission, "please report"},
		{"another", os.ErrClosed, os.ErrClosed, os.ErrPermission, "closed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := explain(tt.err)
			if tt.is != nil && !errors.Is(got, tt.is) {
				t.Errorf("explain: got %q, want one that matches %v", got, tt.is)
			}
			if errors.Is(got, tt.isNot) {
				t.Errorf("explain: got %q, which matches %v", got, tt.isNot)
			}
			if text := got.Error(); strings.Contains(text, "\n") || !strings.Contains(text, tt.says) {
				t.Errorf("explain: got %q, want one line with %q", text, tt.says)
			}
		})
	}
}

func TestAcceptHookString(t *testing.T) {
	seen := make(map[string]bool)
	for h := AcceptAuto; h <= AcceptNone+1; h++ {
		if s := h.String(); s == "" || seen[s] {
			t.Errorf("AcceptHook(%d): got %q, want a name of its own", h, s)
		} else {
			seen[s] = true
		}
	}
}

func TestReason(t *testing.T) {
	err := fmt.Errorf("fexit/f: program p: load program: %w", fmt.Errorf("%w (MEMLOCK may be too low, consider rlimit.RemoveMemlock)\nmore", unix.EPERM))
	if got, want := reason(err), "fexit/f: program p: load program: operation not permitted"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

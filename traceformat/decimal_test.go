package traceformat

import (
	"net/netip"
	"strconv"
	"testing"
)

func TestDecimal(t *testing.T) {
	for p := range 1 << 16 {
		ip := [4]byte{byte(p), byte(p >> 8), byte(p >> 4), byte(p * 7)}
		want := "x" + netip.AddrPortFrom(netip.AddrFrom4(ip), uint16(p)).String()
		if got := string(append4([]byte("x"), ip, uint16(p))); got != want {
			t.Fatalf("append4(%v, %d) = %q, want %q", ip, p, got, want)
		}
		if _, n := decimal16(uint16(p)); n != len(strconv.Itoa(p)) {
			t.Fatalf("%d has %d digits", p, n)
		}
	}
}

package dot

import (
	"slices"
	"strings"
	"testing"
)

// TestPlain checks the bytes that are copied as they are, eight at a time, one by
// one: each alone in every place, and before and behind another, in strings of up
// to twelve.
func TestPlain(t *testing.T) {
	plain := func(c byte) bool { return ' ' <= c && c <= '~' && strings.IndexByte(`"&<\`, c) < 0 }
	for c := range 256 {
		for d := range 256 {
			for at := range 12 {
				s := []byte("plain, plain")
				s[at] = byte(c)
				if at+1 < len(s) {
					s[at+1] = byte(d)
				}
				want := slices.IndexFunc(s, func(c byte) bool { return !plain(c) })
				if want < 0 {
					want = len(s)
				}
				// As far as there is something new to see.
				for n := at; n <= len(s); n++ {
					if got := plainLen(string(s[:n])); got != min(want, n) {
						t.Fatalf("%q: %d bytes are plain, want %d", s[:n], got, min(want, n))
					}
				}
			}
		}
	}
}

package dot

import (
	"math/bits"
	"strconv"
)

// pairs are the numbers up to 99 in two digits each.
const pairs = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899"

// appendInt is strconv.AppendInt in decimal, with the digits written where they
// belong: most of a graph's text is the numbers of nodes.
func appendInt(dst []byte, n int64) []byte {
	if n < 10 {
		return strconv.AppendInt(dst, n, 10)
	}
	u := uint64(n)
	end := len(dst) + digits(u)
	if end > cap(dst) {
		return strconv.AppendInt(dst, n, 10)
	}
	dst = dst[:end]
	for u >= 100 {
		q := u / 100
		r := 2 * (u - 100*q)
		end -= 2
		dst[end], dst[end+1] = pairs[r], pairs[r+1]
		u = q
	}
	if u < 10 {
		dst[end-1] = '0' + byte(u)
	} else {
		dst[end-2], dst[end-1] = pairs[2*u], pairs[2*u+1]
	}
	return dst
}

// digits returns how many decimal digits u has; it is not 0.
func digits(u uint64) int {
	n := bits.Len64(u) * 1233 >> 12 // the number of digits, or one less
	if u >= tens[n] {
		n++
	}
	return n
}

var tens = func() (t [20]uint64) {
	t[0] = 1
	for i := 1; i < len(t); i++ {
		t[i] = 10 * t[i-1]
	}
	return t
}()

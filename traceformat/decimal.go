package traceformat

import (
	"encoding/binary"
	"math/bits"
)

// octets holds each number of a byte in decimal with a dot behind it, as four
// bytes in little-endian order, and octetLen how many of them it has.
var octets, octetLen = func() (text [256]uint32, n [256]uint8) {
	for i := range text {
		var b []byte
		for _, d := range [...]int{i / 100, i / 10 % 10, i % 10} {
			if d > 0 || len(b) > 0 {
				b = append(b, byte('0'+d))
			}
		}
		if i == 0 {
			b = append(b, '0')
		}
		b = append(b, '.')
		n[i] = uint8(len(b))
		text[i] = binary.LittleEndian.Uint32(append(b, "..."...))
	}
	return text, n
}()

// append4 appends an IPv4 address and a port. It has no branches that depend on
// how many digits there are, which no processor can foretell.
func append4(dst []byte, ip [4]byte, port uint16) []byte {
	var b [4*4 + 8]byte
	n := 0
	for _, o := range ip {
		binary.LittleEndian.PutUint32(b[n:n+4], octets[o])
		n += int(octetLen[o])
	}
	b[n-1] = ':'
	digits, count := decimal16(port)
	binary.LittleEndian.PutUint64(b[n:n+8], digits)
	return append(dst, b[:n+count]...)
}

// decimal16 returns p in decimal, as bytes in little-endian order, and how many
// digits it has.
func decimal16(p uint16) (digits uint64, n int) {
	v := uint32(p)
	d := uint64(v/10000) | uint64(v/1000%10)<<8 | uint64(v/100%10)<<16 | uint64(v/10%10)<<24 | uint64(v%10)<<32
	// 1233/4096 is a little more than the logarithm of 2 to the base 10.
	n = bits.Len32(v|1) * 1233 >> 12
	if v|1 >= powers[n] {
		n++
	}
	return (d | 0x30_3030_3030) >> (8 * (5 - n)), n
}

var powers = [5]uint32{1, 10, 100, 1000, 10000}

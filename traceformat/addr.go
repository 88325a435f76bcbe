package traceformat

import (
	"encoding/binary"
	"net/netip"
)

// scan4 reads an IPv4 endpoint, "192.0.2.1:80", at s[i:]. It returns the index
// after it, or -1 if there is none.
func scan4[T text](s T, i int) (ap netip.AddrPort, next int) {
	ip, i := scanIPv4(s, i)
	if i < 0 || i >= len(s) || s[i] != ':' {
		return ap, -1
	}
	port, i := scanPort(s, i+1)
	if i < 0 {
		return ap, -1
	}
	return netip.AddrPortFrom(addr4(ip), port), i
}

// scanIPv4 reads four decimal octets, without leading zeros, at s[i:]. It
// returns the index after them, or -1.
func scanIPv4[T text](s T, i int) (ip uint32, next int) {
	for dots := 0; ; dots++ {
		if i >= len(s) {
			return 0, -1
		}
		n := uint32(s[i] - '0')
		if n > 9 {
			return 0, -1
		}
		i++
		if i < len(s) && s[i]-'0' <= 9 {
			if n == 0 {
				return 0, -1
			}
			n = n*10 + uint32(s[i]-'0')
			i++
			if i < len(s) && s[i]-'0' <= 9 {
				n = n*10 + uint32(s[i]-'0')
				i++
				if n > 255 {
					return 0, -1
				}
			}
		}
		ip = ip<<8 | n
		if dots == 3 {
			return ip, i
		}
		if i >= len(s) || s[i] != '.' {
			return 0, -1
		}
		i++
	}
}

// addr4 returns the address of the number ip.
func addr4(ip uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)})
}

// scanPort reads a decimal port at s[i:]: one to five digits, at most 65535. It
// returns the index of the first byte that is no digit, or -1.
func scanPort[T text](s T, i int) (port uint16, next int) {
	start, n := i, uint(0)
	for i < len(s) {
		d := uint(s[i] - '0')
		if d > 9 {
			break
		}
		n = n*10 + d
		i++
		if n > 65535 {
			return 0, -1
		}
	}
	if i == start || i-start > 5 {
		return 0, -1
	}
	return uint16(n), i
}

// parseAddr parses an IPv4 address, or an IPv6 address with or without a zone.
// IPv4-mapped addresses are unmapped.
func parseAddr[T text](in *interner, s T) (netip.Addr, bool) {
	for i := range len(s) {
		switch s[i] {
		case ':':
			return parseIPv6Zone(in, s)
		case '.':
			ip, next := scanIPv4(s, 0)
			return addr4(ip), next == len(s)
		}
	}
	return netip.Addr{}, false
}

// parseIPv6Zone parses an IPv6 address with or without a zone. A zone that
// begins with a quote is a Go quoted string; an unquoted one with a bracket that
// could close an address, or one on an IPv4-mapped address, is an error.
func parseIPv6Zone[T text](in *interner, s T) (netip.Addr, bool) {
	end := 0
	for end < len(s) && s[end] != '%' {
		end++
	}
	ip, ok := parseIPv6(s[:end])
	addr := netip.AddrFrom16(ip)
	if !ok || end == len(s) {
		return addr.Unmap(), ok
	}
	s = s[end+1:]
	if len(s) == 0 || addr.Is4In6() {
		return addr, false
	}
	zone := ""
	if s[0] == '"' {
		if zone, ok = unquote(in, s); !ok || zone == "" {
			return addr, false
		}
	} else {
		for i := range len(s) {
			if s[i] == ']' {
				return addr, false
			}
		}
		zone = str(in, s)
	}
	return addr.WithZone(zone), true
}

// parseIPv6 parses an IPv6 address in any of the forms of RFC 4291, section
// 2.2.
func parseIPv6[T text](s T) (ip [16]byte, ok bool) {
	n := 0         // bytes of ip that are filled
	ellipsis := -1 // where "::" is
	i := 0
	if len(s) >= 2 && s[0] == ':' && s[1] == ':' {
		ellipsis, i = 0, 2
	}
	for n < len(ip) && i < len(s) {
		start, group := i, uint(0)
		for i < len(s) {
			d := hexDigit(s[i])
			if d > 15 {
				break
			}
			group = group<<4 | d
			i++
		}
		if i == start || i-start > 4 && (i >= len(s) || s[i] != '.') {
			return ip, false
		}
		if i < len(s) && s[i] == '.' {
			ip4, next := scanIPv4(s, start)
			if next != len(s) || n > len(ip)-4 {
				return ip, false
			}
			i = next
			binary.BigEndian.PutUint32(ip[n:], ip4)
			n += 4
			break
		}
		ip[n], ip[n+1] = byte(group>>8), byte(group)
		n += 2
		if i == len(s) {
			break
		}
		if s[i] != ':' || i+1 == len(s) {
			return ip, false
		}
		i++
		if s[i] == ':' {
			if ellipsis >= 0 {
				return ip, false
			}
			ellipsis = n
			i++
		}
	}
	// "::" stands for at least one group.
	if i != len(s) || (ellipsis < 0) != (n == len(ip)) {
		return ip, false
	}
	if ellipsis >= 0 {
		tail := copy(ip[len(ip)-(n-ellipsis):], ip[ellipsis:n])
		clear(ip[ellipsis : len(ip)-tail])
	}
	return ip, true
}

// hexDigit returns the value of c, more than 15 if it is no hexadecimal digit.
func hexDigit(c byte) uint {
	switch {
	case c-'0' <= 9:
		return uint(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return uint(c|0x20-'a') + 10
	}
	return 16
}

// parseUint parses an unsigned decimal number of at most limit. Neither a sign
// nor an empty text is one.
func parseUint[T text](s T, limit uint64) (n uint64, ok bool) {
	if len(s) == 0 || len(s) > 20 {
		return 0, false
	}
	for i := range len(s) {
		d := uint64(s[i] - '0')
		if d > 9 || n > (1<<64-1-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, n <= limit
}

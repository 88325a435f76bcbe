package traceformat

import "net/netip"

// parseEndpoint parses the endpoint of the given side at s[i:] and returns the
// index after it, where the arrow or the bar should be.
func parseEndpoint[T text](in *interner, s T, i int, side string) (ap netip.AddrPort, next int, err error) {
	if i < len(s) && s[i] == '[' {
		ap, next, err = parseBracketed(in, s, i, side)
	} else {
		ap, next, err = parseBare(in, s, i, side)
	}
	switch {
	case err == nil:
	case len(s) == 0:
		err = badLine(s, "the line is empty")
	case indexArrow(s) < 0:
		err = badLine(s, "no arrow (→, ←, ↔, ->, <- or <->) in %s", quoteClip(s))
	}
	return ap, next, err
}

// parseBare parses "192.0.2.1:80" or "2001:db8::1%zone:80" at s[i:]. Every
// endpoint has a port, so the last colon is the port's.
func parseBare[T text](in *interner, s T, i int, side string) (ap netip.AddrPort, next int, err error) {
	end, colon := endpointEnd(s, i, side), -1
	for k := i; k < end; k++ {
		if s[k] == ':' {
			colon = k
		}
	}
	if colon < 0 {
		return ap, 0, badLine(s, "no port in the %s endpoint %s", side, quoteClip(s[i:end]))
	}
	addr, ok := parseAddr(in, s[i:colon])
	if !ok {
		return ap, 0, badLine(s, "the %s address %s is no IP address", side, quoteClip(s[i:colon]))
	}
	port, next := scanPort(s, colon+1)
	if next != end {
		return ap, 0, badPort(s, colon+1, end, side)
	}
	return netip.AddrPortFrom(addr, port), next, nil
}

// parseBracketed parses "[2001:db8::1%zone]:80" at s[i:].
func parseBracketed[T text](in *interner, s T, i int, side string) (ap netip.AddrPort, next int, err error) {
	end := i + 1
	for end < len(s) && s[end] != ']' {
		if s[end] == '%' && end+1 < len(s) && s[end+1] == '"' {
			if end = quotedEnd(s, end+1); end < 0 {
				return ap, 0, badLine(s, "the zone of the %s address %s has no closing quote", side, quoteClip(s[i:]))
			}
			break
		}
		end++
	}
	if end >= len(s) || s[end] != ']' {
		return ap, 0, badLine(s, "no ] after the %s address %s", side, quoteClip(s[i:]))
	}
	addr, ok := parseIPv6Zone(in, s[i+1:end])
	if !ok {
		return ap, 0, badLine(s, "the %s address %s is no IPv6 address", side, quoteClip(s[i+1:end]))
	}
	if end+1 == len(s) || s[end+1] != ':' {
		return ap, 0, badLine(s, "no port after the %s address %s", side, quoteClip(s[i:end+1]))
	}
	port, next := scanPort(s, end+2)
	if next < 0 {
		return ap, 0, badPort(s, end+2, endpointEnd(s, end+2, side), side)
	}
	return netip.AddrPortFrom(addr, port), next, nil
}

// badPort returns the error for the port s[i:end].
func badPort[T text](s T, i, end int, side string) error {
	return badLine(s, "the %s port %s is not a number from 0 to 65535", side, quoteClip(s[i:end]))
}

// endpointEnd returns where the endpoint at s[i:] ends that can only be told by
// what follows it: a remote one at the arrow, a local one at the bar.
func endpointEnd[T text](s T, i int, side string) int {
	if side == "remote" {
		if n := indexArrow(s[i:]); n >= 0 {
			return i + n
		}
		return len(s)
	}
	for i < len(s) && s[i] != '|' {
		i++
	}
	return i
}

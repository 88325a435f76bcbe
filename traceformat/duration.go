package traceformat

import "time"

// parseDuration parses what [time.Duration.String] returns, and any other sum
// of decimal numbers with units, such as "1m2.5s". Unlike [time.ParseDuration]
// it neither allocates nor rounds: a fraction of hours or minutes, or one that
// is no whole number of nanoseconds, is an error.
func parseDuration[T text](s T) (time.Duration, bool) {
	const limit = 1 << 63 // of the magnitude, for a negative duration
	if len(s) == 1 && s[0] == '0' {
		return 0, true
	}
	i := 0
	negative := len(s) > 0 && s[0] == '-'
	if negative {
		i++
	}
	if i == len(s) {
		return 0, false
	}
	sum := uint64(0)
	for i < len(s) {
		number := i
		for i < len(s) && s[i]-'0' <= 9 {
			i++
		}
		whole, ok := parseUint(s[number:i], limit)
		if !ok {
			return 0, false
		}
		fraction, digits := uint64(0), 0
		if i < len(s) && s[i] == '.' {
			number = i + 1
			for i++; i < len(s) && s[i]-'0' <= 9; i++ {
			}
			digits = i - number
			if fraction, ok = parseUint(s[number:i], 999_999_999); !ok || digits > 9 {
				return 0, false
			}
		}
		start := i
		for i < len(s) && s[i]-'0' > 9 {
			i++
		}
		unit := unitOf(s[start:i])
		if unit == 0 || whole > limit/unit || digits > 0 && unit > uint64(time.Second) {
			return 0, false
		}
		fraction *= unit // less than 1e18
		for range digits {
			if fraction%10 != 0 {
				return 0, false
			}
			fraction /= 10
		}
		value := whole*unit + fraction // at most limit and a second
		if value > limit-sum {
			return 0, false
		}
		sum += value
	}
	if negative {
		return time.Duration(-sum), true
	}
	return time.Duration(sum), sum < limit
}

// unitOf returns the nanoseconds of a unit, zero if there is no such unit.
func unitOf[T text](s T) uint64 {
	switch string(s) {
	case "ns":
		return uint64(time.Nanosecond)
	case "us", "µs", "μs": // U+00B5 and U+03BC
		return uint64(time.Microsecond)
	case "ms":
		return uint64(time.Millisecond)
	case "s":
		return uint64(time.Second)
	case "m":
		return uint64(time.Minute)
	case "h":
		return uint64(time.Hour)
	}
	return 0
}

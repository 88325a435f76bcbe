package traceformat

import "strconv"

// The bounds of an interner. A trace has few distinct names; what exceeds the
// bounds costs an allocation for each use, never memory that grows.
const (
	maxInternEntries = 1 << 13
	maxInternBytes   = 1 << 20
	maxInternString  = 1 << 14
)

// interner makes strings of bytes, one for each distinct text. When its bounds
// are reached it forgets everything and begins again.
type interner struct {
	recent  [256]string       // the last string for each hash
	raw     map[string]string // text as it stands in the line: that text
	quoted  map[string]string // Go quoted text: what it stands for
	entries int
	bytes   int
}

// str returns s as a string. With a nil interner it is s itself if that is a
// string, else a copy.
func str[T text](in *interner, s T) string {
	if in == nil {
		return string(s)
	}
	if len(s) == 0 {
		return ""
	}
	// Processes come in runs and few at a time, so a comparison mostly does
	// without the map.
	slot := &in.recent[s[0]^s[len(s)-1]<<3^s[len(s)/2]<<5^byte(len(s))]
	if string(s) == *slot {
		return *slot
	}
	v, ok := in.raw[string(s)]
	if !ok {
		v = string(s)
		if !in.room(len(v)) {
			return v
		}
		in.raw[v] = v
	}
	*slot = v
	return v
}

// unquote returns what the Go quoted string s stands for.
func unquote[T text](in *interner, s T) (v string, ok bool) {
	if in != nil {
		if v, ok = in.quoted[string(s)]; ok {
			return v, true
		}
	}
	q := string(s)
	v, err := strconv.Unquote(q)
	if err != nil {
		return "", false
	}
	if in != nil && in.room(len(q)+len(v)) {
		in.quoted[q] = v
	}
	return v, true
}

// room makes room for an entry of n bytes, and reports whether it may be kept.
func (in *interner) room(n int) bool {
	if n > maxInternString {
		return false
	}
	if in.raw == nil || in.entries >= maxInternEntries || in.bytes+n > maxInternBytes {
		*in = interner{raw: make(map[string]string), quoted: make(map[string]string)}
	}
	in.entries++
	in.bytes += n
	return true
}

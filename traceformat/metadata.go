package traceformat

import "time"

// The keys of a line. They are bits of a set, in the order in which they are
// written.
const (
	keyPID = 1 << iota
	keyEvent
	keyOwner
	keyTime
	keyStart
	keyUID
	keyNetNS
	keyCgroup
	keyHost
	keyContainer
	keyUnit
	keyExe
	keyArgs
	keySent
	keyRecv
	keyDur
	keyErrno
	keyCount
)

// parseMetadata parses what follows the bar, s[i:], into e.
func parseMetadata[T text](in *interner, s T, i int, e *Event) error {
	seen := 0
	// Nearly every line begins with the process id, so that goes without
	// looking for the ends of key and value first. The loop reads it as well.
	if len(s)-i > 4 && string(s[i:i+4]) == "PID=" {
		if pid, next, ok := scanPID(s, i+4); ok {
			e.Process.PID, i, seen = pid, next, keyPID
		}
	}
	for i < len(s) {
		if len(s)-i >= 4 && string(s[i:i+4]) == "CMD=" {
			e.Process.Command = command(in, s[i+4:])
			return nil
		}
		start := i
		for i < len(s) && s[i] != '=' && s[i] != ' ' {
			i++
		}
		if i == len(s) || s[i] == ' ' {
			i++ // a word that is no key, or one more space
			continue
		}
		key := s[start:i]
		i++
		value := i
		if i < len(s) && s[i] == '"' {
			i = quotedEnd(s, i)
			if i < 0 {
				return badLine(s, "the value of %s has no closing quote", quoteClip(key))
			}
			if i < len(s) && s[i] != ' ' {
				return badLine(s, "no space after the quoted value of %s", quoteClip(key))
			}
		} else {
			for i < len(s) && s[i] != ' ' {
				i++
			}
		}
		id, ok := setKey(in, key, s[value:i], e)
		if !ok {
			return badLine(s, "%s=%s is not valid: %s expected", string(key), quoteClip(s[value:i]), expected(id))
		}
		if seen&id != 0 {
			return badLine(s, "%s is given twice", string(key))
		}
		seen |= id
		i++
	}
	return nil
}

// scanPID reads a number of nine digits or fewer, and the space after it, at
// s[i:].
func scanPID[T text](s T, i int) (pid uint32, next int, ok bool) {
	start := i
	for i < len(s) && s[i]-'0' <= 9 {
		pid = pid*10 + uint32(s[i]-'0')
		i++
	}
	n := i - start
	return pid, i + 1, n > 0 && n < 10 && i < len(s) && s[i] == ' '
}

// command returns the process name that the rest of a line stands for. Names
// are chosen by the processes, and the original script prints them as they are,
// so a name that only begins like a quoted string is taken as it is: no process
// can hide a line of its own by its name.
func command[T text](in *interner, s T) string {
	if len(s) > 0 && s[0] == '"' {
		if v, ok := unquote(in, s); ok {
			return v
		}
	}
	return str(in, s)
}

// setKey sets the field of e that key stands for. It returns the key's bit,
// zero for a key that is not known, and whether the value is valid.
func setKey[T text](in *interner, key, v T, e *Event) (id int, ok bool) {
	p := &e.Process
	var n uint64
	switch string(key) {
	case "PID":
		n, ok = parseUint(v, 1<<32-1)
		p.PID = uint32(n)
		return keyPID, ok
	case "EVENT":
		e.Kind, ok = parseKind(v)
		return keyEvent, ok
	case "OWNER":
		e.Owner, ok = parseOwner(v)
		return keyOwner, ok
	case "TIME":
		e.Time, ok = parseTime(v)
		return keyTime, ok
	case "START":
		p.StartTime, ok = parseTime(v)
		return keyStart, ok
	case "UID":
		n, ok = parseUint(v, 1<<32-1)
		p.UID = NewUID(uint32(n))
		return keyUID, ok
	case "NETNS":
		n, ok = parseUint(v, 1<<32-1)
		p.NetNS = uint32(n)
		return keyNetNS, ok
	case "CGROUP":
		p.CgroupID, ok = parseUint(v, 1<<64-1)
		return keyCgroup, ok
	case "HOST":
		p.Host, ok = value(in, v)
		return keyHost, ok
	case "CONTAINER":
		p.Container, ok = value(in, v)
		return keyContainer, ok
	case "UNIT":
		p.Unit, ok = value(in, v)
		return keyUnit, ok
	case "EXE":
		p.Exe, ok = value(in, v)
		return keyExe, ok
	case "ARGS":
		p.Cmdline, ok = value(in, v)
		return keyArgs, ok
	case "SENT":
		e.BytesSent, ok = parseUint(v, 1<<64-1)
		return keySent, ok
	case "RECV":
		e.BytesReceived, ok = parseUint(v, 1<<64-1)
		return keyRecv, ok
	case "DUR":
		e.Duration, ok = parseDuration(v)
		return keyDur, ok
	case "ERRNO":
		e.Errno, ok = parseErrno(v)
		return keyErrno, ok
	case "COUNT":
		e.Count, ok = parseUint(v, 1<<64-1)
		return keyCount, ok
	}
	return 0, true
}

// expected says what a value of the key may be, for messages.
func expected(id int) string {
	switch id {
	case keyPID, keyUID, keyNetNS:
		return "a number from 0 to 4294967295"
	case keyCgroup, keySent, keyRecv, keyCount:
		return "a number from 0 to 18446744073709551615"
	case keyEvent:
		return "open, close or fail"
	case keyOwner:
		return "direct, listener or snapshot"
	case keyTime, keyStart:
		return "a time like 2006-01-02T15:04:05.999999999Z"
	case keyDur:
		return "a duration like 1.5s"
	case keyErrno:
		return "a name like ECONNREFUSED, or a number"
	}
	return "a word, or a Go quoted string"
}

// value returns the text that v stands for.
func value[T text](in *interner, v T) (string, bool) {
	if len(v) > 0 && v[0] == '"' {
		return unquote(in, v)
	}
	return str(in, v), true
}

func parseKind[T text](s T) (Kind, bool) {
	switch string(s) {
	case "open":
		return Open, true
	case "close":
		return Close, true
	case "fail":
		return Fail, true
	}
	return 0, false
}

func parseOwner[T text](s T) (Owner, bool) {
	switch string(s) {
	case "direct":
		return OwnerDirect, true
	case "listener":
		return OwnerListener, true
	case "snapshot":
		return OwnerSnapshot, true
	}
	return 0, false
}

// parseTime parses an RFC 3339 time, in any zone, to UTC.
func parseTime[T text](s T) (time.Time, bool) {
	var t time.Time
	err := t.UnmarshalText([]byte(s))
	return t.UTC(), err == nil && representable(t)
}

package traceformat

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// AppendTo appends e to dst as one line without a newline, and returns the
// extended buffer. What it appends is printable UTF-8, whatever e holds.
//
// It never fails. An event that no line can stand for gives a line that [Parse]
// refuses, with a "?" where an address is invalid or a Direction does not
// exist; [Event.MarshalText] reports these as errors. IPv4-mapped addresses are
// written unmapped.
func (e Event) AppendTo(dst []byte, f Format) []byte { return e.appendTo(dst, f) }

// appendTo is AppendTo without the copy of e.
func (e *Event) appendTo(dst []byte, f Format) []byte {
	dst = appendEndpoint(dst, e.Remote)
	dst = append(dst, f.arrow(e.Direction)...)
	dst = appendEndpoint(dst, e.Local)
	dst = append(dst, '|')
	bar := len(dst)
	if e.Process.PID != 0 {
		dst = append(dst, "PID="...)
		dst = strconv.AppendUint(dst, uint64(e.Process.PID), 10)
		dst = append(dst, ' ')
	}
	if f.Extended {
		dst = e.appendKeys(dst)
	}
	if e.Process.Command != "" {
		dst = append(dst, "CMD="...)
		return appendCommand(dst, e.Process.Command)
	}
	if len(dst) > bar {
		dst = dst[:len(dst)-1] // the space after the last key
	}
	return dst
}

// appendKeys appends the keys of the extended form, each followed by a space.
func (e *Event) appendKeys(dst []byte) []byte {
	p := &e.Process
	if e.Kind != Open {
		dst = appendKey(dst, "EVENT=", e.Kind.String())
	}
	if e.Owner != OwnerDirect {
		dst = appendKey(dst, "OWNER=", e.Owner.String())
	}
	dst = appendTimeKey(dst, "TIME=", e.Time)
	dst = appendTimeKey(dst, "START=", p.StartTime)
	if uid, ok := p.UID.Get(); ok {
		dst = append(dst, "UID="...)
		dst = strconv.AppendUint(dst, uint64(uid), 10)
		dst = append(dst, ' ')
	}
	dst = appendUintKey(dst, "NETNS=", uint64(p.NetNS), false)
	dst = appendUintKey(dst, "CGROUP=", p.CgroupID, false)
	dst = appendKey(dst, "HOST=", p.Host)
	dst = appendKey(dst, "CONTAINER=", p.Container)
	dst = appendKey(dst, "UNIT=", p.Unit)
	dst = appendKey(dst, "EXE=", p.Exe)
	dst = appendKey(dst, "ARGS=", p.Cmdline)
	// That nothing was sent is worth saying of a connection that ended.
	dst = appendUintKey(dst, "SENT=", e.BytesSent, e.Kind == Close)
	dst = appendUintKey(dst, "RECV=", e.BytesReceived, e.Kind == Close)
	if e.Duration != 0 {
		dst = append(dst, "DUR="...)
		dst = append(dst, e.Duration.String()...)
		dst = append(dst, ' ')
	}
	dst = appendKey(dst, "ERRNO=", e.Errno.String())
	return appendUintKey(dst, "COUNT=", e.Count, false)
}

func appendKey(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, key...)
	dst = appendValue(dst, value)
	return append(dst, ' ')
}

func appendUintKey(dst []byte, key string, n uint64, always bool) []byte {
	if n == 0 && !always {
		return dst
	}
	dst = append(dst, key...)
	dst = strconv.AppendUint(dst, n, 10)
	return append(dst, ' ')
}

func appendTimeKey(dst []byte, key string, t time.Time) []byte {
	if t.IsZero() {
		return dst
	}
	dst = append(dst, key...)
	dst = t.UTC().AppendFormat(dst, time.RFC3339Nano)
	return append(dst, ' ')
}

// appendEndpoint appends ap, with a "?" for an invalid address and the zone
// quoted if it could be taken for something else.
func appendEndpoint(dst []byte, ap netip.AddrPort) []byte {
	addr := ap.Addr()
	switch {
	case !addr.IsValid():
		dst = append(dst, '?')
	case addr.Is4() || addr.Is4In6():
		return append4(dst, addr.As4(), ap.Port())
	default:
		dst = append(dst, '[')
		dst = addr.WithZone("").AppendTo(dst)
		if zone := addr.Zone(); zone != "" {
			dst = append(dst, '%')
			dst = appendZone(dst, zone)
		}
		dst = append(dst, ']')
	}
	dst = append(dst, ':')
	return strconv.AppendUint(dst, uint64(ap.Port()), 10)
}

// appendZone appends a zone, quoted if it is not a plain word.
func appendZone(dst []byte, zone string) []byte {
	for i := range len(zone) {
		switch c := zone[i]; {
		case c >= '0' && c <= '9', c|0x20 >= 'a' && c|0x20 <= 'z', c == '.', c == '_', c == '-', c == ':', c == '@':
		default:
			return strconv.AppendQuote(dst, zone)
		}
	}
	return append(dst, zone...)
}

// String returns e in the extended form with Unicode arrows. The text is
// printable and one line.
func (e Event) String() string { return string(e.appendTo(nil, Format{Extended: true})) }

// MarshalText returns what String returns, or an error if no line can stand for
// e: an address is not valid, a Kind, Direction or Owner does not exist, or a
// time is not within the years 0 to 9999.
func (e Event) MarshalText() ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("traceformat: marshal event: %w", err)
	}
	return e.appendTo(nil, Format{Extended: true}), nil
}

// UnmarshalText parses a line as [Parse] does. The event shares no memory with
// line. On an error e stays as it was.
func (e *Event) UnmarshalText(line []byte) error {
	v, err := Parse(string(line))
	if err != nil {
		return err
	}
	*e = v
	return nil
}

// check returns why e cannot be written, nil if it can.
func (e *Event) check() error {
	switch {
	case !e.Remote.IsValid():
		return errors.New("the remote address is not valid")
	case !e.Local.IsValid():
		return errors.New("the local address is not valid")
	case e.Kind > Fail:
		return fmt.Errorf("there is no %v", e.Kind)
	case e.Direction > Incoming:
		return fmt.Errorf("there is no %v", e.Direction)
	case e.Owner > OwnerSnapshot:
		return fmt.Errorf("there is no %v", e.Owner)
	case !representable(e.Time):
		return errors.New("the time is not within the years 0 to 9999")
	case !representable(e.Process.StartTime):
		return errors.New("the start time is not within the years 0 to 9999")
	}
	return nil
}

// representable reports whether RFC 3339 has a text for t in UTC.
func representable(t time.Time) bool {
	const (
		begin = -62167219200 // 0000-01-01T00:00:00Z
		end   = 253402300800 // 10000-01-01T00:00:00Z
	)
	unix := t.Unix()
	return unix >= begin && unix < end
}

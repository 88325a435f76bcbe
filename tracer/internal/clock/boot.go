//go:build linux

// Package clock relates the clocks of Linux to each other.
package clock

import (
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Boot returns the time of day at which CLOCK_BOOTTIME was 0, by the time of
// day of now: it changes when that is set. It is as exact as two clocks can be
// read one after the other, mostly a microsecond or less.
func Boot() (time.Time, error) { return boot(unix.ClockGettime) }

// tries is how often the clocks are read. A thread can be held up for long
// between two of them, in a virtual machine as well, but hardly each time.
const tries = 16

func boot(gettime func(id int32, ts *unix.Timespec) error) (time.Time, error) {
	var at int64
	narrowest := int64(math.MaxInt64)
	for range tries {
		var before, now, after unix.Timespec
		for _, c := range []struct {
			id int32
			ts *unix.Timespec
		}{
			{unix.CLOCK_BOOTTIME, &before}, {unix.CLOCK_REALTIME, &now}, {unix.CLOCK_BOOTTIME, &after},
		} {
			if err := gettime(c.id, c.ts); err != nil {
				return time.Time{}, os.NewSyscallError("clock_gettime", err)
			}
		}
		// The time of day was read between the two, so that half of what lies
		// between them is the most by which this can be wrong.
		if between := after.Nano() - before.Nano(); between < narrowest {
			narrowest = between
			at = now.Nano() - before.Nano() - between/2
		}
	}
	return time.Unix(0, at).UTC(), nil
}

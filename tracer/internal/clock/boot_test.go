//go:build linux

package clock

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestBootHeldUp has the thread held up at each place but in one of the tries.
// Before the first reading of a try that does no harm.
func TestBootHeldUp(t *testing.T) {
	const (
		perTry = 3
		read   = 50 * time.Nanosecond
		heldUp = 25 * time.Millisecond
	)
	want := time.Date(2026, time.November, 25, 5, 31, 0, 0, time.UTC)
	for place := range perTry {
		for _, undisturbed := range []int{0, 1, tries - 1} {
			t.Run(strconv.Itoa(place)+","+strconv.Itoa(undisturbed), func(t *testing.T) {
				var up time.Duration
				var reads int
				got, err := boot(func(id int32, ts *unix.Timespec) error {
					if reads%perTry == place && reads/perTry != undisturbed {
						up += heldUp
					}
					reads++
					up += read
					switch id {
					case unix.CLOCK_BOOTTIME:
						*ts = unix.NsecToTimespec(int64(up))
					case unix.CLOCK_REALTIME:
						*ts = unix.NsecToTimespec(want.Add(up).UnixNano())
					default:
						return unix.EINVAL
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if d := got.Sub(want).Abs(); d > perTry*read {
					t.Errorf("boot = %v, want %v: %v apart", got, want, d)
				}
			})
		}
	}
}

func TestBootNoClock(t *testing.T) {
	for _, missing := range []int32{unix.CLOCK_BOOTTIME, unix.CLOCK_REALTIME} {
		_, err := boot(func(id int32, _ *unix.Timespec) error {
			if id == missing {
				return unix.EINVAL
			}
			return nil
		})
		if !errors.Is(err, unix.EINVAL) {
			t.Errorf("clock %d: err = %v, want %v", missing, err, unix.EINVAL)
		}
	}
}

// TestBoot compares with the kernel's own uptime, read in another way.
func TestBoot(t *testing.T) {
	got, err := Boot()
	if err != nil {
		t.Fatal(err)
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		t.Fatal(err)
	}
	// sysinfo counts whole seconds, and rounds up.
	if d := time.Since(got) - time.Duration(info.Uptime)*time.Second; d.Abs() > 2*time.Second {
		t.Errorf("booted %v ago, and uptime is %v s", time.Since(got), info.Uptime)
	}
}

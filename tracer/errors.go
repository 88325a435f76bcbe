//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// checkKernel refuses early what would fail with a riddle.
func checkKernel() error {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return os.NewSyscallError("uname", err)
	}
	release := unix.ByteSliceToString(u.Release[:])
	if !atLeast(release, 5, 13) {
		return fmt.Errorf("kernel %s is too old: Linux 5.13 or later is needed: %w", release, errors.ErrUnsupported)
	}
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("kernel %s has no BTF at /sys/kernel/btf/vmlinux: use a kernel built with CONFIG_DEBUG_INFO_BTF, and mount /sys: %w", release, errors.ErrUnsupported)
	}
	return nil
}

// checkPrivileges refuses early what the loader takes for a lack of support,
// since its tests of what the kernel can do are refused as well.
func checkPrivileges() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return os.NewSyscallError("capget", err)
	}
	has := func(capability int) bool { return sets[capability/32].Effective>>(capability%32)&1 != 0 }
	if has(unix.CAP_SYS_ADMIN) || has(unix.CAP_BPF) && has(unix.CAP_PERFMON) {
		return nil
	}
	return os.ErrPermission
}

// atLeast compares a kernel release such as "6.1.0-13-amd64". One that it
// cannot read passes: what does not work will say so later.
func atLeast(release string, major, minor int) bool {
	var a, b int
	if n, _ := fmt.Sscanf(release, "%d.%d", &a, &b); n != 2 {
		return true
	}
	return a > major || a == major && b >= minor
}

// explain says what to do about an error of Open, on one line.
func explain(err error) error {
	var verifier *ebpf.VerifierError
	switch {
	case errors.As(err, &verifier) && !errors.Is(err, unix.EPERM):
		// Its errno is EACCES at times, which is no matter of privileges.
		return &openError{"the kernel refused the programs of this version: please report it with the kernel's release", verifierError{err}}
	case errors.Is(err, os.ErrPermission):
		remedy := "run as root (go run -exec sudo …), or grant CAP_BPF and CAP_PERFMON (setcap cap_bpf,cap_perfmon+ep FILE)"
		if mode := lockdown(); mode != "" {
			remedy = "the kernel is locked down (" + mode + "), which forbids BPF programs to read it: boot with lockdown=integrity or without lockdown"
		}
		return &openError{remedy, permissionError{err}}
	case errors.Is(err, ebpf.ErrNotSupported):
		return &openError{"this kernel lacks what is needed: Linux 5.13 or later with BTF", errors.Join(err, errors.ErrUnsupported)}
	}
	return err
}

// openError puts the remedy behind the cause.
type openError struct {
	remedy string
	err    error
}

func (e *openError) Error() string { return oneLine(e.err) + "; " + e.remedy }
func (e *openError) Unwrap() error { return e.err }

// permissionError leaves out which of the many steps was the first to be
// refused, and what the loader guesses from it.
type permissionError struct{ err error }

func (permissionError) Error() string   { return "no permission to trace the kernel" }
func (e permissionError) Unwrap() error { return e.err }

// verifierError hides the errno of a program that the verifier refused.
type verifierError struct{ error }

// reason says in one line why something could not be attached, without the
// loader's guess at the memory that may be locked: that is not limited where the
// tracer runs.
func reason(err error) string {
	return strings.ReplaceAll(oneLine(err), " (MEMLOCK may be too low, consider rlimit.RemoveMemlock)", "")
}

// oneLine cuts an error to its first line: the verifier's has thousands.
func oneLine(err error) string {
	s, _, _ := strings.Cut(err.Error(), "\n")
	return s
}

// lockdown returns the mode of kernel lockdown if it forbids tracing.
func lockdown() string {
	text, err := os.ReadFile("/sys/kernel/security/lockdown")
	if err == nil && strings.Contains(string(text), "[confidentiality]") {
		return "confidentiality"
	}
	return ""
}

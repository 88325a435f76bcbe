//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// checkKernel refuses early what would fail with a riddle.
func checkKernel() error {
	release := kernelRelease()
	if !atLeast(release, 5, 13) {
		return fmt.Errorf("kernel %s is too old: Linux 5.13 or later is needed: %w", release, errors.ErrUnsupported)
	}
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("kernel %s has no BTF at /sys/kernel/btf/vmlinux: use a kernel built with CONFIG_DEBUG_INFO_BTF, and mount /sys: %w", release, errors.ErrUnsupported)
	}
	return nil
}

// checkPrivileges refuses early what the loader takes for a lack of support,
// since its tests of what the kernel can do are refused as well. That the process
// has the capabilities need not mean that it may use them, so it loads a program.
func checkPrivileges() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return os.NewSyscallError("capget", err)
	}
	has := func(capability int) bool { return sets[capability/32].Effective>>(capability%32)&1 != 0 }
	if !has(unix.CAP_SYS_ADMIN) && !(has(unix.CAP_BPF) && has(unix.CAP_PERFMON)) {
		return errPrivileges
	}
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.RawTracepoint,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
		License:      "Dual MIT/GPL",
	})
	switch {
	case errors.Is(err, os.ErrPermission):
		return err
	case err != nil:
		return nil // what is wrong will show, and better
	}
	return p.Close()
}

// errPrivileges is that the process lacks the capabilities.
var errPrivileges error = privilegesError{}

type privilegesError struct{}

func (privilegesError) Error() string { return "no permission to trace the kernel" }
func (privilegesError) Unwrap() error { return os.ErrPermission }

// kernelRelease returns the release of the running kernel, "" if it is not told.
func kernelRelease() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
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
	case errors.Is(err, errPrivileges):
		return &openError{"run as root (go run -exec sudo …), or grant CAP_BPF and CAP_PERFMON (setcap cap_bpf,cap_perfmon+ep FILE)", err}
	case errors.Is(err, os.ErrPermission):
		return &openError{whoRefuses(), refusedError{err}}
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

// refusedError names the step that was refused, without what the loader guesses
// from it.
type refusedError struct{ err error }

func (e refusedError) Error() string { return "no permission to trace the kernel: " + reason(e.err) }
func (e refusedError) Unwrap() error { return e.err }

// whoRefuses says what forbids a process that has the capabilities to use them.
func whoRefuses() string {
	if mode := lockdown(); mode != "" {
		return "the kernel is locked down (" + mode + "), which forbids BPF programs to read it: boot with lockdown=integrity or without lockdown"
	}
	if inUserNamespace() {
		return "the capabilities of this process are those of a user namespace (a rootless container): run it outside"
	}
	return "this process has the capabilities, so something else forbids it: a security module, a seccomp filter (run a container with --privileged), or the build of the kernel"
}

// inUserNamespace tells whether the process is in a user namespace other than
// the initial one, which alone maps all numbers of users to themselves.
func inUserNamespace() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && !slices.Equal(strings.Fields(string(text)), []string{"0", "0", "4294967295"})
}

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

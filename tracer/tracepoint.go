//go:build linux

package tracer

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// attachTracepoint runs a program at a trace event, on all processors. The
// kernel takes events by a number that only tracefs tells, and tracefs is often
// not mounted, or hidden by a newly mounted /sys; so it is mounted for the
// moment, where nobody else sees it.
func attachTracepoint(group, name string, prog *ebpf.Program) (io.Closer, error) {
	id, err := tracepointID(group, name)
	if err != nil {
		return nil, err
	}
	attr := unix.PerfEventAttr{
		Type:   unix.PERF_TYPE_TRACEPOINT,
		Config: id,
		Size:   uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
		// Samples are not read; the program runs at each hit.
		Sample: 1,
		Wakeup: 1,
	}
	// A program that is attached to the event of one processor runs on all
	// (perf_event_set_bpf_prog: it joins the list of the trace event).
	fd, err := unix.PerfEventOpen(&attr, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open the perf event: %w", err)
	}
	f := os.NewFile(uintptr(fd), "perf_event:"+name)
	for _, ctl := range []struct {
		what       string
		req, value int
	}{
		{"attach the program", unix.PERF_EVENT_IOC_SET_BPF, prog.FD()},
		{"enable the perf event", unix.PERF_EVENT_IOC_ENABLE, 0},
	} {
		if err := unix.IoctlSetInt(fd, uint(ctl.req), ctl.value); err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: %w", ctl.what, err)
		}
	}
	return f, nil
}

func tracepointID(group, name string) (uint64, error) {
	rel := filepath.Join("events", group, name, "id")
	text, err := readTracefs(rel)
	if err != nil {
		return 0, fmt.Errorf("read tracefs: %w", err)
	}
	id, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("tracefs %s: %w", rel, err)
	}
	return id, nil
}

// readTracefs reads a file of tracefs, which need not be mounted.
func readTracefs(path string) ([]byte, error) {
	text, err := readDetached("tracefs", path)
	if err == nil {
		return text, nil
	}
	// No right to mount: where it is mounted already, it will do.
	if mounted, errMounted := os.ReadFile(filepath.Join("/sys/kernel/tracing", path)); errMounted == nil {
		return mounted, nil
	}
	return nil, err
}

// readDetached reads a file of a file system that it mounts nowhere.
func readDetached(fstype, path string) ([]byte, error) {
	fsfd, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("fsopen", err)
	}
	defer unix.Close(fsfd)
	if err := unix.FsconfigCreate(fsfd); err != nil {
		return nil, os.NewSyscallError("fsconfig", err)
	}
	root, err := unix.Fsmount(fsfd, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_RDONLY)
	if err != nil {
		return nil, os.NewSyscallError("fsmount", err)
	}
	defer unix.Close(root)
	fd, err := unix.Openat(root, path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	return io.ReadAll(f)
}

package netlab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// hasChildren reports whether the process has children, ended ones that nobody
// has waited for included.
func hasChildren() bool {
	return waitid(unix.P_ALL, 0, unix.WNOHANG) == nil
}

// listChildren returns the children's process ids, as far as the kernel tells
// (CONFIG_PROC_CHILDREN).
func listChildren() string {
	files, _ := filepath.Glob("/proc/self/task/*/children")
	var pids []string
	for _, f := range files {
		b, _ := os.ReadFile(f)
		pids = append(pids, strings.Fields(string(b))...)
	}
	if len(pids) == 0 {
		return "the kernel does not tell which"
	}
	return "pid " + strings.Join(pids, ", ")
}

// strayThreads describes the threads that are in another network namespace
// than the process's main thread.
func strayThreads() []string {
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return nil // no /proc: nothing to see
	}
	files, _ := filepath.Glob("/proc/self/task/*/ns/net")
	var stray []string
	for _, f := range files {
		if target, err := os.Readlink(f); err == nil && target != own {
			stray = append(stray, fmt.Sprintf("thread in another network namespace: %s is %s", f, target))
		}
	}
	return stray
}

// waitid waits until a child has ended, and leaves it to be waited for. The
// error is ECHILD where there is no such child.
func waitid(idType, id, options int) error {
	for {
		err := unix.Waitid(idType, id, nil, unix.WEXITED|unix.WNOWAIT|options, nil)
		if err != unix.EINTR {
			return err
		}
	}
}

package netlab

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// CgroupRoot returns where control groups of version 2 are mounted.
func CgroupRoot() (string, error) {
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var fs unix.Statfs_t
		if unix.Statfs(dir, &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC {
			return dir, nil
		}
	}
	return "", errors.New("netlab: control groups of version 2 are not mounted at /sys/fs/cgroup")
}

// OwnCgroup returns the path of this process's control group of version 2, below
// [CgroupRoot].
func OwnCgroup() (string, error) {
	file, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(file)) {
		if path, ok := strings.CutPrefix(line, "0::"); ok {
			return strings.TrimSuffix(path, "\n"), nil
		}
	}
	return "", errors.New("netlab: /proc/self/cgroup has no control group of version 2")
}

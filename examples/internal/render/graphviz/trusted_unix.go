//go:build unix

package graphviz

import (
	"os"
	"path/filepath"
	"syscall"
)

// trusted returns a directory without symbolic links in its path, and reports
// whether nobody but this user and root can change what is in it, or can put
// another in its place.
func trusted(dir string) (real string, ok bool) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil || !filepath.IsAbs(real) {
		return "", false
	}
	for at := real; ; at = filepath.Dir(at) {
		st, err := os.Lstat(at)
		if err != nil || !st.IsDir() {
			return "", false
		}
		sys, ok := st.Sys().(*syscall.Stat_t)
		if !ok || sys.Uid != 0 && int(sys.Uid) != os.Geteuid() {
			return "", false
		}
		open := st.Mode().Perm()&0o022 != 0
		if open && (at == real || st.Mode()&os.ModeSticky == 0) {
			return "", false
		}
		if at == filepath.Dir(at) {
			return real, true
		}
	}
}

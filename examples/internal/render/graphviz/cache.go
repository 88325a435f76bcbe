package graphviz

import (
	"os"
	"path/filepath"
)

// cacheDir returns a directory for the machine code that the module is compiled
// to, and reports whether there is one. It is in the user's cache directory,
// and nobody but the user and root can write in it: what is found there is run,
// by root too.
func cacheDir() (dir string, ok bool) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", false
	}
	dir = filepath.Join(cache, "tcpgraph", "graphviz")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", false
	}
	return trusted(dir)
}

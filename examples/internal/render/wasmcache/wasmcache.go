// Package wasmcache decides where go-graphviz keeps the machine code that it
// compiles from WebAssembly.
//
// When go-graphviz is initialised it compiles its module, and looks for the
// result of an earlier run in the folder go-graphviz of the temporary directory.
// Anybody can make that folder first, and put code into it that another user,
// or root, then runs. So this package, when it is initialised, points the
// temporary directory elsewhere: into the user's cache directory; without one, as
// services have none, into a folder of this user's in the temporary directory; and
// if somebody else can write in either, to where no folder can be made, so that
// nothing is kept, and a second is spent on compiling each time. [Restore] puts it
// back.
//
// That works because a program initialises its packages in the order of their
// import paths, as far as imports allow, and this one's path is before that of
// wazero, which go-graphviz waits for. A test of package render holds it to that,
// and fails if the module is renamed to a path that is not.
package wasmcache

import (
	"fmt"
	"os"
	"path/filepath"
)

const variable = "TMPDIR"

var before, wasSet = os.LookupEnv(variable)

func init() {
	dir, ok := private()
	if !ok {
		dir = os.DevNull // no folder can be made in it
	}
	os.Setenv(variable, dir) //nolint:errcheck // the name and the value are valid
}

// Restore gives TMPDIR the value that it had. It is for the initialisation of a
// package that imports go-graphviz.
func Restore() {
	if wasSet {
		os.Setenv(variable, before) //nolint:errcheck // as it was
	} else {
		os.Unsetenv(variable) //nolint:errcheck // as it was
	}
}

// private returns a directory that only this user can write in, and reports
// whether there is one.
func private() (dir string, ok bool) {
	if cache, err := os.UserCacheDir(); err == nil {
		dir, ok = own(filepath.Join(cache, "tcpgraph"))
	}
	if !ok {
		dir, ok = own(filepath.Join(os.TempDir(), fmt.Sprintf("tcpgraph-%d", os.Geteuid())))
	}
	return dir, ok
}

// own makes a directory if it is not there, and reports whether it is this user's
// own.
func own(dir string) (real string, ok bool) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", false
	}
	return trusted(dir)
}

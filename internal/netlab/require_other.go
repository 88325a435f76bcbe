//go:build !linux

package netlab

import (
	"runtime"
	"testing"
)

// Require skips the test: there are no network namespaces on this system.
func Require(t testing.TB) {
	t.Helper()
	Skip(t, "network namespaces need Linux, this is "+runtime.GOOS)
}

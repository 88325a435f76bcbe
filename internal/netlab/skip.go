package netlab

import (
	"os"
	"testing"
)

// requireEnv names the environment variable that turns skips into failures.
const requireEnv = "TCPGRAPH_REQUIRE"

// Skip skips the test and says why. Where the environment variable
// TCPGRAPH_REQUIRE is set to anything but "0" it fails the test instead, so
// that a machine on which everything must be there skips nothing unnoticed.
// It must be called from the test's goroutine.
func Skip(t testing.TB, reason string) {
	t.Helper()
	if v := os.Getenv(requireEnv); v != "" && v != "0" {
		t.Fatalf("%s=%s forbids to skip this test: %s", requireEnv, v, reason)
	}
	t.Skip(reason)
}

package kernels

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const initPackage = "example.com/tcpgraph/tracer/internal/kernels/vminit"

// BuildInit builds vminit for [VM.Init] into a file, for kernels of an
// architecture, with the go command and the working directory's module.
func BuildInit(ctx context.Context, arch, file string) error {
	return goTool(ctx, arch, file, "build", "-ldflags=-s -w", "-o", file, initPackage)
}

// BuildTest builds the tests of a package into a file that runs in a [VM].
func BuildTest(ctx context.Context, arch, file, pkg string) error {
	return goTool(ctx, arch, file, "test", "-c", "-ldflags=-s -w", "-o", file, pkg)
}

// goTool runs the go command for an architecture.
func goTool(ctx context.Context, arch, file string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", filepath.Base(file), err, bytes.TrimSpace(out))
	}
	return nil
}

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

// BuildInit builds vminit for [VM.Init] into a file, with the go command and
// the working directory's module.
func BuildInit(ctx context.Context, file string) error {
	return goTool(ctx, file, "build", "-ldflags=-s -w", "-o", file, initPackage)
}

// BuildTest builds the tests of a package into a file that runs in a [VM].
func BuildTest(ctx context.Context, file, pkg string) error {
	return goTool(ctx, file, "test", "-c", "-ldflags=-s -w", "-o", file, pkg)
}

// goTool runs the go command for the machines' architecture.
func goTool(ctx context.Context, file string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", filepath.Base(file), err, bytes.TrimSpace(out))
	}
	return nil
}

// Command vmexec runs a test binary on another kernel, for go test -exec:
//
//	go build -o /tmp/vmexec ./tracer/internal/kernels/vmexec
//	CGO_ENABLED=0 go test -exec "/tmp/vmexec 6.1" ./tracer
//	CGO_ENABLED=0 GOARCH=arm64 go test -exec "/tmp/vmexec 6.1-arm64" ./tracer
//
// The first argument is the series of the kernel, which is fetched at need; see
// package kernels. The test sees the folder testdata and those variables of the
// environment whose names begin with TCPGRAPH_. The exit status is the test's.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"example.com/tcpgraph/tracer/internal/kernels"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status, err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "vmexec:", err)
		status = 1
	}
	os.Exit(status)
}

func run(ctx context.Context, args []string) (int, error) {
	if len(args) < 2 {
		return 0, errors.New("usage: vmexec SERIES BINARY [ARGUMENT]")
	}
	kernel, err := kernels.Fetch(ctx, args[0])
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "vmexec-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	vm := kernels.VM{
		Kernel: kernel,
		Init:   filepath.Join(dir, "init"),
		Files:  map[string]string{"/bin/test": args[1]},
		Dir:    "/src",
		Runs:   []kernels.Run{{Args: testArgs(args[2:]), Env: testEnv(os.Environ())}},
		Log:    os.Stdout,
	}
	if err := kernels.BuildInit(ctx, kernel.Arch(), vm.Init); err != nil {
		return 0, err
	}
	_, err = os.Stat("testdata")
	if err == nil {
		vm.Files["/src/testdata"] = "testdata"
	}
	results, err := vm.Boot(ctx)
	if err != nil {
		return 0, err
	}
	return results[0].Status, nil
}

// testArgs is the command in the machine. Files that go test wants written
// would be gone with the machine.
func testArgs(args []string) []string {
	out := []string{"/bin/test"}
	for _, a := range args {
		if !strings.HasPrefix(a, "-test.testlogfile=") && !strings.HasPrefix(a, "-test.outputdir=") {
			out = append(out, a)
		}
	}
	return out
}

func testEnv(environ []string) (env []string) {
	for _, v := range environ {
		if strings.HasPrefix(v, "TCPGRAPH_") {
			env = append(env, v)
		}
	}
	return env
}

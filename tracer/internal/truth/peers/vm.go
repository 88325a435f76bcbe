//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"

	"example.com/tcpgraph/tracer/internal/kernels"
)

// resultMark begins the line with the result in a machine's output.
const resultMark = "peers-result: "

// headers are those of C that <sys/socket.h> needs, in /usr/include.
var headers = []string{
	"endian.h", "features.h", "features-time64.h", "stdc-predef.h", "asm-generic", "linux",
	"x86_64-linux-gnu/asm", "x86_64-linux-gnu/bits", "x86_64-linux-gnu/gnu", "x86_64-linux-gnu/sys",
}

// runVM runs each tool in a virtual machine, one after another.
func runVM(ctx context.Context, series, dir, livetrace string, chosen []*tool) ([]result, error) {
	kernel, err := kernels.Fetch(ctx, series)
	if err != nil {
		return nil, err
	}
	if kernel.Arch() != runtime.GOARCH {
		return nil, fmt.Errorf("the tools of this machine do not run on Linux %s", kernel.Release)
	}
	fmt.Println("Linux", kernel.Release)
	vm := kernels.VM{
		Kernel: kernel,
		Init:   filepath.Join(dir, "init"),
		Log:    os.Stderr,
		Files:  map[string]string{"/bin/livetrace": livetrace, "/bin/peers": filepath.Join(dir, "peers")},
	}
	if err := kernels.BuildInit(ctx, kernel.Arch(), vm.Init); err != nil {
		return nil, err
	}
	if err := build(ctx, vm.Files["/bin/peers"], "example.com/tcpgraph/tracer/internal/truth/peers"); err != nil {
		return nil, err
	}
	// bpftrace dies of a segmentation fault where popen finds no shell.
	if err := pack(vm.Files, "/bin/sh"); err != nil {
		return nil, err
	}
	for _, t := range chosen {
		if t.command[0] == oursPath {
			continue
		}
		for _, file := range t.command {
			if filepath.IsAbs(file) {
				if err := pack(vm.Files, file); err != nil {
					return nil, err
				}
			}
		}
		if t.headers {
			for _, name := range headers {
				vm.Files["/usr/include/"+name] = "/usr/include/" + name
			}
		}
	}
	results := make([]result, 0, len(chosen))
	for _, t := range chosen {
		vm.Runs = append(vm.Runs, kernels.Run{
			Args: []string{"/bin/peers", "-guest", t.name},
			Env:  []string{"PATH=/bin:/usr/bin:/usr/sbin", "BPFTRACE_STRLEN=64"},
		})
	}
	out, err := vm.Boot(ctx)
	for i := range out {
		results = append(results, readResult(chosen[i].name, &out[i]))
	}
	return results, err
}

// readResult finds the result in the output of a machine.
func readResult(name string, r *kernels.Result) (res result) {
	_, text, found := bytes.Cut(r.Output, []byte(resultMark))
	if !found || json.Unmarshal(bytes.TrimSpace(text), &res) != nil {
		return result{Tool: name, Error: fmt.Sprintf("exit status %d: %s", r.Status, bytes.TrimSpace(r.Output))}
	}
	return res
}

// needed is a path in what ldd prints.
var needed = regexp.MustCompile(`(?m)(/[^ ]+) \(0x`)

// pack adds a program, and the shared libraries that it needs, to the files of
// a machine.
func pack(files map[string]string, program string) error {
	for _, file := range append(libraries(program), program) {
		real, err := filepath.EvalSymlinks(file)
		if err != nil {
			return fmt.Errorf("%w (apt-get install bpftrace libbpf-tools)", err)
		}
		files[file] = real
	}
	return nil
}

// libraries returns what ldd says; nothing for a script.
func libraries(program string) (files []string) {
	out, _ := exec.Command("ldd", program).Output()
	for _, m := range needed.FindAllSubmatch(out, -1) {
		files = append(files, string(m[1]))
	}
	return files
}

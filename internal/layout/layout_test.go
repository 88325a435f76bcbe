// Package layout tests what the packages of this module may depend on.
package layout

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "example.com/tcpgraph"

// deps returns the packages outside the standard library that a package is
// built from.
func deps(t *testing.T, dir string, args ...string) map[string]bool {
	t.Helper()
	goTool(t)
	cmd := exec.Command("go", append([]string{"list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(cmd.Args[1:], " "), err, stderr.String())
	}
	set := make(map[string]bool)
	for line := range strings.FieldsSeq(string(out)) {
		set[line] = true
	}
	return set
}

func goTool(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("go"); err == nil {
		return
	}
	const reason = "the go command is not on the PATH"
	if os.Getenv("TCPGRAPH_REQUIRE") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// TestImports checks the table of who may import whom, by what is compiled:
// each package, and the only ones outside the standard library that it may be
// built from, directly or not.
func TestImports(t *testing.T) {
	const (
		ebpf  = "github.com/cilium/ebpf"
		sys   = "golang.org/x/sys"
		gonum = "gonum.org/v1/gonum"
	)
	for pkg, allowed := range map[string][]string{
		"traceformat": nil,
		"dot":         {gonum},
		"flowgraph":   {gonum, module + "/traceformat"},
		"bpf":         {ebpf, sys},
		"tracer":      {ebpf, sys, module + "/bpf", module + "/traceformat"},
	} {
		t.Run(pkg, func(t *testing.T) {
			for dep := range deps(t, ".", module+"/"+pkg) {
				if dep != module+"/"+pkg && !within(dep, allowed) {
					t.Errorf("%s is built from %s; allowed are %q", pkg, dep, allowed)
				}
			}
		})
	}
}

func within(pkg string, roots []string) bool {
	for _, r := range roots {
		if pkg == r || strings.HasPrefix(pkg, r+"/") {
			return true
		}
	}
	return false
}

// TestForeignModule builds a program of another module that imports flowgraph
// and dot only. It must not need anything that serves tracing or drawing.
func TestForeignModule(t *testing.T) {
	goTool(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// The versions that this module asks for, so that nothing is downloaded.
	_, requires, ok := strings.Cut(string(mod), "\nrequire")
	if !ok {
		t.Fatal("go.mod requires nothing")
	}
	write("go.mod", fmt.Sprintf("module example.org/foreign\n\ngo 1.25.0\n\nrequire %s v0.0.0\n\nreplace %s => %s\n\nrequire%s", module, module, root, requires))
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	write("go.sum", string(sum))
	write("main.go", `package main

import (
	"os"

	"example.com/tcpgraph/dot"
	"example.com/tcpgraph/flowgraph"
)

func main() {
	if err := dot.Encode(os.Stdout, flowgraph.New(nil), nil); err != nil {
		panic(err)
	}
}
`)
	got := deps(t, dir, ".")
	for _, want := range []string{module + "/dot", module + "/flowgraph", module + "/traceformat"} {
		if !got[want] {
			t.Errorf("the program is not built from %s", want)
		}
	}
	for dep := range got {
		if !within(dep, []string{"example.org/foreign", module + "/dot", module + "/flowgraph", module + "/traceformat", "gonum.org/v1/gonum"}) {
			t.Errorf("the program is built from %s", dep)
		}
	}
	cmd := exec.Command("go", "run", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go run: %v\n%s", err, out)
	}
	if want := "digraph"; !strings.HasPrefix(string(out), want) {
		t.Errorf("go run printed %q, want a %s", out, want)
	}
}

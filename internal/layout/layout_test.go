// Package layout tests what the packages of this module may depend on.
package layout

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
		"tracer":      {ebpf, sys, module + "/bpf", module + "/traceformat", module + "/tracer/internal/clock"},
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

// foreign makes a module of another path whose program is main, and returns its
// folder.
func foreign(t *testing.T, main string) string {
	t.Helper()
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
	write("main.go", main)
	return dir
}

// goRun runs the program in a folder, and returns what it prints.
func goRun(t *testing.T, dir string, stdin io.Reader) string {
	t.Helper()
	cmd := exec.Command("go", "run", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	cmd.Stdin = stdin
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go run: %v\n%s", err, out)
	}
	return string(out)
}

// TestForeignModule builds a program of another module that imports flowgraph
// and dot only. It must not need anything that serves tracing or drawing.
func TestForeignModule(t *testing.T) {
	dir := foreign(t, `package main

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
	if out, want := goRun(t, dir, nil), "digraph"; !strings.HasPrefix(out, want) {
		t.Errorf("go run printed %q, want a %s", out, want)
	}
}

// TestReadme builds the Go code in the README as it stands there, and runs that
// which reads a trace.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) != 2 {
		t.Fatalf("the README has %d pieces of Go, want one that reads a trace and one that traces", len(blocks))
	}
	dir := foreign(t, fmt.Sprintf(`package main

import (
	"fmt"
	"log"
	"os"

	"example.com/tcpgraph/flowgraph"
	"example.com/tcpgraph/traceformat"
	"example.com/tcpgraph/tracer"
)

func main() {
%s}

var _ = func(g *flowgraph.Graph) error {
%s	return nil
}
`, blocks[0][1], blocks[1][1]))
	trace, err := os.Open("../../example.trace")
	if err != nil {
		t.Fatal(err)
	}
	defer trace.Close()
	if out, want := goRun(t, dir, trace), regexp.MustCompile(`(?m)^nginx\S* → shop\S* \d+$`); !want.MatchString(out) {
		t.Errorf("got\n%s, want a line like %s", out, want)
	}
}

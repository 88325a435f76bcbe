//go:build linux

// Command peers makes the same TCP connections under each of several tracing
// tools, ours among them, and prints what each of them told right and wrong, as
// Markdown. docs/PEERS.md has its results. It runs as root.
//
//	go run ./tracer/internal/truth/peers               # on this kernel
//	go run ./tracer/internal/truth/peers -kernel 6.12  # in a virtual machine
//
// The tools are those of Debian's packages bpftrace and libbpf-tools. They have
// no filter for a network namespace; on the host, what they print of anything
// but the workload is dropped as it is read.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == actorArg {
		if err := actorMain(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "peers: actor:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	kernel := flag.String("kernel", "", "run in a virtual machine with a kernel of this `series`, such as 6.12")
	only := flag.String("tool", "", "only the tools whose names match this `regexp`")
	guest := flag.String("guest", "", "be in the virtual machine: run the one tool of this `name` and print its result as JSON")
	flag.Parse()
	match, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-tool: %w", err)
	}
	if *guest != "" {
		return runGuest(*guest)
	}
	dir, err := os.MkdirTemp("", "peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	livetrace := filepath.Join(dir, "livetrace")
	if err := build(ctx, livetrace, "example.com/tcpgraph/examples/livetrace"); err != nil {
		return err
	}
	var chosen []*tool
	for i := range tools {
		if match.MatchString(tools[i].name) && (*kernel != "" || !tools[i].kprobes || hasKprobes()) {
			chosen = append(chosen, &tools[i])
		}
	}
	var results []result
	if *kernel != "" {
		results, err = runVM(ctx, *kernel, dir, livetrace, chosen)
	} else {
		for _, t := range chosen {
			results = append(results, measure(t, livetrace))
		}
		fmt.Println("Linux", release())
	}
	versions(os.Stdout)
	printTables(os.Stdout, results)
	return err // some results may be there all the same
}

// hasKprobes reports whether this kernel has kprobes.
func hasKprobes() bool {
	_, err := os.Stat("/sys/bus/event_source/devices/kprobe")
	return err == nil
}

func release() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

// versions prints those of the packages, as far as dpkg knows them.
func versions(w *os.File) {
	out, _ := exec.Command("dpkg-query", "-W", "-f", "${Package} ${Version}\n", "bpftrace", "libbpf-tools").Output()
	fmt.Fprintf(w, "%s\n", out)
}

// build builds a command that needs no shared library.
func build(ctx context.Context, file, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", file, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", pkg, err, out)
	}
	return nil
}

// runGuest is the command in a virtual machine.
func runGuest(name string) error {
	if err := os.MkdirAll("/dev/pts", 0o755); err != nil {
		return err
	}
	if err := unix.Mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666"); err != nil && err != unix.EBUSY {
		return fmt.Errorf("mount devpts: %w", err)
	}
	r := measure(toolNamed(name), "/bin/livetrace")
	text, err := json.Marshal(&r)
	if err == nil {
		fmt.Printf("%s%s\n", resultMark, text)
	}
	return err
}

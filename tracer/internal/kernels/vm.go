package kernels

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Run is one command to run in a machine.
type Run struct {
	// Args are the command, by its path in the machine, and its arguments.
	Args []string
	// Env is added to the environment, which has PATH, HOME, TMPDIR and VM=1.
	Env []string
}

// Result is what became of a [Run].
type Result struct {
	// Status is the exit status, or 128 and the number of the signal that
	// ended it, or 127 if it could not be started.
	Status int
	// Output is what it wrote to the standard output and error.
	Output []byte
}

// Guest is what a machine's process 1 is told, in the file [GuestFile].
type Guest struct {
	Runs []Run
	// Dir is where the commands run.
	Dir string
	// Mark begins the line that ends the output of each run: the mark, the
	// status and a newline.
	Mark string
}

// GuestFile is where process 1 finds its [Guest], as JSON.
const GuestFile = "/etc/vm.json"

// VM is a machine to boot.
type VM struct {
	Kernel Kernel
	// Init is the file with vminit.
	Init string
	// Files are the host's files and folders that the machine has, by their
	// paths in it.
	Files map[string]string
	// Dir is where the commands run. The default is the root.
	Dir string
	// Runs are the commands, one after another, whatever their results.
	Runs []Run
	// Log gets the output while it comes, if it is not nil.
	Log io.Writer
}

// machine is what the machines of an architecture have of their own.
type machine struct {
	qemu    string   // the program that runs them
	args    []string // of that
	console string   // the kernel's name of the serial port for it
	port    string   // the same of the one for the output of the runs
	// cpu is a processor without what is dear to emulate.
	cpu string
}

// machines are those of each architecture, by [Kernel.Arch].
//
// On amd64 string instructions are emulated one element at a time; without erms
// and fsrm, and as an AMD K8 of a model before 0x48, which init_amd_k8 in
// arch/x86/kernel/cpu/amd.c does not call good at them, the kernel copies with
// others, three times as fast. Page tables of five levels are longer to walk, and
// smap is a change of the processor's state at each copy from and to a process.
//
// On arm64 each function of the kernel signs its return address, by an algorithm
// that is costly in software.
var machines = map[string]machine{
	"amd64": {
		qemu: "qemu-system-x86_64", args: []string{"-machine", "q35", "-serial", "chardev:out"},
		console: "ttyS0", port: "ttyS1",
		cpu: "max,model=4,erms=off,fsrm=off,la57=off,smap=off,smep=off,umip=off",
	},
	"arm64": {
		qemu: "qemu-system-aarch64", args: []string{"-machine", "virt", "-device", "pci-serial,chardev=out"},
		console: "ttyAMA0", port: "ttyS0",
		cpu: "max,pauth-impdef=on",
	},
}

// QEMU returns the program that runs the machines of an architecture.
func QEMU(arch string) string { return machines[arch].qemu }

// GuestPort returns the serial port for the output of the runs, as a file in
// machines of an architecture.
func GuestPort(arch string) string { return "/dev/" + machines[arch].port }

// Boot boots the machine, runs the commands and returns a result of each. If
// the machine dies or the context ends before all are done, it returns the
// results so far, the last one cut short with the status -1, and an error with
// the end of what the kernel wrote to its console.
func (vm *VM) Boot(ctx context.Context) ([]Result, error) {
	results, err := vm.boot(ctx)
	if err != nil {
		err = fmt.Errorf("virtual machine with Linux %s: %w", vm.Kernel.Release, err)
	}
	return results, err
}

func (vm *VM) boot(ctx context.Context) (results []Result, err error) {
	dir, err := os.MkdirTemp("", "tcpgraph-vm-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	initrd, console := filepath.Join(dir, "initrd"), filepath.Join(dir, "console")
	mark := rand.Text()
	if err := vm.writeInitrd(initrd, mark); err != nil {
		return nil, err
	}
	arch := vm.Kernel.Arch()
	m := machines[arch]
	accel, cpu := "kvm", "max"
	if !hasKVM(arch) {
		accel, cpu = emulated, m.cpu
	}
	cmd := exec.CommandContext(ctx, m.qemu, append([]string{
		"-accel", accel, "-cpu", cpu, "-smp", "2", "-m", "1024",
		"-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-no-reboot",
		"-kernel", filepath.Join(vm.Kernel.dir, "vmlinuz"), "-initrd", initrd,
		// A panic or an oops ends the machine, and so does process 1.
		"-append", "console=" + m.console + " panic=-1 oops=panic quiet " + cheaper,
		"-serial", "file:" + console, "-chardev", "stdio,id=out,signal=off",
	}, m.args...)...)
	cmd.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	results, readErr := readResults(out, mark, vm.Log)
	waitErr := cmd.Wait()
	if len(results) == len(vm.Runs) && readErr == nil && waitErr == nil {
		return results, nil
	}
	err = errors.Join(context.Cause(ctx), readErr, waitErr)
	if err == nil {
		err = errors.New("the kernel stopped")
	}
	return results, fmt.Errorf("ended in run %d of %d: %w; %sits console ended with:\n%s",
		len(results), len(vm.Runs), err, stderr.Bytes(), tail(console))
}

const (
	// One thread emulates both processors by turns. With one each, kernels now
	// and then die while they boot, of an int3 in code that they are patching:
	// the other processor is seen in the middle of it.
	emulated = "tcg,thread=single"

	// What protects a kernel from its guests is no use here.
	cheaper = "mitigations=off init_on_alloc=0"
)

// hasKVM reports whether machines of an architecture can run on the processor
// itself, of which that is known for amd64 only. /dev/kvm alone does not say so:
// where the host is a machine of some kind itself, it can be there for guests that
// know of it, and any other hangs.
func hasKVM(arch string) bool {
	if arch != "amd64" || runtime.GOARCH != "amd64" {
		return false
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil || !regexp.MustCompile(`(?m)^flags\s*:.* (vmx|svm)( |$)`).Match(info) {
		return false
	}
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// errCut is for output that ends before its run does.
var errCut = errors.New("the kernel stopped")

// readResults reads the output of all runs. The last line of each is the mark
// and the status. The error is not nil if the last one lacks it.
func readResults(r io.Reader, mark string, log io.Writer) (results []Result, err error) {
	if log == nil {
		log = io.Discard
	}
	var output []byte
	for b := bufio.NewReader(r); ; {
		line, err := b.ReadBytes('\n')
		if err != nil {
			output = append(output, line...)
			if err == io.EOF && len(output) == 0 {
				return results, nil
			}
			if err == io.EOF {
				err = errCut
			}
			return append(results, Result{Status: -1, Output: output}), err
		}
		// What does not end with a newline has the mark on its last line.
		text, end, found := bytes.Cut(line, []byte(mark))
		if !found {
			text = line
		}
		output = append(output, text...)
		if _, err := log.Write(text); err != nil {
			return results, err
		}
		if !found {
			continue
		}
		status, err := strconv.Atoi(strings.TrimSpace(string(end)))
		if err != nil {
			return results, fmt.Errorf("exit status %q: %w", end, err)
		}
		results = append(results, Result{Status: status, Output: output})
		output = nil
	}
}

func (vm *VM) writeInitrd(file, mark string) error {
	config, err := json.Marshal(Guest{Runs: vm.Runs, Dir: cmp.Or(vm.Dir, "/"), Mark: mark})
	if err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	a := newArchive(w)
	a.addFile("/init", vm.Init)
	a.addFile("/modules", filepath.Join(vm.Kernel.dir, "modules"))
	a.add(GuestFile, 0o644, config)
	for name, file := range vm.Files {
		a.addFile(name, file)
	}
	return errors.Join(a.close(), w.Flush(), f.Close())
}

// tail returns the end of a console, if there is one: what the kernel said when
// it failed, or else the last lines.
func tail(file string) []byte {
	const enough = 3000
	text, err := os.ReadFile(file)
	if err != nil {
		return []byte(err.Error())
	}
	for _, mark := range []string{"BUG: ", "Oops: ", "Kernel panic"} {
		if i := bytes.Index(text, []byte(mark)); i >= 0 {
			return text[i:min(len(text), i+2*enough)]
		}
	}
	return text[max(0, len(text)-enough):]
}

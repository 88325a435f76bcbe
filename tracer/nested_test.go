//go:build linux

package tracer_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/tracer"
	"example.com/tcpgraph/tracer/internal/unseen"
)

// stackOfProcessor is how a program finds its stack, if it has one for each
// processor: it adds where the memory of that begins (emit_private_frame_ptr of
// Linux's arch/x86/net/bpf_jit_comp.c and its like for arm64).
var stackOfProcessor = map[string][]byte{
	"amd64": {0x65, 0x4c, 0x03, 0x0c, 0x25}, // add r9, gs:[…]
	"arm64": {0x7b, 0x03, 0x0a, 0x8b},       // add x27, x27, x10
}

// stackPerProcessor tells whether a program has a stack for each processor.
func stackPerProcessor(t *testing.T, p *ebpf.Program) bool {
	t.Helper()
	pattern, ok := stackOfProcessor[runtime.GOARCH]
	if !ok {
		t.Fatalf("what to look for in the code of programs for %s is not known", runtime.GOARCH)
	}
	info, err := p.Info()
	if err != nil {
		t.Fatal(err)
	}
	code, ok := info.JitedInsns()
	if !ok {
		netlab.Skip(t, "this kernel does not show the code of programs")
	}
	return bytes.Contains(code, pattern)
}

// TestStack wants set_state, which runs while it runs, to have a new stack each
// time, and not one for each processor, as another program for tracing has.
func TestStack(t *testing.T) {
	if stackPerProcessor(t, openLive(t, tracer.Options{}).SetState()) {
		t.Error("set_state has a stack for each processor")
	}
	other, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.RawTracepoint, License: "GPL", Instructions: asm.Instructions{
		asm.Mov.Imm(asm.R0, 0),
		asm.StoreMem(asm.R10, -256, asm.R0, asm.DWord),
		asm.Return(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	since := map[string][2]int{"amd64": {6, 13}, "arm64": {6, 18}}[runtime.GOARCH]
	if got, want := stackPerProcessor(t, other), tracer.AtLeast(since[0], since[1]); got != want {
		t.Errorf("another program has a stack for each processor: got %t, want %t: is the code another now?", got, want)
	}
}

// TestNested has changes of state handled in interrupts of others: one processor
// handles all packets of connections that another makes, and opens and closes
// listening sockets meanwhile. What a program knows of the one must outlive the
// other.
func TestNested(t *testing.T) {
	cpus := processors(t)
	if len(cpus) < 2 {
		netlab.Skip(t, "there is only one processor")
	}
	rounds, enough := 5, uint64(20) // short, for they are tried again if the kernel hid something
	if os.Getenv("VM") != "" {
		rounds, enough = 1, 10 // machines of TestMatrix are slow, and hide nothing
	}
	var changes uint64
	for range rounds {
		err := unseen.Try(t.Output(), func() error {
			n, err := nested(t, cpus[0], cpus[1], enough)
			changes += n
			return err
		})
		if errors.Is(err, errNotSteered) {
			netlab.Skip(t, err.Error())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if changes == 0 && tracer.AtLeast(6, 1) { // before, the kernel skipped no program
		t.Error("no change of state was handled in an interrupt of another")
	}
}

// nested makes connections on one processor, whose packets another handles, until
// enough changes of state were handled in interrupts of others. It returns how
// many were.
func nested(t *testing.T, connects, handles int, enough uint64) (changes uint64, err error) {
	t.Helper()
	const most = 2000 // connections, of four events each
	l := openLive(t, tracer.Options{Buffer: 4 * most})
	defer l.Close()
	if stackPerProcessor(t, l.SetState()) {
		t.Fatal("this would bring the kernel down: set_state has a stack for each processor")
	}
	ln := fileOf(t, l.ln) // of which calls block
	defer ln.Close()
	fd := int(ln.Fd())
	const long = 30 * time.Second // accepting fails then
	defer time.AfterFunc(long, func() { unix.Shutdown(fd, unix.SHUT_RD) }).Stop()
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() { stopped <- l.ns.Run(func() error { return interrupted(handles, stop) }) }()
	made := 0
	err = l.ns.Run(func() error {
		err := pin(connects)
		for n := uint64(0); err == nil && n < enough && made < most; made++ {
			if err = reset(fd, addrPort(l.ln.Addr()).Port()); err == nil {
				n, _, err = l.Interrupted()
			}
		}
		return err
	})
	close(stop)
	if err := errors.Join(err, <-stopped); err != nil {
		return 0, err
	}
	missed, stoodIn, err := l.Interrupted()
	if err != nil {
		return 0, err
	}
	l.Stop()
	got := make(map[string]int)
	for e := range l.Events() {
		got[fmt.Sprint(e.Kind, " ", e.Direction, " ", e.Owner, " ", e.Process.PID == uint32(os.Getpid()))]++
	}
	accepted := "direct"
	if l.Stats().Accept == tracer.AcceptNone {
		accepted = "listener"
	}
	want := map[string]int{
		"open outgoing direct true": made, "close outgoing direct true": made,
		"open incoming " + accepted + " true": made, "close incoming " + accepted + " true": made,
	}
	t.Logf("%d connections, %d changes of state in interrupts of others", made, missed)
	if diff := cmp.Diff(want, got); diff != "" {
		return missed, fmt.Errorf("events (-want +got), lost %+v:\n%s", l.Stats().Lost, diff)
	}
	if missed != stoodIn && !tracer.AtLeast(7, 0) {
		return missed, fmt.Errorf("set_state_first missed %d changes of state, and set_state_second stood in for it %d times", missed, stoodIn)
	}
	if lost := l.lost(); lost != (tracer.Lost{}) {
		return missed, fmt.Errorf("lost: got %+v, want nothing", lost)
	}
	return missed, nil
}

// interrupted has a processor handle all packets of the thread's network
// namespace, and opens and closes listening sockets there.
func interrupted(cpu int, stop <-chan struct{}) error {
	// Whatever else is to run there goes first: the next packet waits for it.
	nice := os.NewSyscallError("setpriority", unix.Setpriority(unix.PRIO_PROCESS, 0, 19))
	if err := errors.Join(steer("lo", cpu), pin(cpu), nice); err != nil {
		return err
	}
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		err = unix.Listen(fd, 1)
		unix.Close(fd)
		if err != nil {
			return os.NewSyscallError("listen", err)
		}
	}
}

// reset makes a connection over loopback, accepts it, and has the client reset it.
func reset(ln int, port uint16) error {
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	end := os.NewFile(uintptr(client), "client")
	defer end.Close()
	if err := unix.SetsockoptLinger(client, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if err := unix.Connect(client, &unix.SockaddrInet4{Port: int(port), Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return os.NewSyscallError("connect", err)
	}
	accepted, _, err := unix.Accept4(ln, unix.SOCK_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("accept4", err)
	}
	defer unix.Close(accepted)
	if err := end.Close(); err != nil {
		return err
	}
	if n, err := unix.Read(accepted, make([]byte, 1)); err != unix.ECONNRESET {
		return fmt.Errorf("read after the reset: got %d bytes and the error %v, want %v", n, err, unix.ECONNRESET)
	}
	return nil
}

var errNotSteered = errors.New("this kernel does not choose the processor for packets (CONFIG_RPS)")

// steer has all packets of an interface of the calling thread's network namespace
// handled on one processor. The thread has its own mounts from then on.
func steer(ifname string, cpu int) error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return os.NewSyscallError("mount", err)
	}
	dir, err := os.MkdirTemp("", "sysfs")
	if err != nil {
		return err
	}
	defer os.Remove(dir)
	if err := unix.Mount("sysfs", dir, "sysfs", 0, ""); err != nil {
		return os.NewSyscallError("mount sysfs", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	queue := filepath.Join(dir, "class/net", ifname, "queues/rx-0")
	if _, err := os.Stat(queue); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(queue, "rps_cpus"), os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return errNotSteered
	}
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.WriteString(f, cpuMask(cpu))
	return err
}

// cpuMask writes a set of one processor as the kernel reads it: in hexadecimal,
// with a comma before each 32 but the first.
func cpuMask(cpu int) string {
	return fmt.Sprintf("%x", 1<<(cpu%32)) + strings.Repeat(",00000000", cpu/32)
}

func TestCPUMask(t *testing.T) {
	for cpu, want := range map[int]string{0: "1", 5: "20", 31: "80000000", 32: "1,00000000", 70: "40,00000000,00000000"} {
		if got := cpuMask(cpu); got != want {
			t.Errorf("processor %d: got %q, want %q", cpu, got, want)
		}
	}
}

// processors are those that this process may use.
func processors(t *testing.T) (cpus []int) {
	t.Helper()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(os.NewSyscallError("sched_getaffinity", err))
	}
	for cpu := range 8 * int(unsafe.Sizeof(set)) {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

// pin keeps the calling thread on a processor.
func pin(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	return os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(0, &set))
}

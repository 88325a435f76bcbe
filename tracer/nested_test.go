//go:build linux

package tracer_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/tracer"
	"example.com/tcpgraph/tracer/internal/unseen"
)

// TestStack wants set_state, which runs while it runs, to have a new stack each
// time, and not one for each processor.
func TestStack(t *testing.T) {
	l := openLive(t, tracer.Options{})
	if l.StackPerProcessor(t) {
		t.Error("set_state has a stack for each processor")
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
	rounds := 5 // short, for they are tried again if the kernel hid something
	if os.Getenv("VM") != "" {
		rounds = 1 // machines of TestMatrix are slow, and hide nothing
	}
	var changes uint64
	for range rounds {
		err := unseen.Try(t.Output(), func() error {
			n, err := nested(t, cpus[0], cpus[1])
			changes += n
			return err
		})
		if errors.Is(err, fs.ErrNotExist) {
			netlab.Skip(t, "this kernel cannot choose the processor for packets: "+err.Error())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if changes == 0 {
		t.Error("no change of state was handled in an interrupt of another")
	}
}

// nested makes connections on one processor, whose packets another handles, until
// enough changes of state were handled in interrupts of others. It returns how
// many were.
func nested(t *testing.T, connects, handles int) (changes uint64, err error) {
	t.Helper()
	const enough, most = 20, 2000 // there are four events of each connection
	l := openLive(t, tracer.Options{Buffer: 4 * most})
	defer l.Close()
	if l.StackPerProcessor(t) {
		t.Fatal("this would bring the kernel down: set_state has a stack for each processor")
	}
	ln := blocking(t, l.ln)
	defer ln.Close()
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() { stopped <- l.ns.Run(func() error { return interrupted(handles, stop) }) }()
	made := 0
	err = l.ns.Run(func() error {
		if err := pin(connects); err != nil {
			return err
		}
		for ; made < most; made++ {
			if n, _ := l.Interrupted(t); n >= enough {
				return nil
			}
			if err := reset(ln, addrPort(l.ln.Addr()).Port()); err != nil {
				return err
			}
		}
		return nil
	})
	close(stop)
	if err := errors.Join(err, <-stopped); err != nil {
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
	missed, stoodIn := l.Interrupted(t)
	t.Logf("%d connections, %d changes of state in interrupts of others", made, missed)
	if diff := cmp.Diff(want, got); diff != "" {
		err = fmt.Errorf("events (-want +got), lost %+v:\n%s", l.Stats().Lost, diff)
	} else if missed != stoodIn && !tracer.Preemptible() {
		err = fmt.Errorf("the first program missed %d changes of state, and another stood in for it %d times", missed, stoodIn)
	}
	return missed, err
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

// reset makes a connection over loopback, accepts it, and resets it.
func reset(ln *os.File, port uint16) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(port), Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return os.NewSyscallError("connect", err)
	}
	accepted, _, err := unix.Accept4(int(ln.Fd()), unix.SOCK_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("accept4", err)
	}
	defer unix.Close(accepted)
	return nil
}

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
	return os.WriteFile(filepath.Join(dir, "class/net", ifname, "queues/rx-0/rps_cpus"), fmt.Appendf(nil, "%x", 1<<cpu), 0)
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

//go:build linux

package tracer_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/tracer"
)

// TestStack wants set_state, which runs while it runs, to have a new stack each
// time, and not one for each processor.
func TestStack(t *testing.T) {
	l := openLive(t, tracer.Options{})
	if code := l.StackPerProcessor(t); code != nil {
		t.Errorf("the stack of set_state is that of the processor, found by % x", code)
	}
}

// TestNested has changes of state handled in interrupts of others: one processor
// handles all packets of connections that another makes, and opens and closes
// listening sockets meanwhile. What a program knows of the one must outlive the
// other.
func TestNested(t *testing.T) {
	const connects, handles = 0, 1 // processors
	if runtime.NumCPU() < 2 {
		netlab.Skip(t, "there is only one processor")
	}
	// There are four events of each connection.
	const enough, most = 100, 8000
	l := openLive(t, tracer.Options{Buffer: 4 * most})
	if code := l.StackPerProcessor(t); code != nil {
		t.Fatalf("this would bring the kernel down: the stack of set_state is found by % x", code)
	}
	stop, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		failed <- l.ns.Run(func() error {
			// Whatever else is to run there goes first: the next packet waits for it.
			nice := os.NewSyscallError("setpriority", unix.Setpriority(unix.PRIO_PROCESS, 0, 19))
			if err := errors.Join(steer("lo", handles), pin(handles), nice); err != nil {
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
		})
	}()
	ln := blocking(t, l.ln)
	defer ln.Close()
	made := 0
	err := l.ns.Run(func() error {
		if err := pin(connects); err != nil {
			return err
		}
		for ; made < most && l.Stats().Lost.Skipped < enough; made++ {
			if err := reset(ln, addrPort(l.ln.Addr()).Port()); err != nil {
				return err
			}
		}
		return nil
	})
	close(stop)
	if err := errors.Join(err, <-failed); err != nil {
		t.Fatal(err)
	}
	l.Stop()
	t.Logf("%d connections, %d times in an interrupt", made, l.Stats().Lost.Skipped)
	got := make(map[string]int)
	for e := range l.Events() {
		got[fmt.Sprint(e.Kind, " ", e.Direction, " ", e.Owner, " ", e.Process.PID == uint32(os.Getpid()))]++
	}
	want := map[string]int{
		"open outgoing direct true": made, "close outgoing direct true": made,
		"open incoming direct true": made, "close incoming direct true": made,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
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

// pin keeps the calling thread on a processor.
func pin(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	return os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(0, &set))
}

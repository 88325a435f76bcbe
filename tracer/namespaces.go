//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"example.com/tcpgraph/bpf"
)

// namespaces are network namespaces by their inodes.
type namespaces map[uint32]*namespace

type namespace struct {
	file      *os.File
	own       bool   // of the tracer
	err       error  // why it cannot be walked
	multipath bool   // it has sockets of Multipath TCP
	settled   bool   // all of its sockets are known
	unowned   uint64 // connections that no process was found for, by the last walk
}

// ownNamespace returns the tracer's, if it is traced. It is walked even if no process
// is seen to have a socket in it.
func ownNamespace(o *Options) (namespaces, error) {
	file, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	inode, err := inodeOf(fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if o.NetNS != nil && !slices.Contains(o.NetNS, inode) {
		return make(namespaces), file.Close()
	}
	return namespaces{inode: {file: file, own: true}}, nil
}

// update opens those that were met since. What cannot be opened or walked is
// forgotten unless it is met again: its holder may have ended.
func (s namespaces) update(table *ebpf.Map) error {
	var (
		inode uint32
		h     bpf.TcpgraphHolder
		gone  []uint32
	)
	for inode, n := range s {
		if n.err != nil && !n.own {
			n.close()
			delete(s, inode)
		}
	}
	for met := table.Iterate(); ; {
		if !met.Next(&inode, &h) {
			if err := met.Err(); err != nil {
				return err
			}
			break
		}
		n := s[inode]
		if n == nil {
			n = new(namespace)
			s[inode] = n
		}
		n.multipath = n.multipath || h.Multipath != 0
		if n.file == nil {
			n.file, n.err = openNetNS(inode, h)
		}
		if n.err != nil {
			gone = append(gone, inode)
		}
	}
	for _, inode := range gone {
		if err := table.Delete(inode); err != nil {
			return err
		}
	}
	return nil
}

// unowned counts the connections that were overlooked.
func (s namespaces) unowned() (sum uint64) {
	for _, n := range s {
		sum += n.unowned
	}
	return sum
}

func (s namespaces) close() {
	for _, n := range s {
		n.close()
	}
}

func (n *namespace) close() {
	if n.file != nil {
		n.file.Close()
	}
}

// openNetNS opens a network namespace by its inode: the thread's own, that of
// the process that has a socket in it, or that of the socket, since a process
// can leave the namespace in which it opened a socket.
func openNetNS(inode uint32, h bpf.TcpgraphHolder) (*os.File, error) {
	for _, path := range []string{"/proc/thread-self/ns/net", procPath(h.Pid, "ns/net")} {
		if n, err := inodeOf(path); err == nil && n == inode {
			return os.Open(path)
		}
	}
	pidfd, err := unix.PidfdOpen(int(h.Pid), 0)
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(pidfd)
	sock, err := unix.PidfdGetfd(pidfd, int(h.Fd), 0)
	if err != nil {
		return nil, os.NewSyscallError("pidfd_getfd", err)
	}
	defer unix.Close(sock)
	fd, err := unix.IoctlRetInt(sock, unix.SIOCGSKNS)
	if err != nil {
		return nil, os.NewSyscallError("ioctl SIOCGSKNS", err)
	}
	return os.NewFile(uintptr(fd), "netns"), nil
}

// inNetNS runs a function on a thread of its own in a network namespace. The
// thread ends with it, so that no other goroutine runs in the wrong namespace.
func inNetNS(inode uint32, ns *os.File, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // a thread that entered one is never unlocked
		// To enter one's own would take a privilege as well.
		if own, err := OwnNetNS(); err == nil && own == inode {
			done <- f()
			runtime.UnlockOSThread()
			return
		}
		if unix.Gettid() == unix.Getpid() {
			// The main thread cannot end, and would show /proc/self the wrong
			// namespace for good. While it is held here, another one is taken.
			done <- inNetNS(inode, ns, f)
			runtime.UnlockOSThread()
			return
		}
		err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		if err != nil {
			err = os.NewSyscallError("setns", err)
		} else {
			err = f()
		}
		done <- err
	}()
	return <-done
}

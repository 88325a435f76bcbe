//go:build linux

package truth

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/traceformat"
)

// Conn is one end of a connection.
type Conn struct {
	lab            *Lab
	user           *Agent // who has it now
	fd             int
	end            End
	sent, received int64
	closed, reset  bool
	opened         time.Time // when it was established, at the latest
	closing        time.Time // when this end began to close it; zero if it did not
}

// Send sends bytes to the other end and waits until they were read there.
func (c *Conn) Send(to *Conn, n int64) {
	c.lab.Helper()
	reading := to.user.start(request{Op: opRead, FD: to.fd, N: n})
	c.Write(n)
	got := to.user.check(opRead, to.user.wait(reading)).N
	to.received += got
	if got != n {
		c.lab.Fatalf("read %d bytes of %d", got, n)
	}
}

// Write writes bytes, as far as the kernel takes them.
func (c *Conn) Write(n int64) {
	c.lab.Helper()
	c.sent += c.user.must(request{Op: opWrite, FD: c.fd, N: n}).N
}

// Read reads that many bytes.
func (c *Conn) Read(n int64) {
	c.lab.Helper()
	c.received += c.user.must(request{Op: opRead, FD: c.fd, N: n}).N
}

// Fails waits until the connection has failed, as it ought to.
func (c *Conn) Fails(want unix.Errno) {
	c.lab.Helper()
	r := c.user.call(request{Op: opRead, FD: c.fd, N: -1})
	c.received += r.N
	c.reset = true
	if unix.Errno(r.Errno) != want {
		c.lab.Fatalf("process %d: read: got %q, want %q", c.user.pid, r.Err, want)
	}
}

// Ends reads until the connection ends or fails. Which of them a reset of
// Multipath TCP is to its reader differs between kernels (6.18.15, 6.18.44).
func (c *Conn) Ends() {
	c.lab.Helper()
	r := c.user.call(request{Op: opRead, FD: c.fd, N: -1})
	c.received += r.N
	c.reset = true
	if e := unix.Errno(r.Errno); e != 0 && e != unix.ECONNRESET {
		c.lab.Fatalf("process %d: read: got %q, want the end or %q", c.user.pid, r.Err, unix.ECONNRESET)
	}
}

// Arrived counts bytes that have come and will not be read.
func (c *Conn) Arrived(n int64) { c.received += n }

// Shutdown says that no more will be written.
func (c *Conn) Shutdown() {
	c.lab.Helper()
	c.begin()
	c.user.must(request{Op: opShutdown, FD: c.fd})
}

// ReadAll reads to the end.
func (c *Conn) ReadAll() {
	c.lab.Helper()
	c.received += c.user.must(request{Op: opRead, FD: c.fd, N: -1}).N
}

// Reset makes Close reset the connection (SO_LINGER with 0 seconds).
func (c *Conn) Reset() *Conn {
	c.lab.Helper()
	c.user.must(request{Op: opLinger, FD: c.fd})
	return c
}

// Close closes the end.
func (c *Conn) Close() {
	c.lab.Helper()
	c.begin()
	c.user.must(request{Op: opClose, FD: c.fd})
	c.ended()
}

// begin notes when this end begins to close the connection. Unless the other one
// has reset it, it is open until then.
func (c *Conn) begin() {
	if c.closing.IsZero() && !c.reset {
		c.closing = time.Now()
	}
}

// Disconnect connects the socket to nothing.
func (c *Conn) Disconnect() *Socket {
	c.lab.Helper()
	c.user.must(request{Op: opDisconnect, FD: c.fd})
	c.ended()
	return &Socket{Agent: c.user, FD: c.fd}
}

// Ended notes that the connection is gone, by whatever the test did.
func (c *Conn) ended() {
	if c.closed {
		return
	}
	c.closed = true
	if !c.lab.traced {
		return
	}
	e := c.end
	e.Kind = traceformat.Close
	e.AtLeast = max(0, c.closing.Sub(c.opened))
	e.BytesSent, e.BytesReceived = uint64(c.sent), uint64(c.received)
	c.lab.note(e)
}

// Early says that it was accepted before it was established.
func (c *Conn) Early() *Conn {
	c.end.Early = true
	return c
}

// PassTo hands the descriptor over to another agent, through a UNIX socket of
// which both have an end.
func (c *Conn) PassTo(to *Agent, from, at int) {
	c.lab.Helper()
	c.user.must(request{Op: opSendFD, Unix: from, FD: c.fd})
	fd := to.must(request{Op: opReceiveFD, Unix: at}).FD
	c.user.must(request{Op: opClose, FD: c.fd})
	c.user, c.fd = to, fd
}

// FD returns the descriptor, for a child to inherit.
func (c *Conn) FD() int { return c.fd }

// Inherited says that a child has the descriptor now, and the parent closes
// its own.
func (c *Conn) Inherited(child *Agent, fd int) {
	c.lab.Helper()
	c.user.must(request{Op: opClose, FD: c.fd})
	c.user, c.fd = child, fd
}

// Close closes both ends, this one first.
func Close(first, second *Conn) {
	first.lab.Helper()
	first.Close()
	second.ReadAll()
	second.Close()
}

// User returns the agent that has the descriptor.
func (c *Conn) User() *Agent { return c.user }

// Local and Remote return the endpoints.
func (c *Conn) Local() netip.AddrPort  { return c.end.Local }
func (c *Conn) Remote() netip.AddrPort { return c.end.Remote }

// Readable waits until something has come.
func (c *Conn) Readable() {
	c.lab.Helper()
	c.user.must(request{Op: opReadable, FD: c.fd})
}

// Gone notes that the other end has reset the connection.
func (c *Conn) Gone() { c.ended() }

// Retransmitted checks that something was sent again: that the losses were
// real.
func (c *Conn) Retransmitted() {
	c.lab.Helper()
	if n := c.user.must(request{Op: opRetransmits, FD: c.fd}).N; n == 0 {
		c.lab.Error("nothing was sent again, so nothing was shown")
	}
}

// Fast checks that the SYN carried bytes, and that they were taken.
func (c *Conn) Fast() *Conn {
	c.lab.Helper()
	const synData = 32 // TCPI_OPT_SYN_DATA, linux/tcp.h
	if n := c.user.must(request{Op: opOptions, FD: c.fd}).N; n&synData == 0 {
		c.lab.Errorf("the SYN's bytes were not taken: the options of TCP_INFO are %#x", n)
	}
	return c
}

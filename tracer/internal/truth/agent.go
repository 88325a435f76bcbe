//go:build linux

package truth

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/traceformat"
)

// Agent is a process that makes socket calls as it is told.
type Agent struct {
	Site
	lab     *Lab
	pid     int
	id      identity
	program *netlab.Process // nil for a child of another agent
	console *os.File        // of a child
	lines   *bufio.Reader   // of a child
	spare   []spare
	last    int // number of the last request
	replies map[int]reply
	gone    bool
}

// spare is a socket pair for a child to come: the number of its end in the
// parent, and the test's end.
type spare struct {
	fd   int
	host *os.File
}

// Spec says what agent to start.
type Spec struct {
	Comm     string               // its command name; any bytes but NUL
	Args     []string             // to be seen; they mean nothing
	Files    []*os.File           // inherited as descriptors 3, 4 and so on
	Children int                  // how often [Agent.Fork] will be called
	Attr     *syscall.SysProcAttr // as in [netlab.Spec]
}

// Agent starts an agent at a site.
func (l *Lab) Agent(at Site, spec Spec) *Agent {
	l.Helper()
	if spec.Comm == "" {
		spec.Comm = agentProgram
	}
	a := &Agent{Site: at, lab: l, replies: make(map[int]reply)}
	for range spec.Children {
		host, child := l.Socketpair()
		a.spare = append(a.spare, spare{childConsole + len(spec.Files), host})
		spec.Files = append(spec.Files, child)
	}
	a.program = at.Spawn(l, netlab.Spec{
		Program: agentProgram, Comm: spec.Comm, Args: spec.Args, Files: spec.Files, Attr: spec.Attr,
	})
	a.pid = a.program.PID()
	for _, s := range a.spare {
		spec.Files[s.fd-childConsole].Close()
	}
	a.greet()
	return a
}

// Fork starts a child of the agent. It inherits descriptors and finds them
// under the numbers 4, 5 and so on.
func (a *Agent) Fork(inherit ...int) *Agent {
	a.lab.Helper()
	s := a.spare[0]
	a.spare = a.spare[1:]
	child := &Agent{
		Site: a.Site, lab: a.lab, replies: make(map[int]reply),
		console: s.host, lines: bufio.NewReader(s.host),
	}
	child.pid = a.must(request{Op: opFork, Unix: s.fd, FDs: inherit}).PID
	child.greet()
	return child
}

// NextPIDBelow lets the next process that is started have a smaller number than
// the agent, as if the numbers had been used up and begun anew. Another process
// can be faster.
func (a *Agent) NextPIDBelow() {
	a.lab.Helper()
	const below = 200 // how many of those before may still be in use
	last := strconv.Itoa(max(a.pid-below, 1))
	const name = "/proc/sys/kernel/ns_last_pid"
	err := os.WriteFile(name, []byte(last), 0o644)
	if errors.Is(err, fs.ErrNotExist) {
		netlab.Skip(a.lab, "the kernel has no "+name+" (CONFIG_CHECKPOINT_RESTORE)")
	}
	if err != nil {
		a.lab.Fatal(err)
	}
}

// Socketpair makes a pair of connected UNIX sockets, which are closed when the
// test ends.
func (l *Lab) Socketpair() (a, b *os.File) {
	l.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		l.Fatal(err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil { // for deadlines
		l.Fatal(err)
	}
	a, b = os.NewFile(uintptr(fds[0]), "socketpair"), os.NewFile(uintptr(fds[1]), "socketpair")
	l.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// PID returns the process id.
func (a *Agent) PID() uint32 { return uint32(a.pid) }

func (a *Agent) greet() {
	a.lab.Helper()
	a.lab.agents = append(a.lab.agents, a)
	a.id = *a.must(request{Op: opHello}).Process
}

// process is the agent as the owner of a connection.
func (a *Agent) process(netns uint32) traceformat.Process {
	return a.id.process(a.pid, netns, a.lab.x.boot)
}

func (id *identity) process(pid int, netns uint32, boot time.Time) traceformat.Process {
	return traceformat.Process{
		PID:       uint32(pid),
		UID:       traceformat.NewUID(id.UID),
		Command:   string(id.Command),
		Exe:       string(id.Exe),
		Cmdline:   strings.TrimRight(string(id.Cmdline), "\x00"),
		StartTime: boot.Add(time.Duration(id.StartTicks) * tick),
		NetNS:     netns,
		CgroupID:  cgroupID(id.Cgroup),
	}
}

// start sends a request and returns its number.
func (a *Agent) start(r request) int {
	a.lab.Helper()
	a.last++
	r.ID = a.last
	line, err := json.Marshal(&r)
	if err != nil {
		a.lab.Fatal(err)
	}
	if a.program != nil {
		a.program.Printf("%s", line)
	} else if _, err := a.console.Write(append(line, '\n')); err != nil {
		a.lab.Fatalf("send a request to process %d: %v", a.pid, err)
	}
	return r.ID
}

// wait waits for the reply to a request.
func (a *Agent) wait(id int) reply {
	a.lab.Helper()
	for {
		if r, ok := a.replies[id]; ok {
			delete(a.replies, id)
			return r
		}
		var r reply
		line := a.readLine()
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			a.lab.Fatalf("process %d replied %q: %v", a.pid, line, err)
		}
		a.replies[r.ID] = r
	}
}

func (a *Agent) readLine() string {
	a.lab.Helper()
	if a.program != nil {
		return a.program.ReadLine()
	}
	_ = a.console.SetReadDeadline(time.Now().Add(patience)) // a socket has them
	line, err := a.lines.ReadString('\n')
	if err != nil {
		a.lab.Fatalf("wait for a reply of process %d: %v", a.pid, err)
	}
	return line
}

// call makes a request and waits for the reply.
func (a *Agent) call(r request) reply {
	a.lab.Helper()
	return a.wait(a.start(r))
}

// must makes a call that ought to succeed.
func (a *Agent) must(r request) reply {
	a.lab.Helper()
	return a.check(r.Op, a.call(r))
}

func (a *Agent) check(what op, r reply) reply {
	a.lab.Helper()
	if r.Err != "" {
		a.lab.Fatalf("process %d (%s): %s: %s", a.pid, a.id.Command, what, r.Err)
	}
	return r
}

// Exit ends the process, by which the kernel closes what it has open.
func (a *Agent) Exit() {
	a.lab.Helper()
	if a.gone {
		return
	}
	a.gone = true
	a.closeAll()
	if a.program == nil {
		a.console.Close()
		return
	}
	a.program.Stop()
}

// Kill kills the process.
func (a *Agent) Kill() {
	a.lab.Helper()
	a.gone = true
	a.closeAll()
	a.program.Kill()
}

// closeAll notes the ends of the connections that nobody else holds.
func (a *Agent) closeAll() {
	for _, c := range a.lab.conns {
		if c.user == a {
			c.ended()
		}
	}
}

// stopAgents ends the agents, children first.
func (l *Lab) stopAgents() {
	for i := len(l.agents) - 1; i >= 0; i-- {
		if a := l.agents[i]; !a.gone {
			a.gone = true
			if a.program == nil {
				a.console.Close()
			} else {
				a.program.Kill()
			}
		}
	}
}

//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/traceformat"
)

// patience is how long a step may take, on a slow virtual machine too.
const patience = 5 * time.Minute

// lab is where the workload runs: two network namespaces of its own. It is a
// [testing.TB] as far as package netlab needs one.
type lab struct {
	testing.TB
	cleanups []func()
	a, b     *netlab.NS

	mu    sync.Mutex
	pids  map[uint32]bool // of the workload
	truth [][]end         // of each scenario
	ready []int           // notes of each scenario that say so
}

type labError struct{ error }

func (l *lab) Helper()                   {}
func (l *lab) Cleanup(f func())          { l.cleanups = append(l.cleanups, f) }
func (l *lab) Fatal(args ...any)         { panic(labError{errors.New(fmt.Sprint(args...))}) }
func (l *lab) Fatalf(f string, a ...any) { panic(labError{fmt.Errorf(f, a...)}) }
func (l *lab) Skip(args ...any)          { l.Fatal(args...) }

// close ends all processes and removes the namespaces.
func (l *lab) close() {
	for i := len(l.cleanups) - 1; i >= 0; i-- {
		l.cleanups[i]()
	}
}

// build makes the namespaces.
func (l *lab) build() {
	n := len(workload) + 1 // the last one is for connections that only test the tool
	l.pids, l.truth, l.ready = make(map[uint32]bool), make([][]end, n), make([]int, n)
	l.a, l.b = netlab.New(l), netlab.New(l)
	netlab.Veth(l, l.a, l.b, wireA, wireB)
	l.a.AddAddr(l, "lo", netip.PrefixFrom(loopback6, 128))
	for _, ns := range []*netlab.NS{l.a, l.b} {
		ns.Sysctl(l, "net.ipv4.tcp_tw_reuse", "0") // each port once
	}
}

// own reports whether a line is about the workload.
func (l *lab) own(r *record) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pids[r.pid] || ours(r.local.Addr()) || ours(r.remote.Addr())
}

// start starts a process of a scenario.
func (l *lab) start(ns *netlab.NS, scenario int, j job) (*exec.Cmd, io.WriteCloser) {
	text, err := json.Marshal(&j)
	if err != nil {
		l.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", actorArg, string(text))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		l.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		l.Fatal(err)
	}
	ns.Start(l, cmd)
	l.mu.Lock()
	l.pids[uint32(cmd.Process.Pid)] = true
	l.mu.Unlock()
	go l.listen(stdout, scenario)
	return cmd, stdin
}

// listen writes down what a process says.
func (l *lab) listen(r io.Reader, scenario int) {
	for d := json.NewDecoder(r); ; {
		var n note
		if err := d.Decode(&n); err != nil {
			return // it has ended; what it owes is waited for
		}
		l.mu.Lock()
		l.pids[n.PID] = true
		if n.Ready {
			l.ready[scenario]++
		}
		if n.End != nil {
			l.truth[scenario] = append(l.truth[scenario], *n.End)
		}
		l.mu.Unlock()
	}
}

// until waits for a condition, which is evaluated under the lock.
func (l *lab) until(what string, ok func() bool) {
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		l.mu.Lock()
		done := ok()
		l.mu.Unlock()
		if done {
			return
		}
		if time.Now().After(deadline) {
			l.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// target is the endpoint of a scenario's server, by its number.
func (s *scenario) target(scenario, server int) netip.AddrPort {
	return netip.AddrPortFrom(s.addr(), uint16(basePort+100*scenario+server))
}

// side is the namespace of the servers.
func (l *lab) side(s *scenario) *netlab.NS {
	if s.wire {
		return l.b
	}
	return l.a
}

// prepare does what is to be done before the tool starts.
func (l *lab) prepare() (hold io.WriteCloser) {
	for i := range workload {
		s := &workload[i]
		for n := range max(1, s.servers) {
			if s.refused {
				continue
			}
			j := s.server
			j.Addr = s.target(i, n)
			cmd, _ := l.start(l.side(s), i, j)
			if s.blocked {
				l.until("servers to block in accept", func() bool { return blocked(cmd.Process.Pid) })
			}
		}
		if !s.refused {
			l.until("servers", func() bool { return l.ready[i] == max(1, s.servers) })
		}
		if s.before {
			_, hold = l.connect(i, s)
			l.until("connections", func() bool { return l.ready[i] == 1+s.client.Threads })
		}
	}
	return hold
}

// blocked reports whether a thread of a process is in accept4.
func blocked(pid int) bool {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		if strings.HasPrefix(string(text), fmt.Sprintf("%d ", unix.SYS_ACCEPT4)) {
			return true
		}
	}
	return false
}

// connect starts a client.
func (l *lab) connect(i int, s *scenario) (*exec.Cmd, io.WriteCloser) {
	j := s.client
	for n := range max(1, s.servers) {
		j.Targets = append(j.Targets, s.target(i, n))
	}
	return l.start(l.a, i, j)
}

// run does the rest of a scenario and waits until the truth is complete.
func (l *lab) run(i int, hold io.Writer) {
	s := &workload[i]
	if s.before {
		if _, err := io.WriteString(hold, "\n"); err != nil {
			l.Fatal(err)
		}
	} else {
		for n := range max(1, s.clients) {
			l.connect(i, s)
			l.until(s.name, func() bool { return clientEnds(l.truth[i]) >= (n+1)*s.conns()/max(1, s.clients) })
		}
	}
	want := s.conns()
	if !s.refused {
		want *= 2
	}
	l.until("the ends of "+s.name, func() bool { return len(l.truth[i]) == want })
}

func clientEnds(ends []end) (n int) {
	for i := range ends {
		if ends[i].Direction == traceformat.Outgoing {
			n++
		}
	}
	return n
}

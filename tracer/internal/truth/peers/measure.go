//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"example.com/tcpgraph/traceformat"
)

// result is what is known of a tool after its run.
type result struct {
	Tool   string
	Scores []score // of each scenario, and one more for what is from none
	Lost   int     // how many events the tool says that it lost
	Hook   string  // what ours says of how it traces
	Error  string  // why there are none
}

// measure runs the workload under a tool.
func measure(t *tool, livetrace string) (res result) {
	res.Tool = t.name
	l := &lab{}
	defer l.close()
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(labError)
			if !ok {
				panic(p)
			}
			res.Error = e.Error()
		}
	}()
	l.build()
	hold := l.prepare()
	w := l.watch(t, livetrace)
	w.awaken()
	for i := range workload {
		l.run(i, hold)
	}
	w.awaken() // what came before it has been printed
	w.end()
	res.Lost = w.lost + saidLost(w.stderr.String())
	for line := range strings.Lines(w.stderr.String()) {
		if strings.HasPrefix(line, "tracing") {
			res.Hook = strings.TrimSpace(line)
		}
	}
	res.Scores = judge(t.claims, l.truth[:len(workload)], w.records)
	return res
}

// watcher reads what a tool prints.
type watcher struct {
	l    *lab
	t    *tool
	cmd  *exec.Cmd
	done chan struct{}

	mu      sync.Mutex
	records []record // about the workload
	said    [3]int   // how many of each direction were about the probe
	last    time.Time
	lost    int
	other   bytes.Buffer // what it printed besides
	stderr  bytes.Buffer
}

// probe is where connections go that only show that the tool works.
var probe = scenario{server: serve, client: connects(1)}

// watch starts a tool, with a terminal as its output, so that it prints each
// line at once.
func (l *lab) watch(t *tool, livetrace string) *watcher {
	dir, err := os.MkdirTemp("", "peers-")
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { os.RemoveAll(dir) })
	argv, err := t.argv(livetrace, dir)
	if err != nil {
		l.Fatal(err)
	}
	master, slave, err := terminal()
	if err != nil {
		l.Fatalf("make a terminal: %v", err)
	}
	w := &watcher{l: l, t: t, cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{})}
	w.cmd.Stdout, w.cmd.Stderr = slave, &w.stderr
	// A server for the probe.
	j := serve
	j.Addr = probe.target(len(workload), 0)
	l.start(l.a, len(workload), j)
	l.until("the probe's server", func() bool { return l.ready[len(workload)] == 1 })
	if err := w.cmd.Start(); err != nil {
		l.Fatal(err)
	}
	slave.Close()
	l.Cleanup(func() {
		if w.cmd.ProcessState == nil {
			_ = w.cmd.Process.Kill()
			_ = w.cmd.Wait()
		}
		master.Close()
	})
	go func() {
		defer close(w.done)
		s := bufio.NewScanner(master)
		s.Buffer(nil, 1<<20) // as long as a line can be in the text format
		for s.Scan() {       // the end of the tool is an error here, EIO
			w.hear(s.Text())
		}
	}()
	return w
}

// hear reads a line. What is not about the workload is forgotten at once.
func (w *watcher) hear(line string) {
	r, err := w.t.parse(strings.TrimRight(line, "\r"))
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.lost += saidLost(line)
		if enough := 2000; w.other.Len() < enough {
			w.other.WriteString(line + "\n")
		}
		return
	}
	if !w.l.own(&r) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = time.Now()
	if port := probe.target(len(workload), 0).Port(); r.local.Port() == port || r.remote.Port() == port {
		w.said[r.direction]++
		return
	}
	w.records = append(w.records, r)
}

// awaken connects until the tool has told of it, in each direction that it
// tells of, and then waits until it is quiet.
func (w *watcher) awaken() {
	w.mu.Lock()
	w.said = [3]int{}
	w.mu.Unlock()
	heard := func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.t.claims.Direction {
			return w.said[traceformat.DirectionUnknown] > 0
		}
		return (!w.t.claims.Connects || w.said[traceformat.Outgoing] > 0) && (!w.t.claims.Accepts || w.said[traceformat.Incoming] > 0)
	}
	for deadline := time.Now().Add(patience); !heard(); time.Sleep(100 * time.Millisecond) {
		select {
		case <-w.done:
			_ = w.cmd.Wait()
			w.l.Fatalf("%s has ended: %v: %s %s", w.t.name, w.cmd.ProcessState, bytes.TrimSpace(w.other.Bytes()), bytes.TrimSpace(w.stderr.Bytes()))
		default:
		}
		if time.Now().After(deadline) {
			w.l.Fatalf("%s is silent for %v: %s", w.t.name, patience, bytes.TrimSpace(w.other.Bytes()))
		}
		cmd, _ := w.l.connect(len(workload), &probe)
		_ = cmd.Wait()
	}
	const quiet = 500 * time.Millisecond
	for {
		w.mu.Lock()
		still := time.Since(w.last)
		w.mu.Unlock()
		if still >= quiet {
			return
		}
		time.Sleep(quiet - still)
	}
}

// end ends the tool and reads the rest of its output.
func (w *watcher) end() {
	_ = w.cmd.Process.Signal(os.Interrupt)
	select {
	case <-w.done:
	case <-time.After(patience):
		w.l.Fatalf("%s does not end", w.t.name)
	}
	err := w.cmd.Wait()
	if exit := (&exec.ExitError{}); err != nil && !errors.As(err, &exit) {
		w.l.Fatal(err)
	}
}

// terminal makes a pseudoterminal. It puts a carriage return before each newline.
func terminal() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		master.Close()
		return nil, nil, err
	}
	return master, slave, nil
}

//go:build linux

package tracer

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
)

// processKey identifies a process for ever: a number is not reused within the
// same nanosecond.
type processKey struct {
	start uint64 // ns since boot
	pid   uint32
}

// processInfo is what is known of a process besides what each event carries.
type processInfo struct {
	exe, cmdline string
	comm         [16]uint8 // of command
	command      string
}

// commandOf returns the name in comm, making a new string only if it changed.
func (p *processInfo) commandOf(comm *[16]uint8) string {
	if *comm != p.comm {
		name := comm[:]
		if i := bytes.IndexByte(name, 0); i >= 0 {
			name = name[:i]
		}
		p.comm, p.command = *comm, string(name)
	}
	return p.command
}

// cacheSize is how many processes each of the two halves of the cache holds.
// The kernel remembers fewer (described in bpf/owner.h), so that a process which
// it does not describe again is still here.
const cacheSize = 16384

// processCache holds the processes seen last. When the younger half is full it
// becomes the older, and what the older held is forgotten.
type processCache struct {
	young, old map[processKey]*processInfo
	read       func(processKey) processInfo
}

func newProcessCache(read func(processKey) processInfo) processCache {
	return processCache{young: make(map[processKey]*processInfo), read: read}
}

func (c *processCache) put(k processKey, p processInfo) {
	if len(c.young) >= cacheSize {
		c.young, c.old = make(map[processKey]*processInfo), c.young
	}
	c.young[k] = &p
}

// get returns what is known of a process. One that the kernel did not describe
// was there before the tracer and is looked up in /proc.
func (c *processCache) get(k processKey) *processInfo {
	if p := c.young[k]; p != nil {
		return p
	}
	if p := c.old[k]; p != nil {
		c.put(k, *p)
	} else {
		c.put(k, c.read(k))
	}
	return c.young[k]
}

// ticks is the unit of start times in /proc: USER_HZ is 100 on every
// architecture that Go knows but alpha.
const ticks = 1e9 / 100

// readProc reads /proc for a process. If it is gone, or the number is another's
// by now, nothing is known.
func readProc(k processKey) (p processInfo) {
	if k.pid == 0 {
		return p
	}
	exe, _ := os.Readlink(procPath(k.pid, "exe"))
	cmdline := readSome(procPath(k.pid, "cmdline"), argsMax)
	// Last, so that what was read before is still the same process's.
	start, ok := startTicks(readSome(procPath(k.pid, "stat"), 4096))
	if !ok || start != k.start/ticks {
		return p
	}
	p.exe = strings.TrimSuffix(exe, " (deleted)")
	p.cmdline = trimArgs(cmdline)
	return p
}

// trimArgs cuts the NUL off the last argument, and with it all that a program
// which shows its state in place of its arguments has padded them with.
func trimArgs(b []byte) string { return string(bytes.TrimRight(b, "\x00")) }

// argsMax is how much of the arguments is kept (ARGS_MAX in bpf/wire.h).
const argsMax = 4096

func readSome(path string, limit int64) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, limit)) // a process that goes away has no more
	return b
}

// startTicks returns field 22 of /proc/PID/stat. The name before it, in
// parentheses, can hold spaces and parentheses itself.
func startTicks(stat []byte) (uint64, bool) {
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 {
		return 0, false
	}
	fields := bytes.Fields(stat[i+1:])
	if len(fields) < 20 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(fields[19]), 10, 64)
	return n, err == nil
}

func procPath(pid uint32, name string) string {
	return "/proc/" + strconv.FormatUint(uint64(pid), 10) + "/" + name
}

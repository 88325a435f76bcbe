//go:build linux

package main

import (
	_ "embed"
	"os"
	"path/filepath"
)

// tool is a program that traces connections.
type tool struct {
	name    string
	command []string // the path, and arguments
	parse   parser
	claims  claims
	kprobes bool   // needs them
	script  []byte // of bpftrace, written to a file that is the last argument
	headers bool   // the script includes C headers
}

//go:embed script.bt
var script []byte

//go:embed script6.bt
var script6 []byte

// tools are the peers, and we.
var tools = []tool{
	{
		name: "tcpgraph livetrace", command: []string{oursPath, "-extended"}, parse: parseTrace,
		claims: claims{Owner: true, Connects: true, Accepts: true, Before: true, Failures: true, Direction: true, LocalPort: true, Bytes: true},
	},
	{
		name: "bpftrace script", command: []string{"/usr/bin/bpftrace"}, parse: parseTrace, kprobes: true, script: script,
		claims: claims{Owner: true, Connects: true, Accepts: true, Direction: true, LocalPort: true},
	},
	{
		name: "bpftrace script with IPv6", command: []string{"/usr/bin/bpftrace"}, parse: parseTrace, kprobes: true, script: script6,
		claims: claims{Owner: true, Connects: true, Accepts: true, Direction: true, LocalPort: true},
	},
	{
		name: "tcptracer", command: []string{"/usr/sbin/tcptracer"}, parse: parseTcptracer, kprobes: true,
		claims: claims{Owner: true, Connects: true, Accepts: true, Direction: true, LocalPort: true},
	},
	{
		name: "tcplife", command: []string{"/usr/sbin/tcplife", "-w"}, parse: parseTcplife,
		claims: claims{Owner: true, Connects: true, Accepts: true, LocalPort: true, Bytes: true},
	},
	{
		name: "tcpconnect", command: []string{"/usr/sbin/tcpconnect"}, parse: parseTcpconnect, kprobes: true,
		claims: claims{Owner: true, Connects: true, Attempts: true, Direction: true},
	},
	{
		name: "tcpaccept.bt", command: []string{"/usr/bin/bpftrace", "/usr/sbin/tcpaccept.bt"}, parse: parseTcpaccept, kprobes: true, headers: true,
		claims: claims{Owner: true, Accepts: true, Direction: true, LocalPort: true},
	},
	{
		// The process that it prints is the one that runs when the state
		// changes, which is not meant to be the owner.
		name: "tcpstates", command: []string{"/usr/sbin/tcpstates", "-w"}, parse: parseTcpstates,
		claims: claims{Connects: true, Accepts: true, Direction: true, LocalPort: true},
	},
}

// oursPath stands for our own livetrace, which the command builds.
const oursPath = "livetrace"

// argv is the command to execute; ours is the path of our own livetrace, and
// dir a folder for the script.
func (t *tool) argv(ours, dir string) ([]string, error) {
	argv := append([]string(nil), t.command...)
	if argv[0] == oursPath {
		argv[0] = ours
	}
	if t.script == nil {
		return argv, nil
	}
	file := filepath.Join(dir, "script.bt")
	return append(argv, file), os.WriteFile(file, t.script, 0o644)
}

//go:build linux

package truth

import "net/netip"

// op is a thing that an agent can be told to do.
type op string

// The operations, nearly all of them the system call of that name.
const (
	opSocket      op = "socket"      // Family, Protocol, Flags -> FD
	opSetsockopt  op = "setsockopt"  // FD, Level, Option, N
	opLinger      op = "linger"      // FD: reset when it is closed
	opDrop        op = "drop"        // FD, N: drop N of 1000 incoming segments
	opBind        op = "bind"        // FD, Addr -> Local
	opListen      op = "listen"      // FD, N
	opConnect     op = "connect"     // FD, Addr -> Local, Remote
	opConnected   op = "connected"   // FD: wait for a connect under way -> Local, Remote
	opDisconnect  op = "disconnect"  // FD: connect to AF_UNSPEC
	opAccept      op = "accept"      // FD -> FD, Local, Remote
	opFastOpen    op = "fastopen"    // FD, Addr, N: connect with N bytes -> N, Local, Remote
	opWrite       op = "write"       // FD, N -> N
	opRead        op = "read"        // FD, N (-1: to the end) -> N
	opReadable    op = "readable"    // FD: wait for something to accept or read
	opShutdown    op = "shutdown"    // FD: no more is written
	opRetransmits op = "retransmits" // FD -> N
	opOptions     op = "options"     // FD -> N (the options of TCP_INFO)
	opClose       op = "close"       // FD
	opServe       op = "serve"       // FD: accept, read to the end, close, for ever
	opChurn       op = "churn"       // Addr: connect and close, until told to stop -> Addrs
	opStop        op = "stop"        // the churn
	opSendFD      op = "sendfd"      // Unix, FD
	opReceiveFD   op = "receivefd"   // Unix -> FD
	opFork        op = "fork"        // Unix (the child's console), FDs to inherit -> PID
	opExit        op = "exit"        // no answer
	opHello       op = "hello"       // -> Process
	opRing        op = "ring"        // an io_uring, to be closed -> FD
	opRingAccept  op = "ringaccept"  // Unix (the ring), FD -> FD, Local, Remote
	opRingDial    op = "ringdial"    // Unix (the ring), FD, Addr -> Local, Remote
)

// request is a line to an agent.
type request struct {
	ID       int
	Op       op
	FD, Unix int            `json:",omitempty"`
	FDs      []int          `json:",omitempty"`
	Family   int            `json:",omitempty"`
	Protocol int            `json:",omitempty"`
	Flags    int            `json:",omitempty"`
	Level    int            `json:",omitempty"`
	Option   int            `json:",omitempty"`
	N        int64          `json:",omitempty"`
	Addr     netip.AddrPort `json:",omitzero"`
	Thread   string         `json:",omitempty"` // a thread of this name makes the call
}

// reply is a line from an agent.
type reply struct {
	ID            int
	FD            int              `json:",omitempty"`
	N             int64            `json:",omitempty"`
	PID           int              `json:",omitempty"`
	Errno         int              `json:",omitempty"` // of the call itself
	Err           string           `json:",omitempty"` // what else went wrong
	Local, Remote netip.AddrPort   `json:",omitzero"`
	Addrs         []netip.AddrPort `json:",omitempty"`
	Process       *identity        `json:",omitempty"`
}

// identity is what a process knows of itself. Bytes, because a name need not
// be text.
type identity struct {
	Command, Exe, Cmdline []byte
	UID                   uint32
	StartTicks            uint64
	Cgroup                string
}

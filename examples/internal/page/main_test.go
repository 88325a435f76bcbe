package page_test

import (
	"net"
	"testing"

	"example.com/tcpgraph/internal/netlab"
)

func TestMain(m *testing.M) {
	netlab.Main(m, map[string]netlab.Program{"server": server, "client": connect})
}

// server listens at its argument and keeps what it accepts until it ends.
func server(c *netlab.Console, args []string) error {
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	}()
	if err := c.Printf("ready"); err != nil {
		return err
	}
	return c.WaitEOF()
}

// connect connects to the address that the test says, and keeps the connection
// until it ends.
func connect(c *netlab.Console, _ []string) error {
	addr, err := c.ReadLine()
	if err != nil {
		return err
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	return c.WaitEOF()
}

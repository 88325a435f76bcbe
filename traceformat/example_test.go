package traceformat_test

import (
	"errors"
	"fmt"
	"log"
	"net/netip"
	"os"
	"strings"
	"time"

	"example.com/tcpgraph/traceformat"
)

// A stream with a banner, both spellings of the arrows, and a bad line.
func ExampleReader_All() {
	trace := `Attaching 5 probes...
192.0.2.1:5432<-192.0.2.2:50312|PID=4711 CMD=app
192.0.2.2:50312->192.0.2.1:5432|PID=815 CMD=postgres
[2001:db8::7]:443→192.0.2.2:40000|PID=4711 CMD=app
192.0.2.1:70000←192.0.2.2:50312|PID=815 CMD=postgres
`
	for e, err := range traceformat.NewReader(strings.NewReader(trace)).All() {
		var syntax *traceformat.SyntaxError
		switch {
		case errors.As(err, &syntax):
			fmt.Println("skipped", err)
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(e.Process.Command, e.Direction, e.Remote)
		}
	}
	// Output:
	// skipped traceformat: line 1: no arrow (→, ←, ↔, ->, <- or <->) in "Attaching 5 probes..."
	// app outgoing 192.0.2.1:5432
	// postgres incoming 192.0.2.2:50312
	// app outgoing [2001:db8::7]:443
	// skipped traceformat: line 5: the remote port "70000" is not a number from 0 to 65535
}

func ExampleParse() {
	e, err := traceformat.Parse(`192.0.2.9:22→192.0.2.2:40000|PID=7 EVENT=fail DUR=3.1s ERRNO=ETIMEDOUT CMD=ssh`)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(e.Kind, e.Errno, e.Duration, e.Process.PID, e.Process.Command)
	// Output: fail ETIMEDOUT 3.1s 7 ssh
}

func ExampleEvent_AppendTo() {
	e := traceformat.Event{
		Kind: traceformat.Close, Direction: traceformat.Outgoing,
		Remote:   netip.MustParseAddrPort("192.0.2.1:5432"),
		Local:    netip.MustParseAddrPort("192.0.2.2:50312"),
		Process:  traceformat.Process{PID: 4711, Command: "app\x1b[31m"},
		Duration: 1500 * time.Millisecond, BytesSent: 120,
	}
	fmt.Printf("%s\n", e.AppendTo(nil, traceformat.Format{ASCII: true}))
	fmt.Printf("%s\n", e.AppendTo(nil, traceformat.Format{Extended: true}))
	// Output:
	// 192.0.2.1:5432<-192.0.2.2:50312|PID=4711 CMD="app\x1b[31m"
	// 192.0.2.1:5432→192.0.2.2:50312|PID=4711 EVENT=close SENT=120 RECV=0 DUR=1.5s CMD="app\x1b[31m"
}

// Lines are to be seen as events happen, and in blocks when many happen at the
// same time: flush when none is waiting.
func ExampleWriter_Flush() {
	events := make(chan traceformat.Event, 100)
	go func() {
		defer close(events)
		for line := range strings.Lines("192.0.2.1:80←192.0.2.2:50312|PID=1 CMD=web\n192.0.2.1:80←192.0.2.3:61000|PID=1 CMD=web\n") {
			if e, err := traceformat.Parse(line); err == nil {
				events <- e
			}
		}
	}()
	w := traceformat.NewWriter(os.Stdout, traceformat.Format{})
	for e := range events {
		if err := w.Write(e); err != nil {
			log.Fatal(err)
		}
		if len(events) == 0 {
			if err := w.Flush(); err != nil {
				log.Fatal(err)
			}
		}
	}
	// Output:
	// 192.0.2.1:80←192.0.2.2:50312|PID=1 CMD=web
	// 192.0.2.1:80←192.0.2.3:61000|PID=1 CMD=web
}

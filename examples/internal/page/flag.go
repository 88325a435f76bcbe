package page

import (
	"flag"
	"fmt"
	"io"

	"example.com/tcpgraph/examples/internal/cli"
)

var _ cli.Optional = (*Flag)(nil)

// Flag is the flag -http of a command: -http, -http=ADDRESS or -http ADDRESS.
type Flag struct {
	// On says that the flag was given, and Addr where to serve.
	On   bool
	Addr string
}

// Register adds the flag to a command's.
func (f *Flag) Register(fs *flag.FlagSet) {
	fs.Var(f, "http", "show the graph in a browser, at "+DefaultAddr+" or another `ADDRESS` such as :8080; who can connect to the address can see it")
}

// String returns the address.
func (f *Flag) String() string { return f.Addr }

// Set takes in the value of the flag. It is "true" where there is none.
func (f *Flag) Set(s string) error {
	switch s {
	case "true":
		f.On = true
	case "false":
		*f = Flag{}
	case "":
		return fmt.Errorf("no address; -http alone serves at %s", DefaultAddr)
	default:
		f.On, f.Addr = true, s
	}
	return nil
}

// Bare reports whether the flag was given without an address.
func (f *Flag) Bare() bool { return f.On && f.Addr == "" }

// IsBoolFlag tells package flag that the value can be left out.
func (f *Flag) IsBoolFlag() bool { return true }

// Start serves a page where the flag says, and tells on stderr where that is.
func (f *Flag) Start(p *Page, stderr io.Writer) (*Server, error) {
	s, err := Start(f.Addr, p)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(stderr, "the graph is shown at", s.URL())
	if s.exposed {
		fmt.Fprintln(stderr, "warning: other machines can connect there, and see the names, arguments and peers of processes")
	}
	return s, nil
}

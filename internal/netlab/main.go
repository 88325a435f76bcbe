package netlab

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

// The environment variables by which [NS.Spawn] tells the test binary, executed
// again, which program it is and what it is called.
const (
	programEnv = "TCPGRAPH_NETLAB_PROGRAM"
	commEnv    = "TCPGRAPH_NETLAB_COMM"
)

// Program is the main function of a helper process. It talks with the test
// through the console, line by line, and ends when it returns: with exit
// status 0, or with 1 after its error was printed on the standard error.
type Program func(c *Console, args []string) error

// Main runs a package's tests, or a helper program if the process was started
// by [NS.Spawn], and exits. It is the whole body of a TestMain:
//
//	func TestMain(m *testing.M) {
//		netlab.Main(m, map[string]netlab.Program{"echo": echo})
//	}
//
// When the tests have passed, a goroutine, a descriptor, a child process or a
// thread in another network namespace that they left behind fails the run.
// Descriptors are checked where /proc/self/fd exists, processes and threads on
// Linux.
func Main(m *testing.M, programs map[string]Program) {
	if name, ok := os.LookupEnv(programEnv); ok {
		os.Exit(runProgram(name, programs))
	}
	os.Exit(checkLeaks(m.Run, leakGrace, os.Stderr))
}

// runProgram is a helper process. Its return value is the exit status.
func runProgram(name string, programs map[string]Program) int {
	comm := os.Getenv(commEnv)
	os.Unsetenv(programEnv)
	os.Unsetenv(commEnv)
	run, ok := programs[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "netlab: no program %q: add it to the map that TestMain gives to netlab.Main\n", name)
		return 2
	}
	if err := setComm(comm); err != nil {
		fmt.Fprintf(os.Stderr, "netlab: set the command name: %v\n", err)
		return 2
	}
	if err := run(newConsole(os.Stdin, os.Stdout), os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

// setComm names the process. It writes to /proc because that names the
// thread-group leader from any thread, where prctl names the calling one, and
// Go does not say which thread runs main.
func setComm(comm string) error {
	f, err := os.OpenFile("/proc/self/comm", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(comm)
	return err
}

// Console is a helper program's line to its test: the standard input and
// output. It is not safe for concurrent use.
type Console struct {
	in  *bufio.Reader
	out io.Writer
}

func newConsole(in io.Reader, out io.Writer) *Console {
	return &Console{in: bufio.NewReader(in), out: out}
}

// Printf prints one line; the newline is added.
func (c *Console) Printf(format string, args ...any) error {
	_, err := fmt.Fprintf(c.out, format+"\n", args...)
	return err
}

// ReadLine waits for the test's next line and returns it without its newline.
// The error is [io.EOF] when the test asks the program to stop, or has died.
func (c *Console) ReadLine() (string, error) {
	return readLine(c.in)
}

// readLine reads a whole line. A last line without a newline is an error.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err == io.EOF && line != "" {
		return "", fmt.Errorf("line %q is cut short: %w", line, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(line, "\n"), nil
}

// WaitEOF discards the test's lines until the test asks the program to stop.
func (c *Console) WaitEOF() error {
	_, err := io.Copy(io.Discard, c.in)
	return err
}

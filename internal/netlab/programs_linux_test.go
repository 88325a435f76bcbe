package netlab

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// programs are the helper processes of this package's own tests.
var programs = map[string]Program{
	// echo repeats every line, with its first argument before it.
	"echo": func(c *Console, args []string) error {
		prefix := ""
		if len(args) > 0 {
			prefix = args[0]
		}
		for {
			line, err := c.ReadLine()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := c.Printf("%s%s", prefix, line); err != nil {
				return err
			}
		}
	},
	// args prints its arguments and what there is of the variables that
	// select a program.
	"args": func(c *Console, args []string) error {
		_, ok := os.LookupEnv(programEnv)
		return c.Printf("%q %v", args, ok)
	},
	"fail": func(*Console, []string) error { return errors.New("no such luck") },
	// netns prints the inode of its network namespace, then of those whose
	// paths it is given.
	"netns": func(c *Console, args []string) error {
		for _, path := range append([]string{"/proc/self/ns/net"}, args...) {
			var st unix.Stat_t
			if err := unix.Stat(path, &st); err != nil {
				return fmt.Errorf("stat %s: %w", path, err)
			}
			if err := c.Printf("%d", st.Ino); err != nil {
				return err
			}
		}
		return nil
	},
	// available prints what [Require] would skip for.
	"available": func(c *Console, _ []string) error {
		return c.Printf("%v", available())
	},
	// file writes to the first file that it inherited.
	"file": func(_ *Console, args []string) error {
		_, err := fmt.Fprint(os.NewFile(3, "inherited"), args[0])
		return err
	},
	// parent starts a child that inherits its descriptor 3, says so, and
	// waits for ever.
	"parent": func(c *Console, _ []string) error {
		ns, err := openNS()
		if err != nil {
			return err
		}
		ns.own = true
		r, _, err := os.Pipe() // the child's standard input, which never ends
		if err != nil {
			return err
		}
		child := &exec.Cmd{
			Path:       "/proc/self/exe",
			Args:       []string{"echo"},
			Env:        programEnviron("echo", "echo"),
			Stdin:      r,
			Stdout:     os.Stderr, // a bare machine has no /dev/null for nil
			Stderr:     os.Stderr,
			ExtraFiles: []*os.File{os.NewFile(3, "inherited")},
		}
		if err := ns.start(child); err != nil {
			return err
		}
		if err := c.Printf("%d", child.Process.Pid); err != nil {
			return err
		}
		return c.WaitEOF()
	},
}

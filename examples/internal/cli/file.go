package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// CheckFile returns an error if [ReplaceFile] could not write a file. It is for
// those who have much to do before they write it.
func CheckFile(name string) error {
	name, special, err := target(name)
	if err != nil || special {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// ReplaceFile writes a file as a whole: another program that reads it sees what
// was there before or what is there then, and an error changes nothing. What is
// no file but a device or a pipe is written to as it is.
func ReplaceFile(name string, write func(io.Writer) error) (err error) {
	name, special, err := target(name)
	if err != nil {
		return err
	}
	if special {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = write(f)
	if err == nil {
		err = f.Chmod(mode(name))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// target returns what a name stands for, and whether that is there and no file:
// root would put a file in the place of /dev/null.
func target(name string) (file string, special bool, err error) {
	st, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return name, false, nil
	case err != nil:
		return name, false, err
	case st.IsDir():
		return name, false, &os.PathError{Op: "write", Path: name, Err: errors.New("is a directory")}
	case !st.Mode().IsRegular():
		return name, true, nil
	}
	// A link stays, and what it points to is replaced.
	name, err = filepath.EvalSymlinks(name)
	return name, false, err
}

// mode is that of the file which is replaced, or what a new one would have.
func mode(name string) os.FileMode {
	if st, err := os.Stat(name); err == nil {
		return st.Mode().Perm()
	}
	return 0o644
}

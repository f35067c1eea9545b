package containerizer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// OpenOutput opens the files stdout and stderr of a sandbox for appending. They are created if
// missing, readable by all and owned by uid and gid (-1: not changed); files that exist keep their
// owner.
//
// What was fetched into the sandbox is not trusted: a symlink or anything but a regular file under
// these names is an error, so nothing outside is written or given away.
func OpenOutput(sandbox string, uid, gid int) (stdout, stderr *os.File, err error) {
	if stdout, err = openOutput(filepath.Join(sandbox, "stdout"), uid, gid); err != nil {
		return nil, nil, err
	}
	if stderr, err = openOutput(filepath.Join(sandbox, "stderr"), uid, gid); err != nil {
		stdout.Close()
		return nil, nil, err
	}
	return stdout, stderr, nil
}

func openOutput(path string, uid, gid int) (*os.File, error) {
	// O_NONBLOCK only keeps the open from waiting for a FIFO's reader.
	const flags = os.O_WRONLY | os.O_APPEND | syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	f, err := os.OpenFile(path, flags|os.O_CREATE|os.O_EXCL, 0o644)
	if err == nil {
		if uid >= 0 || gid >= 0 {
			err = f.Chown(uid, gid)
		}
	} else if errors.Is(err, fs.ErrExist) {
		f, err = os.OpenFile(path, flags, 0)
	}
	switch {
	case f == nil && (errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO)):
		return nil, notRegular(path)
	case f == nil:
		return nil, fmt.Errorf("open the container's output: %w%s", err, remedy(err))
	}
	if err == nil {
		err = check(f, path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func check(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return notRegular(path)
	}
	return syscall.SetNonblock(int(f.Fd()), false)
}

func notRegular(path string) error {
	return fmt.Errorf("%s takes the container's output but is not a regular file; don't fetch or extract anything of that name", path)
}

// remedy says what an operator can do about a failed file operation, if anything is known.
func remedy(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "; free disk space under the agent's work_dir"
	case errors.Is(err, syscall.EDQUOT):
		return "; raise the disk quota"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "; raise the limit of open files"
	case errors.Is(err, syscall.EROFS):
		return "; mount the file system writable"
	case errors.Is(err, fs.ErrNotExist):
		return "; the sandbox must exist before the launch"
	}
	return ""
}

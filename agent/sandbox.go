package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// sandboxPath is the reference's layout, which tools read.
func sandboxPath(workDir, agentID, frameworkID, executorID, containerID string) string {
	return filepath.Join(workDir, "slaves", agentID, "frameworks", frameworkID, "executors", executorID, "runs", containerID)
}

// makeSandbox makes the directory for one run, mode 0750, owned by the user, and points the link
// "latest" beside it there. After an error nothing of it is left. An empty path makes nothing.
func makeSandbox(path, username string) error {
	if path == "" {
		return nil
	}
	err := os.MkdirAll(path, 0o755)
	if err == nil {
		err = os.Chmod(path, 0o750)
	}
	if err == nil && username != "" {
		err = giveTo(path, username)
	}
	if err == nil {
		err = pointLatest(path)
	}
	if err == nil {
		return nil
	}
	_ = os.Remove(path)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		err = fmt.Errorf("%w; free space on the agent's disk, where its work directory is", err)
	}
	return err
}

// pointLatest makes the symbolic link "latest" in the directory of path lead to path.
func pointLatest(path string) error {
	latest := filepath.Join(filepath.Dir(path), "latest")
	if err := os.Remove(latest); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Symlink(path, latest)
}

// giveTo changes the owner of path, not of what is in it.
func giveTo(path, username string) error {
	fail := func(why string) error {
		return failure(fmt.Sprintf("Failed to chown directory to '%s': %s", username, why))
	}
	u, err := user.Lookup(username)
	if err != nil {
		return fail(fmt.Sprintf("No such user '%s'; create it on the agent or change the framework's or the command's user", username))
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return fail(err.Error())
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return fail(err.Error())
	}
	if uid == os.Geteuid() && gid == os.Getegid() {
		return nil
	}
	if err := os.Lchown(path, uid, gid); err != nil {
		return fail(fmt.Sprintf("%v; only an agent that runs as root can run tasks as other users: change the user, or set --switch_user=false", err))
	}
	return nil
}

// failure is an error whose text goes to frameworks as the reference words it.
type failure string

func (f failure) Error() string { return string(f) }

package keeper

import (
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	socketName = "keeper.sock"
	lockName   = "keeper.lock"
)

// own is this program, also when its file was replaced.
const own = "/proc/self/exe"

// withSocket calls f with the address of the socket in dir. Addresses are short; a long path is
// shortened through a descriptor of its directory.
func withSocket(dir string, f func(*net.UnixAddr) error) error {
	path := filepath.Join(dir, socketName)
	if len(path) > 100 {
		d, err := os.Open(dir)
		if err != nil {
			return err
		}
		defer d.Close()
		path = fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), socketName)
	}
	return f(&net.UnixAddr{Name: path, Net: "unix"})
}

// listen makes the socket, for this user alone.
func listen(dir string) (l *net.UnixListener, err error) {
	_ = os.Remove(filepath.Join(dir, socketName)) // of an earlier keeper: the lock says that it is gone
	err = withSocket(dir, func(a *net.UnixAddr) error {
		old := unix.Umask(0o177)
		defer unix.Umask(old)
		l, err = net.ListenUnix("unix", a)
		return err
	})
	if err == nil {
		l.SetUnlinkOnClose(false) // the path may have been through a descriptor
	}
	return l, err
}

func dial(dir string) (c *net.UnixConn, err error) {
	err = withSocket(dir, func(a *net.UnixAddr) error {
		c, err = net.DialUnix("unix", nil, a)
		return err
	})
	return c, err
}

// lock makes this the only keeper of dir for as long as the process lives.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// checkPeer admits the same user, and root.
func checkPeer(c *net.UnixConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var cred *unix.Ucred
	if e := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); e != nil {
		return e
	}
	if err != nil {
		return err
	}
	if cred.Uid != 0 && int(cred.Uid) != os.Geteuid() {
		return fmt.Errorf("user %d is not the keeper's", cred.Uid)
	}
	return nil
}

// keepDescriptors keeps what the agent's program may have leaked from the containers.
func keepDescriptors() { _ = unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC) } // kernels before 5.11 can't

func dup2(from, to int) error { return unix.Dup3(from, to, 0) }

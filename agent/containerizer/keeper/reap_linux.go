package keeper

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/mesokit/mesokit/agent/containerizer/internal/proctree"
)

// becomeReaper makes all orphans below this process its children.
func becomeReaper() error {
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

func platformAttr(attr *syscall.SysProcAttr, pidfd *int, diesWithParent bool) {
	if diesWithParent {
		attr.Pdeathsig = syscall.SIGKILL
		attr.PidFD = pidfd // a dedicated keeper needs none
	}
}

func closePidfd(fd int) {
	if fd >= 0 {
		syscall.Close(fd)
	}
}

// reap is the goroutine of a dedicated keeper that waits for children, its own and orphans.
//
// A child is looked at before it is reaped: until then nobody else can get its number, so its session
// can be recognised in what it has left behind, and signals that are sent under the mutex hit it.
func (l *Local) reap() {
	for {
		pid, err := peek()
		switch err {
		case nil:
		case syscall.ECHILD:
			<-l.forked
			continue
		default:
			continue
		}
		l.mu.Lock()
		p := l.byPid[pid]
		if p == nil { // an orphan, or a child that could not execute
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil) // the fork may have been faster
			l.mu.Unlock()
			continue
		}
		remains := l.orphansLocked(p)
		exit := l.reapedLocked(p)
		l.mu.Unlock()
		l.exitedWith(p, exit, remains)
	}
}

// peek waits until a child has ended and leaves it as it is.
func peek() (pid int, err error) {
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		return 0, err
	}
	// si_pid follows three ints, at the alignment of a pointer: waitid(2), <linux/signal.h>.
	const at = (3*4 + unsafe.Sizeof(uintptr(0)) - 1) / unsafe.Sizeof(uintptr(0)) * unsafe.Sizeof(uintptr(0))
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(&info), at))), nil
}

// orphansLocked are the processes that a container's first one, which has ended, leaves to this one.
// Everything else that it leaves descends from them.
func (l *Local) orphansLocked(p *process) []proctree.Process {
	var orphans []proctree.Process
	for _, pid := range children() {
		if l.byPid[pid] != nil {
			continue
		}
		stat, err := proctree.Read(pid)
		if err != nil || stat.Dead {
			continue
		}
		mine := stat.Session == p.pid || p.mark != "" && proctree.HasEnviron(pid, p.mark)
		for _, s := range p.seen {
			mine = mine || s.Pid == stat.Pid && s.Start == stat.Start
		}
		if mine {
			orphans = append(orphans, stat)
		}
	}
	return orphans
}

// children are this process's children, orphans among them: the kernel gives those to the first
// thread. Those that other threads forked may be missing; they are no orphans.
func children() []int {
	self := strconv.Itoa(os.Getpid())
	b, err := os.ReadFile("/proc/self/task/" + self + "/children")
	if err != nil { // a kernel without CONFIG_PROC_CHILDREN
		s, err := proctree.Take()
		if err != nil {
			return nil
		}
		return s.Children(os.Getpid())
	}
	var pids []int
	for _, field := range bytes.Fields(b) {
		if pid, err := strconv.Atoi(string(field)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// watchChild waits for one child of a keeper that is not dedicated.
func (l *Local) watchChild(p *process, pidfd int) {
	if pidfd >= 0 {
		awaitPidfd(pidfd)
	} else {
		var info unix.Siginfo
		for unix.Waitid(unix.P_PID, p.pid, &info, unix.WEXITED|unix.WNOWAIT, nil) == syscall.EINTR {
		}
	}
	members, err := l.members(p) // as in reap, before it is reaped
	if err != nil {
		l.cfg.Logf("container %s: what it has left behind is not known: %v", p.key, err)
	}
	l.mu.Lock()
	exit := l.reapedLocked(p)
	l.mu.Unlock()
	l.exitedWith(p, exit, proctree.Living(members))
}

// awaitPidfd waits for the end of a process without holding a thread, and closes pidfd.
func awaitPidfd(pidfd int) {
	_ = syscall.SetNonblock(pidfd, true) // so that the runtime polls it
	f := os.NewFile(uintptr(pidfd), "pidfd")
	defer f.Close()
	ended := func(fd uintptr) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return n == 1 || err != nil && err != syscall.EINTR
	}
	conn, err := f.SyscallConn()
	if err == nil {
		err = conn.Read(ended)
	}
	for err != nil && !ended(uintptr(pidfd)) { // the runtime can't poll it
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, -1)
	}
}

// awaitStranger waits for the end of a process that is not a child.
func awaitStranger(p proctree.Process) {
	fd, err := unix.PidfdOpen(p.Pid, 0)
	if now, gone := proctree.Read(p.Pid); gone != nil || now.Start != p.Start || now.Dead {
		closePidfd(fd)
		return
	}
	if err == nil {
		awaitPidfd(fd)
		return
	}
	for { // kernels before 5.3
		time.Sleep(time.Second)
		if now, err := proctree.Read(p.Pid); err != nil || now.Start != p.Start || now.Dead {
			return
		}
	}
}

package keeper

import (
	"os"
	"runtime"
	"syscall"
)

// forker runs all forks on one thread, which it never gives back: the kernel ends children that shall
// not outlive their parent when the thread that forked them ends.
func (l *Local) forker() {
	runtime.LockOSThread()
	for f := range l.forks {
		f()
	}
}

// forkExec starts a process in a session of its own. It returns once the process has executed, or with
// the reason why it could not.
func forkExec(cmd *Command, null *os.File, diesWithParent bool) (pid, pidfd int, err error) {
	attr := &syscall.ProcAttr{
		Dir: cmd.Dir, Env: cmd.Env,
		Files: []uintptr{null.Fd(), null.Fd(), null.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	}
	if cmd.Env == nil {
		attr.Env = []string{} // nil would mean this process's
	}
	if cmd.Stdout != nil {
		attr.Files[1] = cmd.Stdout.Fd()
	}
	if cmd.Stderr != nil {
		attr.Files[2] = cmd.Stderr.Fd()
	}
	if c := cmd.Credential; c != nil {
		attr.Sys.Credential = &syscall.Credential{Uid: c.UID, Gid: c.GID, Groups: c.Groups}
	}
	pidfd = -1
	platformAttr(attr.Sys, &pidfd, diesWithParent)
	pid, err = syscall.ForkExec(cmd.Path, cmd.Args, attr)
	runtime.KeepAlive(cmd)
	return pid, pidfd, err
}

// exitOf reaps a child that has ended.
func exitOf(pid int) Exit {
	var status syscall.WaitStatus
	for {
		switch _, err := syscall.Wait4(pid, &status, 0, nil); err {
		case nil:
			return Exit{Known: true, Status: status}
		case syscall.EINTR:
		default:
			return Exit{Message: "something else in this program has waited for it, or SIGCHLD is ignored: " + err.Error()}
		}
	}
}

// reapedLocked takes a child's exit and gives its number back, in one step for everyone else.
func (l *Local) reapedLocked(p *process) Exit {
	exit := exitOf(p.pid)
	delete(l.byPid, p.pid)
	p.child, p.exited = false, true
	return exit
}

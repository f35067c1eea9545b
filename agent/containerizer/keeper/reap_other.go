//go:build unix && !linux

package keeper

import (
	"errors"
	"syscall"

	"github.com/mesokit/mesokit/agent/containerizer/internal/proctree"
)

func becomeReaper() error {
	return errors.New("a keeper process needs Linux; here containers end with the agent")
}

func (l *Local) reap() {}

func platformAttr(*syscall.SysProcAttr, *int, bool) {}

func closePidfd(int) {}

// watchChild reaps the child and kills its group, all that is known of it here.
func (l *Local) watchChild(p *process, _ int) {
	exit := exitOf(p.pid)
	_ = syscall.Kill(-p.pid, syscall.SIGKILL) // nobody may be left
	l.mu.Lock()
	delete(l.byPid, p.pid)
	p.child, p.exited = false, true
	l.mu.Unlock()
	l.exitedWith(p, exit, nil)
}

func awaitStranger(proctree.Process) {}

package schedulertest

import (
	"syscall"
	"time"

	registrymemory "github.com/mesokit/mesokit/master/registry/memory"
)

// faultOfExecutor makes a fault happen to one of the executors that run.
func (c *Cluster) faultOfExecutor(f Fault) (undo func()) {
	live := c.executors()
	if len(live) == 0 {
		return c.nothing(f, "no executor runs")
	}
	p := live[f.Target%len(live)]
	switch f.Kind {
	case CrashExecutor:
		p.machine.end(p.container, syscall.WaitStatus(syscall.SIGKILL))
	case CrashExecutorAlone:
		a := p.agent()
		if a.loop.Closed() {
			p.machine.end(p.container, syscall.WaitStatus(syscall.SIGKILL))
			return nil
		}
		a.Crash()
		c.sim.After(f.For/2, func() { p.machine.end(p.container, syscall.WaitStatus(syscall.SIGKILL)) })
		return func() {
			if a.loop.Closed() {
				a.Restart()
			}
		}
	case BreakExecutorLink:
		for _, conn := range c.net.of(p.name, "") {
			conn.breakNow(f.Notice)
		}
	case DelayExecutor:
		return c.net.slow(p.name, p.agent().name, f.By)
	case LoseExecutorCall:
		p.http.loseCall = true
	case LoseExecutorAnswer:
		p.http.loseAnswer = true
	case PauseExecutor:
		return c.pause(f.Kind, p.loop, p.calls)
	default: // SkewExecutor
		return c.skew(f, p, func(d time.Duration) {
			p.loop.SetSkew(d)
			p.calls.SetSkew(d)
		})
	}
	return nil
}

// loseRegistry ends all masters, empties their registry, and lets them start again.
func (c *Cluster) loseRegistry() (undo func()) {
	for _, h := range c.masters {
		h.Crash()
	}
	c.trace.note("registry lost")
	c.store = &registrymemory.Storage{}
	clear(c.check.admitted)
	return c.RestartMaster
}

package schedulertest

import (
	"time"

	"github.com/mesokit/mesokit/internal/loop"
)

// trouble is what keeps a part of the cluster, such as an agent, from its promises. Those are counted from
// the last of it.
type trouble struct {
	last loop.Instant // when something befell the part, or was over
	ails int          // how much is not over and excuses it for as long as it lasts
}

// well returns since when a part has had no trouble: now, if it has. What tests do to it by hand nobody
// tells of; fit says whether there is nothing of that.
func (t *trouble) well(now loop.Instant, fit bool) loop.Instant {
	if !fit || t.ails > 0 {
		t.last = now
	}
	return t.last
}

// bearable is how much later than usual things may happen without that being an excuse. Faults drawn at
// random delay nothing by more.
const bearable = 5 * time.Second

// bearable reports whether a fault is no excuse.
func (f Fault) bearable() bool {
	switch f.Kind {
	case SkewMaster, SkewAgent, SkewFramework, SkewExecutor: // nobody waits by the clock
		return true
	case DelayAgent, DelayFramework, DelayMaster, DelayExecutor, SlowRegistry, SlowDisk:
		return f.By <= bearable
	}
	return false
}

// takesAway reports whether a fault keeps an agent from its master, which is no excuse: the master has to
// say so.
func (k FaultKind) takesAway() bool {
	switch k {
	case CutAgent, CutAgentIn, CutAgentOut, CrashAgent, RebootAgent, ResetAgent, PauseAgent, CrashExecutorAlone:
		return true
	}
	return false
}

// struck notes that a fault of a script is about to happen, and returns what notes its end. Cuts between
// hosts the network tells of.
func (k *checker) struck(f Fault) (over func()) {
	t := k.stricken(f)
	if t == nil || f.bearable() {
		return func() {}
	}
	ails := 1
	if f.Kind.takesAway() {
		ails = 0
	}
	t.last, t.ails = k.now(), t.ails+ails
	return func() { t.last, t.ails = k.now(), t.ails-ails }
}

// stricken is what a fault is done to; nil: that is nothing, or only what lies between hosts.
func (k *checker) stricken(f Fault) *trouble {
	c := k.cluster
	switch w, a := c.target(f); {
	case w != nil:
		return &w.trouble
	case a != nil:
		return &a.trouble
	}
	switch f.Kind.of() {
	case ofMaster:
		return &c.masterFor(f.Target).trouble
	case ofExecutor:
		if live := c.executors(); len(live) > 0 {
			return &live[f.Target%len(live)].agent().trouble
		}
	case ofNetwork:
		if f.Kind == LoseMaster {
			return &k.trouble
		}
	}
	return nil
}

// cut hears from the network that ways between hosts have changed. That concerns the agent or framework at
// one of the ends; else a master that is cut off from all, or from the election; else everybody.
func (k *checker) cut(from, to string) {
	concerned := false
	hit := func(name string, t *trouble) {
		if name == from || name == to {
			t.last, concerned = k.now(), true
		}
	}
	for _, a := range k.cluster.agents {
		hit(a.name, &a.trouble)
	}
	for _, f := range k.cluster.fws {
		hit(f.name, &f.trouble)
	}
	if concerned {
		return
	}
	for _, h := range k.cluster.masters {
		hit(h.name, &h.trouble)
	}
	if !concerned {
		k.trouble.last = k.now()
	}
}

// parted reports whether what two hosts say does not get through.
func (k *checker) parted(a, b string) bool {
	n := k.cluster.net
	return n.blocked(a, b) || n.blocked(b, a)
}

// unled reports whether a host can't hear who leads, or the leader not hear it.
func (k *checker) unled(host string) bool {
	return k.parted(host, k.cluster.master.name) || k.cluster.ensemble != nil && k.parted(host, electionHost)
}

// led returns since when there has been a leader without trouble.
func (k *checker) led() loop.Instant {
	now, h := k.now(), k.cluster.master.host
	fit := k.cluster.master.serves() && h.disk.slow <= bearable && !h.disk.broken &&
		!(k.cluster.ensemble != nil && k.parted(h.name, electionHost))
	return max(k.trouble.well(now, true), h.trouble.well(now, fit))
}

// hears returns since when a framework could be told, and ask, whatever it wants to.
func (k *checker) hears(f *Framework) loop.Instant {
	return f.trouble.well(k.now(), f.serves() && !f.loop.Paused() && !f.calls.Paused() && !k.unled(f.name))
}

// away reports whether an agent can't do what its master wants. If that lasts, the master has to say so.
func (k *checker) away(a *Agent) bool {
	return a.loop.Closed() || a.loop.Paused() || k.unled(a.name)
}

// fit returns since when an agent, if it is not away, could do what it should.
func (k *checker) fit(a *Agent) loop.Instant {
	return a.trouble.well(k.now(), !a.machine.hung && a.disk.slow <= bearable && !a.store.behind)
}

func (k *checker) now() loop.Instant { return k.cluster.sim.Instant() }

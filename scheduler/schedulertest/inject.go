package schedulertest

import (
	"syscall"
	"time"
)

// Inject lets the faults of a script happen, counted from now. Faults of frameworks that can't be
// started again (see RunProcess), of agents that there are none of, and of the election where there is
// none, are left out.
//
// It returns when the last of them is over.
func (c *Cluster) Inject(script Faults) (over time.Time) {
	over = c.Now()
	for _, f := range script {
		last := f.At
		if f.Step == "" {
			c.sim.After(f.At, func() { c.happen(f, "") })
		} else {
			c.sim.After(f.At, func() { c.timing.arm(f) })
			last += patience
		}
		if end := c.Now().Add(last + f.For); end.After(over) {
			over = end
		}
	}
	return over
}

// happen lets a fault happen now, and end after its time; during is what is under way, for people. It
// reports whether the fault did anything.
func (c *Cluster) happen(f Fault, during string) bool {
	if during != "" {
		during = " (" + during + ")"
	}
	c.trace.note("fault: " + f.String() + during)
	before := c.happened[f.Kind]
	c.happened[f.Kind]++
	over := c.check.struck(f)
	if undo := c.fault(f); undo != nil {
		c.sim.After(f.For, func() { undo(); over() })
	} else {
		over()
	}
	return c.happened[f.Kind] > before
}

// nothing notes that a fault that was to happen could do nothing.
func (c *Cluster) nothing(f Fault, why string) (undo func()) {
	c.happened[f.Kind]--
	c.trace.note("no effect: " + why)
	return nil
}

// fault makes one fault happen and returns what ends it; nil if nothing has to.
func (c *Cluster) fault(f Fault) (undo func()) {
	if f.Kind.of() == ofExecutor {
		return c.faultOfExecutor(f)
	}
	if f.Kind.ofElection() && c.ensemble == nil {
		return c.nothing(f, "there is no election")
	}
	switch w, a := c.target(f); {
	case w != nil:
		return c.faultOfFramework(f, w)
	case a != nil:
		return c.faultOfAgent(f, a)
	}
	switch f.Kind {
	case LoseMaster:
		return c.loseRegistry()
	case StopElection:
		return c.net.partition(electionHost, anywhere, true, true)
	case CutPair, CutPairOneWay:
		return c.cutPair(f)
	}
	if f.Kind.of() == ofMaster {
		return c.faultOfMaster(f, c.masterFor(f.Target))
	}
	return c.nothing(f, "there is nothing of that kind")
}

// masterFor is the leader, or the one who led last, for even numbers, and any master for odd ones.
func (c *Cluster) masterFor(target int) *MasterHost {
	if target%2 == 0 {
		return c.master.host
	}
	return c.masters[target/2%len(c.masters)]
}

func (c *Cluster) faultOfMaster(f Fault, h *MasterHost) (undo func()) {
	switch f.Kind {
	case CrashMaster:
		if h.node.closed() {
			return c.nothing(f, h.name+" is down")
		}
		h.Crash()
		return h.Restart
	case PauseMaster:
		return c.pause(f.Kind, h.node.loop)
	case SkewMaster:
		return c.skew(f, h, func(d time.Duration) {
			h.skew = d
			h.node.loop.SetSkew(d)
		})
	case SlowRegistry:
		return c.slow(f, h.disk)
	case FailRegistry:
		h.disk.broken = true
		return c.during(lasting{f.Kind, h}, func() { h.disk.broken = false })
	case DelayMaster:
		return c.net.slow(h.name, anywhere, f.By)
	case CutElection:
		return c.net.partition(h.name, electionHost, true, true)
	case BreakElectionLink:
		for _, conn := range c.net.of(h.node.name, electionHost) {
			conn.breakNow(f.Notice)
		}
		return nil
	default: // CutMaster, CutMasterOut, CutMasterIn
		return c.net.partition(h.name, anywhere, f.Kind != CutMasterIn, f.Kind != CutMasterOut)
	}
}

// hosts are all that talk to each other, in the order in which CutPair counts them.
func (c *Cluster) hosts() (out []string) {
	for _, h := range c.masters {
		out = append(out, h.name)
	}
	if c.ensemble != nil {
		out = append(out, electionHost)
	}
	for _, a := range c.agents {
		out = append(out, a.name)
	}
	for _, f := range c.fws {
		out = append(out, f.name)
	}
	return out
}

func (c *Cluster) cutPair(f Fault) (undo func()) {
	hosts := c.hosts()
	from, to := c.master.host.name, hosts[f.Other%len(hosts)]
	if f.Target%2 == 1 {
		from = hosts[f.Target/2%len(hosts)]
	}
	if from == to {
		return c.nothing(f, from+" is both")
	}
	return c.net.partition(from, to, true, f.Kind == CutPair)
}

func (c *Cluster) faultOfAgent(f Fault, a *Agent) (undo func()) {
	switch f.Kind {
	case BreakAgentLink:
		a.BreakLink(f.Notice)
	case DelayAgent:
		return c.net.slow(a.name, anywhere, f.By)
	case CutAgent, CutAgentOut, CutAgentIn:
		return c.net.partition(a.name, anywhere, f.Kind != CutAgentIn, f.Kind != CutAgentOut)
	case CrashAgent, RebootAgent, ResetAgent:
		if a.loop.Closed() {
			return c.nothing(f, a.name+" is down")
		}
		switch f.Kind {
		case CrashAgent:
			a.Crash()
		case RebootAgent:
			a.Destroy()
		default:
			a.Crash()
			a.LoseDisk()
		}
		return func() {
			if a.loop.Closed() {
				a.Restart()
			}
		}
	case CrashContainer:
		a.machine.killOne(f.Target)
	case PauseAgent:
		return c.pause(f.Kind, a.loop)
	case SkewAgent:
		return c.skew(f, a, func(d time.Duration) {
			a.skew = d
			a.loop.SetSkew(d)
		})
	case SlowDisk:
		return c.slow(f, a.disk)
	case FailDisk:
		store := a.store
		store.Fail(errDisk)
		return c.during(lasting{f.Kind, store}, func() { store.Fail(nil) })
	case HangContainerizer:
		a.machine.hang(true)
		return c.during(lasting{f.Kind, a.machine}, func() { a.machine.hang(false) })
	default:
		c.t.Fatalf("there is no fault %q", f.Kind)
	}
	return nil
}

// killOne kills one of the containers that run.
func (m *machine) killOne(n int) {
	var live []*container
	for _, id := range m.order {
		if c := m.containers[id]; c.running {
			live = append(live, c)
		}
	}
	if len(live) > 0 {
		m.end(live[n%len(live)], syscall.WaitStatus(syscall.SIGKILL))
	}
}

func (c *Cluster) faultOfFramework(f Fault, w *Framework) (undo func()) {
	switch f.Kind {
	case BreakFrameworkLink:
		w.BreakLink(f.Notice)
	case DelayFramework:
		return c.net.slow(w.name, anywhere, f.By)
	case LoseCall:
		w.http.loseCall = true
	case LoseAnswer:
		w.http.loseAnswer = true
	case CutFramework, CutFrameworkOut, CutFrameworkIn:
		return c.net.partition(w.name, anywhere, f.Kind != CutFrameworkIn, f.Kind != CutFrameworkOut)
	case PauseFramework:
		return c.pause(f.Kind, w.loop, w.calls)
	case SkewFramework:
		return c.skew(f, w, func(d time.Duration) {
			w.skew = d
			w.loop.SetSkew(d)
			w.calls.SetSkew(d)
		})
	default: // CrashFramework, LoseFramework
		if w.process == nil { // it can't be started again
			return c.nothing(f, w.name+" was started by Run, not RunProcess")
		}
		if w.loop.Closed() {
			return c.nothing(f, w.name+" is down")
		}
		w.Crash()
		return func() {
			if w.loop.Closed() {
				w.Restart(f.Kind == CrashFramework)
			}
		}
	}
	return nil
}

// slow lets what two hosts send to each other take longer.
func (n *network) slow(a, b string, by time.Duration) (undo func()) {
	there, back := pair{a, b}, pair{b, a}
	n.lag[there] += by
	n.lag[back] += by
	return func() {
		for _, way := range []pair{there, back} {
			if n.lag[way] -= by; n.lag[way] == 0 {
				delete(n.lag, way)
			}
		}
	}
}

// partition lets nothing through one way or both.
func (n *network) partition(a, b string, there, back bool) (undo func()) {
	if there {
		n.block(a, b)
	}
	if back {
		n.block(b, a)
	}
	return func() {
		if there {
			n.unblock(a, b)
		}
		if back {
			n.unblock(b, a)
		}
	}
}

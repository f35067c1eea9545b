package schedulertest

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/checkpoint"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/master/registry"
)

// patience is how long a fault waits for its step. If none comes by then, it happens all the same.
const patience = 5 * time.Minute

// timing lets faults wait for the step that they are to hit: a message is under way for a fifth of a
// millisecond, which a random time does not meet. As long as none waits, it costs a look at a length.
type timing struct {
	cluster *Cluster
	armed   []*armed
	// hits counts the faults that hit the step that they had waited for.
	hits map[Cell]int
}

// Cell is one entry of the table of kinds of faults and steps.
type Cell struct {
	Kind FaultKind
	Step Step
}

// armed is a fault that waits for its step, or for its moment on the way of what it has found.
type armed struct {
	fault    Fault
	skip     int    // of what it waits for, that many are let pass
	host     string // of what it has found
	happened bool
}

// arm lets a fault wait.
func (t *timing) arm(f Fault) {
	a := &armed{fault: f, skip: f.Skip}
	t.armed = append(t.armed, a)
	t.cluster.sim.After(patience, func() {
		if !a.happened {
			a.happened = true
			t.armed = slices.DeleteFunc(t.armed, func(x *armed) bool { return x == a })
			t.cluster.happen(f, "nothing came")
		}
	})
}

func (t *timing) hit(a *armed, during string) {
	if !a.happened {
		a.happened = true
		f := a.fault
		if f.Kind.of() == ofExecutor {
			f.Target = max(0, slices.IndexFunc(t.cluster.executors(), func(p *process) bool { return p.name == a.host }))
		}
		if t.cluster.happen(f, during) {
			t.hits[Cell{f.Kind, f.Step}]++
		}
	}
}

// passage is something on its way, and the faults that wait there for their moment. There is none, and
// the pointer is nil, if no fault has waited for it.
type passage struct {
	timing *timing
	what   string      // for people
	conn   *connection // nil: it goes over none
	faults []*armed
}

// begin lets the faults that have waited for one of these go with it. If it never gets to a fault's
// moment, the fault happens when its patience is over.
func (t *timing) begin(what string, all ...about) *passage {
	var taken []*armed
	t.armed = slices.DeleteFunc(t.armed, func(a *armed) bool {
		for _, x := range all {
			if x.step == a.fault.Step && t.cluster.concerns(a.fault, x) {
				if a.skip--; a.skip >= 0 {
					return false
				}
				a.host = x.host
				taken = append(taken, a)
				return true
			}
		}
		return false
	})
	if len(taken) == 0 {
		return nil
	}
	return &passage{timing: t, what: what, faults: taken}
}

// message begins the way of a message over the connection of an agent or framework. What it is sent by
// has not returned yet, so what happens at once happens after that.
func (t *timing) message(c *connection, m proto.Message) *passage {
	if len(t.armed) == 0 || m == nil {
		return nil
	}
	x := concerning(m)
	x.host = c.client
	p := t.begin("", x)
	if p != nil {
		p.conn, p.what = c, describe(m)
		t.cluster.sim.Next(func() { p.reaches(MomentSent) })
	}
	return p
}

// call lets the loss of a call, or of its answer, hit the call that it has waited for.
func (t *timing) call(host string, m proto.Message) {
	if len(t.armed) == 0 {
		return
	}
	x := concerning(m)
	x.host = host
	calls := []FaultKind{LoseCall, LoseAnswer, LoseExecutorCall, LoseExecutorAnswer}
	for _, a := range slices.Clone(t.armed) {
		if f := a.fault; slices.Contains(calls, f.Kind) && f.Step == x.step && t.cluster.concerns(f, x) {
			if a.skip--; a.skip >= 0 {
				continue
			}
			t.armed = slices.DeleteFunc(t.armed, func(y *armed) bool { return y == a })
			a.host = host
			t.hit(a, describe(m))
		}
	}
}

// reaches lets the faults of a moment happen.
func (p *passage) reaches(m Moment) {
	if p == nil {
		return
	}
	for _, a := range p.faults {
		if a.fault.Moment == m {
			p.timing.hit(a, p.what)
		}
	}
}

// lost reports whether the connection broke before the arrival.
func (p *passage) lost() bool { return p != nil && p.conn != nil && !p.conn.up }

// halfway is called when it is known how long the way takes.
func (p *passage) halfway(takes time.Duration) {
	if p != nil {
		p.timing.cluster.sim.After(takes/2, func() { p.reaches(MomentUnderWay) })
	}
}

// arrived is called when the other end was given it: it has handled it when nothing is left to do now.
func (p *passage) arrived() {
	if p != nil {
		p.timing.cluster.sim.After(0, func() { p.reaches(MomentHandled) })
	}
}

// watchedStore is an agent's disk: writes of its checkpoint are steps, too.
type watchedStore struct {
	checkpoint.Store
	agent *Agent
	loop  *loop.SimLoop // of the process that writes
}

// Append writes, unless the process ends right before.
func (s watchedStore) Append(changes []checkpoint.Entry, sync bool) error {
	if t := s.agent.cluster.timing; len(t.armed) > 0 {
		p := t.begin("checkpoint", recorded(s.agent.name, changes)...)
		p.reaches(MomentSent)
		if s.loop.Closed() {
			return errDisk // nobody hears of it
		}
		s.agent.disk.passage = p
	}
	return s.Store.Append(changes, sync)
}

// write is watchedStore.Append for the registry.
func (t *timing) write(d *disk, changes []registry.Entry) {
	if len(t.armed) > 0 {
		p := t.begin("registry", admissions(changes)...)
		p.reaches(MomentSent)
		d.passage = p
	}
}

// launch begins the start of a container on an agent.
func (t *timing) launch(agent, framework string) *passage {
	if len(t.armed) == 0 {
		return nil
	}
	p := t.begin("container", about{step: StepLaunch, host: agent, frameworks: []string{framework}})
	if p != nil {
		t.cluster.sim.Next(func() { p.reaches(MomentSent) })
	}
	return p
}

package schedulertest

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// Behaviour is what a simulated container does.
type Behaviour struct {
	// Start is how long it takes to start. Default 2 ms.
	Start time.Duration
	// NoImage is why its image can't be had; nil if it can, or if it has none. It is asked for before the
	// container is launched, on which the rest is asked for anew.
	NoImage error
	// Fail is why it can't be started; nil if it can.
	Fail error
	// FailUpdate is why its resources can't be changed; nil if they can.
	FailUpdate error
	// Run is how long it runs; negative means until it is killed.
	Run time.Duration
	// Exit is its exit status after that.
	Exit int
	// End, if set, is how it ends then instead: for having hit a limit, for example.
	End *containerizer.Termination
	// IgnoreTerm: SIGTERM does nothing to it.
	IgnoreTerm bool
	// Check is the exit status of a command that is run in it, such as a health check; nil: 0.
	Check func(*mesosproto.CommandInfo) int

	// Executor, if set, makes the container an executor's process: a driver of package executor, with the
	// callbacks that it returns, which must know no more than a new process does. The process ends when
	// its driver does: with status 0, or 1 if the driver says why. If Run is positive, it ends after that
	// in any case, with Exit.
	Executor func() executor.Executor
	// Silent: the executor's process never speaks to the agent.
	Silent bool
}

// Command is the Behaviour of a container that runs a shell command of a few words: sleep N, exit N,
// true, false, in sequence with ";". It understands no more; any other word runs until it is killed.
// An executor's container runs a [ScriptedExecutor].
func Command(spec *containerizer.Spec) Behaviour {
	if spec.Task == nil {
		return Behaviour{Executor: func() executor.Executor { return &ScriptedExecutor{} }}
	}
	return words(spec.Command.GetValue())
}

func words(command string) Behaviour {
	b := Behaviour{}
	for part := range strings.SplitSeq(command, ";") {
		word := strings.Fields(part)
		n := 0.0
		if len(word) == 2 {
			n, _ = strconv.ParseFloat(word[1], 64)
		}
		switch {
		case len(word) == 0 || word[0] == "true" || word[0] == "echo":
		case word[0] == "false":
			b.Exit = 1
		case word[0] == "sleep" && len(word) == 2:
			b.Run += time.Duration(n * float64(time.Second))
		case word[0] == "exit" && len(word) == 2:
			b.Exit = int(n)
			return b
		default:
			b.Run = -1
			return b
		}
	}
	return b
}

// machine is what outlives an agent's process: its containers.
type machine struct {
	cluster    *Cluster
	total      resources.Resources
	estate     *estate // total, and what operations have made of it
	containers map[string]*container
	order      []string // of launch
	hung       bool     // the containerizer does not answer
	stuck      []func() // what it would have said
}

type container struct {
	spec     *containerizer.Spec
	does     Behaviour
	has      resources.Resources
	process  *process // nil: it is not an executor's, or has not started
	running  bool
	ended    bool
	exit     containerizer.Termination
	waiters  []func()
	stopExit func() bool
}

func newMachine(c *Cluster, total resources.Resources) *machine {
	return &machine{cluster: c, total: total, estate: newEstate(total), containers: map[string]*container{}}
}

// exit ends a container as it behaves.
func (m *machine) exit(c *container) {
	if how := c.does.End; how != nil {
		m.endAs(c, *how)
	} else {
		m.end(c, syscall.WaitStatus(c.does.Exit<<8))
	}
}

func (m *machine) end(c *container, status syscall.WaitStatus) {
	m.endAs(c, containerizer.Termination{Exited: true, WaitStatus: status})
}

func (m *machine) endAs(c *container, how containerizer.Termination) {
	if c.ended {
		return
	}
	c.running, c.ended = false, true
	if c.stopExit != nil {
		c.stopExit()
	}
	c.exit = how
	m.cluster.check.ran(c, -1)
	if c.process != nil {
		c.process.die(how.WaitStatus)
	}
	waiters := c.waiters
	c.waiters = nil
	for _, w := range waiters {
		w()
	}
}

// hang lets the containerizer answer nobody, until it is called with false.
func (m *machine) hang(on bool) {
	m.hung = on
	if !on {
		stuck := m.stuck
		m.stuck = nil
		for _, f := range stuck {
			f()
		}
	}
}

// agentDied ends the containers that do not outlive their agent, and forgets who waited.
func (m *machine) agentDied() {
	for _, id := range m.order {
		c := m.containers[id]
		c.waiters = nil
		if !c.spec.Checkpointed && !c.ended {
			m.end(c, syscall.WaitStatus(syscall.SIGKILL))
		}
	}
}

// reboot ends everything and forgets it.
func (m *machine) reboot() {
	for _, id := range m.order {
		m.containers[id].waiters = nil
		m.end(m.containers[id], syscall.WaitStatus(syscall.SIGKILL))
	}
	m.containers, m.order = map[string]*container{}, nil
}

// simulated is the containerizer of one agent process: containerizer.Async on the agent's loop.
type simulated struct {
	machine *machine
	loop    *loop.SimLoop
}

var _ containerizer.Async = (*simulated)(nil)

func (s *simulated) Name() string { return "mesos" }

func (s *simulated) post(f func()) {
	if s.machine.hung {
		s.machine.stuck = append(s.machine.stuck, func() { s.loop.Post(f) })
		return
	}
	s.loop.Post(f)
}

func (s *simulated) Recover(known []containerizer.Checkpoint, done func(error)) {
	m := s.machine
	for _, id := range slices.Clone(m.order) {
		wanted := slices.ContainsFunc(known, func(k containerizer.Checkpoint) bool { return k.Spec.ID.GetValue() == id })
		if !wanted {
			m.end(m.containers[id], syscall.WaitStatus(syscall.SIGKILL))
			s.forget(id)
		}
	}
	for _, k := range known {
		if id := k.Spec.ID.GetValue(); m.containers[id] == nil { // gone, and nobody knows how
			m.containers[id] = &container{spec: k.Spec, ended: true, exit: containerizer.Termination{Message: "the container was gone when the agent came back"}}
			m.order = append(m.order, id)
		}
	}
	s.post(func() { done(nil) })
}

func (s *simulated) forget(id string) {
	m := s.machine
	delete(m.containers, id)
	m.order = slices.DeleteFunc(m.order, func(x string) bool { return x == id })
}

func (s *simulated) Pull(spec *containerizer.Spec, done func(error)) func() {
	err := s.machine.cluster.cfg.Behave(spec).NoImage
	s.post(func() { done(err) })
	return func() {}
}

var errDestroyed = errors.New("the container was destroyed while it was launched")

func (s *simulated) Launch(spec *containerizer.Spec, done func(containerizer.Launched, error)) func() {
	m := s.machine
	c := &container{spec: spec, does: m.cluster.cfg.Behave(spec), has: spec.Resources}
	if c.does.Start == 0 {
		c.does.Start = 2 * time.Millisecond
	}
	id := spec.ID.GetValue()
	m.containers[id] = c
	m.order = append(m.order, id)
	m.cluster.check.started(m)
	m.cluster.check.ran(c, 1)
	p := m.cluster.timing.launch(s.loop.Name(), spec.FrameworkID)
	p.halfway(c.does.Start)
	m.cluster.net.sim.After(c.does.Start, func() {
		p.reaches(MomentArriving)
		defer p.arrived()
		switch {
		case c.ended:
			s.post(func() { done(containerizer.Launched{}, errDestroyed) })
		case c.does.Fail != nil:
			s.post(func() { done(containerizer.Launched{}, c.does.Fail) })
		default:
			c.running = true
			if c.does.Executor != nil {
				m.execute(c)
			}
			if c.does.Run > 0 || c.does.Run == 0 && c.does.Executor == nil {
				c.stopExit = m.cluster.net.sim.After(c.does.Run, func() { m.exit(c) })
			}
			s.post(func() { done(containerizer.Launched{}, nil) })
		}
	})
	return func() {}
}

func (s *simulated) Wait(id *mesosproto.ContainerID, done func(containerizer.Termination, error)) {
	c := s.machine.containers[id.GetValue()]
	if c == nil {
		s.post(func() { done(containerizer.Termination{}, containerizer.ErrUnknown) })
		return
	}
	tell := func() { s.post(func() { done(c.exit, nil) }) }
	if c.ended {
		tell()
		return
	}
	c.waiters = append(c.waiters, tell)
}

func (s *simulated) Signal(id *mesosproto.ContainerID, signal syscall.Signal, done func(error)) {
	c := s.machine.containers[id.GetValue()]
	if c == nil || c.ended {
		s.post(func() { done(containerizer.ErrUnknown) })
		return
	}
	if signal == syscall.SIGKILL || signal == syscall.SIGTERM && !c.does.IgnoreTerm {
		s.machine.end(c, syscall.WaitStatus(signal))
	}
	s.post(func() { done(nil) })
}

func (s *simulated) Destroy(id *mesosproto.ContainerID, done func(containerizer.Termination, error)) {
	if c := s.machine.containers[id.GetValue()]; c != nil {
		s.machine.end(c, syscall.WaitStatus(syscall.SIGKILL))
	}
	s.Wait(id, done)
}

func (s *simulated) Update(id *mesosproto.ContainerID, r resources.Resources, _ map[string]float64, done func(error)) {
	c := s.machine.containers[id.GetValue()]
	if c != nil && c.does.FailUpdate != nil {
		s.post(func() { done(c.does.FailUpdate) })
		return
	}
	if c != nil && !c.ended {
		c.has = r
		s.machine.cluster.check.started(s.machine)
	}
	s.post(func() { done(nil) })
}

func (s *simulated) Status(id *mesosproto.ContainerID, done func(*mesosproto.ContainerStatus, error)) {
	s.post(func() { done(&mesosproto.ContainerStatus{ContainerId: id}, nil) })
}

func (s *simulated) Usage(_ *mesosproto.ContainerID, done func(*mesosproto.ResourceStatistics, error)) {
	now := float64(s.loop.Now().UnixNano()) / 1e9
	s.post(func() { done(&mesosproto.ResourceStatistics{Timestamp: &now}, nil) })
}

func (s *simulated) Exec(id *mesosproto.ContainerID, command *mesosproto.CommandInfo, done func(syscall.WaitStatus, []byte, error)) func() {
	c := s.machine.containers[id.GetValue()]
	if c == nil || !c.running {
		s.post(func() { done(0, nil, containerizer.ErrUnknown) })
		return func() {}
	}
	exit := 0
	if c.does.Check != nil {
		exit = c.does.Check(command)
	}
	s.machine.cluster.sim.After(time.Millisecond, func() {
		s.post(func() { done(syscall.WaitStatus(exit<<8), nil, nil) })
	})
	return func() {}
}

func (s *simulated) Remove(id *mesosproto.ContainerID, done func(error)) {
	s.forget(id.GetValue())
	s.post(func() { done(nil) })
}

func (s *simulated) Pid(*mesosproto.ContainerID) (int, bool) { return 0, false }

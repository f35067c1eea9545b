package master

import (
	"fmt"
	"slices"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/master/registry"
	"github.com/mesokit/mesokit/master/validation"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// comeback is a re-registration: what the agent says, checked and converted.
type comeback struct {
	conn      link.Conn
	m         *messagespb.ReregisterSlaveMessage
	total     resources.Resources
	tasks     []resources.Resources               // what m.Tasks use
	executors []resources.Resources               // what m.ExecutorInfos use
	exited    []*messagespb.ExitedExecutorMessage // of m.ExecutorInfos, since
}

// exitedMeanwhile keeps the end of an executor of an agent that is being let in again: the agent has told
// of the executor, and says only once that it has ended. (The reference forgets it; then it takes the
// executor for one that lives, and every task for it is dropped.)
func (c *core) exitedMeanwhile(conn link.Conn, m *messagespb.ExitedExecutorMessage) bool {
	back := c.returning[m.GetSlaveId().GetValue()]
	if back == nil || back.conn != conn {
		return false
	}
	is := func(f *mesosproto.FrameworkID, e *mesosproto.ExecutorID) bool {
		return f.GetValue() == m.GetFrameworkId().GetValue() && e.GetValue() == m.GetExecutorId().GetValue()
	}
	if !slices.ContainsFunc(back.m.GetExecutorInfos(), func(e *mesosproto.ExecutorInfo) bool { return is(e.FrameworkId, e.ExecutorId) }) ||
		slices.ContainsFunc(back.exited, func(x *messagespb.ExitedExecutorMessage) bool { return is(x.FrameworkId, x.ExecutorId) }) {
		return false
	}
	back.exited = append(back.exited, m)
	return true
}

// reregister handles an agent that has an id: it lost its connection, was restarted, or looks for a new
// leader. It brings its tasks and executors.
//
// Mesos: src/master/master.cpp, Master::reregisterSlave.
func (c *core) reregister(conn link.Conn, m *messagespb.ReregisterSlaveMessage) {
	c.counters.Messages[ReregisterAgent]++
	info := m.GetSlave()
	id := info.GetId().GetValue()
	back, err := checkComeback(conn, m)
	if err != nil {
		c.log.Warn("re-registration refused", zap.String("agent_id", id), zap.Error(err))
		return
	}
	a := c.agents.get(id)
	switch {
	case c.gone.has(id):
		conn.Send(&messagespb.ShutdownMessage{Message: proto.String("Agent has been marked gone")})
		return
	case c.leavingID[id], a != nil && a.leaving:
		return // the agent tries again
	case c.returning[id] != nil:
		c.returning[id] = back
		return
	case a != nil && !samePlace(a, conn, info):
		conn.Send(&messagespb.ShutdownMessage{Message: proto.String(fmt.Sprintf(
			"Agent attempted to re-register with different IP / hostname; expected %s, found %s (%s)", a, conn.Peer(), info.GetHostname()))})
		return
	}
	var op registry.Operation
	switch known := c.awaited.get(id).info; {
	case a != nil && proto.Equal(a.info, info), a == nil && known != nil && proto.Equal(known, info):
		c.comeBack(id, back)
		return
	case a != nil || known != nil:
		op = registry.UpdateAgent{Info: info}
	default:
		op = registry.MarkReachable{Info: info}
	}
	c.returning[id] = back
	c.registrar.Apply(op, func(err error) {
		if c.phase != leading {
			return
		}
		back := c.returning[id]
		delete(c.returning, id)
		if !c.registryFailed("re-register agent", id, err) {
			c.comeBack(id, back)
			for _, m := range back.exited {
				c.executorExited(m)
			}
		}
	})
}

// samePlace reports whether an agent comes back from where it was: an id does not move.
func samePlace(a *agent, conn link.Conn, info *mesosproto.AgentInfo) bool {
	_, was, _ := splitPID(a.pid)
	_, is, _ := splitPID(conn.Peer())
	return was == is && a.info.GetHostname() == info.GetHostname()
}

func checkComeback(conn link.Conn, m *messagespb.ReregisterSlaveMessage) (*comeback, error) {
	id := m.GetSlave().GetId().GetValue()
	if id == "" {
		return nil, fmt.Errorf("re-registration without an agent id")
	}
	total, err := checkAgent(m.GetSlave(), m.GetVersion(), m.GetCheckpointedResources())
	if err != nil {
		return nil, err
	}
	back := &comeback{conn: conn, m: m, total: total}
	frameworks := make(map[string]bool, len(m.GetFrameworks()))
	for _, f := range m.GetFrameworks() {
		fid := f.GetId().GetValue()
		if err := validation.ID(fid); err != nil {
			return nil, fmt.Errorf("framework id: %w", err)
		}
		if frameworks[fid] {
			return nil, fmt.Errorf("framework %s is reported twice", fid)
		}
		frameworks[fid] = true
	}
	for _, e := range m.GetExecutorInfos() {
		if fid := e.GetFrameworkId().GetValue(); !frameworks[fid] {
			return nil, fmt.Errorf("executor %s is of framework %q, which is not reported", e.GetExecutorId().GetValue(), fid)
		}
		r, err := resources.FromProto(e.GetResources())
		if err != nil {
			return nil, fmt.Errorf("resources of executor %s: %w", e.GetExecutorId().GetValue(), err)
		}
		back.executors = append(back.executors, r)
	}
	for _, t := range m.GetTasks() {
		tid := t.GetTaskId().GetValue()
		if fid := t.GetFrameworkId().GetValue(); !frameworks[fid] {
			return nil, fmt.Errorf("task %s is of framework %q, which is not reported", tid, fid)
		}
		if t.GetAgentId().GetValue() != id {
			return nil, fmt.Errorf("task %s is of agent %s", tid, t.GetAgentId().GetValue())
		}
		r, err := resources.FromProto(t.GetResources())
		if err != nil {
			return nil, fmt.Errorf("resources of task %s: %w", tid, err)
		}
		back.tasks = append(back.tasks, r)
	}
	return back, nil
}

// comeBack lets an agent in again; the registry knows of it.
func (c *core) comeBack(id string, back *comeback) {
	c.counters.AgentReregistrations++
	if a := c.agents.get(id); a != nil {
		c.comeBackKnown(a, back)
		return
	}
	m := back.m
	text := "Unknown agent reregistered"
	if c.unreachable.has(id) {
		text = "Unreachable agent re-reregistered"
	}
	if c.awaited.has(id) {
		text = ""
	}
	a := newAgent(m.GetSlave(), m.GetVersion(), m.GetAgentCapabilities())
	a.setResourceVersion(m.GetResourceVersionUuid())
	a.total = back.total
	c.addAgent(a, back.conn)
	a.reregistered = a.registered
	// Updates of tasks that it does not list come before its UpdateSlaveMessage, which agents with this
	// capability always send.
	a.arriving = a.caps.has(mesosproto.AgentInfo_Capability_RESOURCE_PROVIDER)
	known := c.recoverFrameworks(m)
	c.adoptExecutors(a, back)
	tasks := c.adoptTasks(a, back, true)
	c.announceAgent(a)
	a.send(&messagespb.SlaveReregisteredMessage{SlaveId: a.idProto, Connection: c.connection()})
	c.resendKills(a, m)
	c.shutdownCompleted(a, m)
	c.informOfFrameworks(a, known)
	if text != "" {
		c.tellOfReturn(tasks, text)
	}
	c.startPings(a)
	c.noticeBroken(a)
	c.log.Info("agent re-registered", zap.String("agent_id", id), zap.Int("tasks", len(tasks)))
}

// recoverFrameworks makes a record of each reported framework that the master neither knows nor has
// removed, and returns those that it knew.
func (c *core) recoverFrameworks(m *messagespb.ReregisterSlaveMessage) (known []*framework) {
	for _, info := range m.GetFrameworks() {
		id := info.GetId().GetValue()
		switch f := c.frameworks[id]; {
		case f != nil:
			known = append(known, f)
		case !c.completedID[id]:
			f = c.newFramework(id, info.GetPrincipal())
			f.state = transitions.FrameworkRecovered
			f.set(info, nil, nil)
			c.addFramework(f, false)
		}
	}
	return known
}

// adoptExecutors enters the reported executors that the master does not know, and counts them.
func (c *core) adoptExecutors(a *agent, back *comeback) (adopted int) {
	for i, e := range back.m.GetExecutorInfos() {
		f := c.frameworks[e.GetFrameworkId().GetValue()]
		if f != nil && a.executor(f.id, e.GetExecutorId().GetValue()) == nil {
			c.addExecutor(f, a, e, back.executors[i])
			adopted++
		}
	}
	return adopted
}

// adoptTasks enters the reported tasks that the master does not know, without those that have ended
// unless all is set, and returns them.
func (c *core) adoptTasks(a *agent, back *comeback, all bool) (adopted []*task) {
	for i, m := range back.m.GetTasks() {
		f := c.frameworks[m.GetFrameworkId().GetValue()]
		if f == nil || f.tasks[m.GetTaskId().GetValue()] != nil || !all && transitions.Terminal(m.GetState()) || c.guards.Off(guard.TaskAdoption) {
			continue
		}
		t := reportedTask(f, m, back.tasks[i])
		if away := f.unreachable.get(t.id); away != nil {
			t.killed = away.killed
			f.unreachable.remove(t.id)
			f.away = nil
			c.countTask(away, -1)
		}
		c.addTask(a, t)
		adopted = append(adopted, t)
	}
	return adopted
}

// shutdownCompleted tells an agent of the frameworks that were removed while it was away.
func (c *core) shutdownCompleted(a *agent, m *messagespb.ReregisterSlaveMessage) {
	for _, info := range m.GetFrameworks() {
		if c.completedID[info.GetId().GetValue()] {
			a.send(&messagespb.ShutdownFrameworkMessage{FrameworkId: info.Id})
		}
	}
}

func (c *core) informOfFrameworks(a *agent, known []*framework) {
	for _, f := range known {
		a.send(updateFrameworkMessage(f))
	}
}

// tellOfReturn tells frameworks that tasks that they may have given up are there after all: in the state
// of the last update that went out. What has happened since is told by the updates that are still to
// come; said here it would be taken back by them. (The reference says the latest state.)
func (c *core) tellOfReturn(tasks []*task, text string) {
	for _, t := range tasks {
		c.sendUpdate(t.framework, c.withLast(t, c.masterStatus(t, t.told(), text, mesosproto.TaskStatus_REASON_AGENT_REREGISTERED)))
	}
}

// comeBackKnown lets an agent in that the master has not given up.
//
// Mesos: src/master/master.cpp, Master::___reregisterSlave and reconcileKnownSlave.
func (c *core) comeBackKnown(a *agent, back *comeback) {
	m := back.m
	a.info, a.version = m.GetSlave(), m.GetVersion()
	a.capabilities, a.caps = m.GetAgentCapabilities(), agentCapsOf(m.GetAgentCapabilities())
	a.setResourceVersion(m.GetResourceVersionUuid())
	a.reregistered = c.loop.Now()
	if a.stopTimeout != nil {
		a.stopTimeout()
		a.stopTimeout = nil
	}
	c.attach(a, back.conn)
	c.dropExecutors(a, m)
	c.takeTotal(a, back)
	a.send(&messagespb.SlaveReregisteredMessage{
		SlaveId:         a.idProto,
		Reconciliations: c.missingTasks(a, m),
		Connection:      c.connection(),
	})
	known := c.recoverFrameworks(m)
	executors := c.adoptExecutors(a, back)
	tasks := c.adoptTasks(a, back, false)
	if executors+len(tasks) > 0 {
		// They use what the allocator takes to be free: it must learn of the agent anew.
		c.rescindAgent(a)
		c.allocator.RemoveAgent(a.id)
		a.active = !a.deactivated
		c.announceAgent(a)
	}
	c.resendKills(a, m)
	c.shutdownCompleted(a, m)
	c.informOfFrameworks(a, known)
	c.tellOfReturn(tasks, "Disconnected agent reregistered")
	if !a.active && !a.deactivated {
		a.active = true
		c.allocator.ActivateAgent(a.id)
	}
	c.startPings(a)
	c.noticeBroken(a)
	c.log.Info("agent re-registered", zap.String("agent_id", a.id))
}

func reportedTasks(m *messagespb.ReregisterSlaveMessage) map[taskKey]bool {
	reported := make(map[taskKey]bool, len(m.GetTasks()))
	for _, t := range m.GetTasks() {
		reported[taskKey{t.GetFrameworkId().GetValue(), t.GetTaskId().GetValue()}] = true
	}
	return reported
}

// missingTasks asks the agent about the tasks that it should have and did not report: either it never
// got them, or it got them just now. It answers for each. One whose end was told it has had, and forgot
// when that was acknowledged; a report of before, which was long on its way, has brought it back here. It is
// forgotten here, too: an answer would follow its end. (The reference asks.)
func (c *core) missingTasks(a *agent, m *messagespb.ReregisterSlaveMessage) (list []*messagespb.ReconcileTasksMessage) {
	reported := reportedTasks(m)
	for _, id := range sortedKeys(a.tasks) {
		f := c.frameworks[id]
		r := &messagespb.ReconcileTasksMessage{FrameworkId: f.idProto, Framework: f.info}
		for _, t := range tasksInOrder(a.tasks[id]) {
			switch {
			case reported[taskKey{id, t.id}] || c.guards.Off(guard.ReconcileQuestion):
			case t.endTold():
				c.removeTask(t, false)
			default:
				s := c.status(t.info.TaskId, a.idProto, t.state, "Reconciliation request", mesosproto.TaskStatus_REASON_RECONCILIATION)
				r.Statuses = append(r.Statuses, s)
			}
		}
		if len(r.Statuses) > 0 {
			list = append(list, r)
		}
	}
	return list
}

// dropExecutors removes the executors that the agent does not have any more.
func (c *core) dropExecutors(a *agent, m *messagespb.ReregisterSlaveMessage) {
	reported := make(map[taskKey]bool, len(m.GetExecutorInfos()))
	for _, e := range m.GetExecutorInfos() {
		reported[taskKey{e.GetFrameworkId().GetValue(), e.GetExecutorId().GetValue()}] = true
	}
	for _, id := range sortedKeys(a.executors) {
		for _, e := range executorsInOrder(a.executors[id]) {
			if !reported[taskKey{id, e.id}] {
				c.removeExecutor(e)
			}
		}
	}
}

// resendKills repeats, without the kill policy, the kills of tasks that the agent still runs.
func (c *core) resendKills(a *agent, m *messagespb.ReregisterSlaveMessage) {
	for _, r := range m.GetTasks() {
		t := a.task(r.GetFrameworkId().GetValue(), r.GetTaskId().GetValue())
		if t != nil && t.killed && !transitions.Terminal(r.GetState()) {
			a.send(&messagespb.KillTaskMessage{FrameworkId: r.FrameworkId, TaskId: r.TaskId})
		}
	}
}

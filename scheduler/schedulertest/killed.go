package schedulertest

import (
	"iter"
	"time"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// kill is a KILL that a master took on itself: it knew the task.
type kill struct {
	master string // the process; the next one does not know of the kill
	taken  loop.Instant
}

// killWithin is how long the end of a task may take, without its grace period: an agent that was away has
// registered again by then, unless it still is.
const killWithin = 10 * time.Minute

// alive reports whether a master that says so knows a task that can be killed.
func alive(s mesosproto.TaskState) bool {
	switch s {
	case mesosproto.TaskState_TASK_STAGING, mesosproto.TaskState_TASK_STARTING, mesosproto.TaskState_TASK_RUNNING,
		mesosproto.TaskState_TASK_KILLING:
		return true
	}
	return false
}

// said notes which master knows a task, by what it says of it, when it says it.
func (k *checker) said(master, framework string, e *schedulerpb.Event) {
	if e.GetType() != schedulerpb.Event_UPDATE {
		k.operationSaid(master, framework, e)
		return
	}
	s := e.GetUpdate().GetStatus()
	if l := k.updates.tasks[taskKey{framework, s.GetTaskId().GetValue()}]; l != nil {
		l.spoken, l.knownTo = true, ""
		if alive(s.GetState()) {
			l.knownTo = master
		}
	}
}

// took notes that a master has carried a call out.
func (k *checker) took(master string, m *schedulerpb.Call) {
	framework := m.GetFrameworkId().GetValue()
	switch m.GetType() {
	case schedulerpb.Call_TEARDOWN:
		k.torndown[framework] = teardown{master, k.now()}
		k.emptying = true
	case schedulerpb.Call_ACCEPT:
		for t := range launches(m) {
			if l := k.updates.of(framework, t.GetTaskId().GetValue()); !l.spoken { // else it was refused
				l.knownTo = master
			}
		}
	case schedulerpb.Call_KILL:
		l := k.updates.tasks[taskKey{framework, m.GetKill().GetTaskId().GetValue()}]
		if l == nil || l.knownTo != master || l.kill != nil && l.kill.master == master {
			return
		}
		if a := m.GetKill().GetAgentId(); a != nil && a.GetValue() != l.agent {
			return
		}
		l.grace = max(l.grace, grace(m.GetKill().GetKillPolicy()))
		l.kill = &kill{master, k.now()}
		k.await(l)
	}
}

func grace(p *mesosproto.KillPolicy) time.Duration {
	return time.Duration(p.GetGracePeriod().GetNanoseconds())
}

// launches are the tasks of an ACCEPT.
func launches(m *schedulerpb.Call) iter.Seq[*mesosproto.TaskInfo] {
	return func(yield func(*mesosproto.TaskInfo) bool) {
		for _, op := range m.GetAccept().GetOperations() {
			for _, list := range [][]*mesosproto.TaskInfo{op.GetLaunch().GetTaskInfos(), op.GetLaunchGroup().GetTaskGroup().GetTasks()} {
				for _, t := range list {
					if !yield(t) {
						return
					}
				}
			}
		}
	}
}

// killing reports whether the leader has taken a KILL of a task that has not ended, nor is away.
func (k *checker) killing(l *taskLife) bool {
	m := k.cluster.master
	return l.kill != nil && l.kill.master == m.name && !m.closed() &&
		!l.unknown && !transitions.Terminal(l.last) && l.last != mesosproto.TaskState_TASK_UNREACHABLE
}

// killed reports whether a task should have ended by now because a KILL was taken.
func (k *checker) killed(l *taskLife) bool {
	return k.killing(l) && k.now() >= l.kill.taken+loop.Instant(killWithin+l.grace)
}

// lives tells of a task that should have ended.
func (k *checker) lives(l *taskLife) {
	k.violated(InvariantKilled, "task %s of %s is still %v; a KILL was taken at %v", l.key.task, l.key.framework, l.last, time.Duration(l.kill.taken))
}

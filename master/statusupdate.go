package master

import (
	"bytes"
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// statusUpdate handles an update that an agent sends: it goes to the framework, and the master learns
// the latest state of the task. Nothing is kept for a framework that is not connected: the agent
// sends it again until it is acknowledged.
//
// Mesos: src/master/master.cpp, Master::statusUpdate.
func (c *core) statusUpdate(m *messagespb.StatusUpdateMessage) {
	c.counters.Messages[StatusUpdate]++
	u := m.GetUpdate()
	if u.GetStatus() == nil {
		c.counters.InvalidStatusUpdates++
		return
	}
	a := c.agents.get(u.GetSlaveId().GetValue())
	if a == nil {
		c.counters.InvalidStatusUpdates++
		c.log.Warn("status update of an agent that is not registered is dropped",
			zap.String("agent_id", u.GetSlaveId().GetValue()), zap.String("task_id", u.GetStatus().GetTaskId().GetValue()))
		return
	}
	frameworkID := u.GetFrameworkId().GetValue()
	f := c.frameworks[frameworkID]
	t := a.task(frameworkID, u.GetStatus().GetTaskId().GetValue())
	status := completeStatus(u)
	valid := f != nil && f.connected()
	if valid {
		if t != nil {
			if !t.forwarded || t.forwardedState != status.GetState() || !bytes.Equal(t.forwardedUUID, status.GetUuid()) {
				c.touchTask(t)
			}
			t.forwarded, t.forwardedState, t.forwardedUUID = true, status.GetState(), status.GetUuid()
		}
		f.send(updateEvent(status))
	} else if t != nil && !t.missed {
		t.missed, t.believed = true, t.state
	}
	if t == nil {
		c.counters.InvalidStatusUpdates++
		c.heardOf(a, frameworkID, u.GetStatus().GetTaskId().GetValue())
		return
	}
	c.updateTask(t, status, u.LatestState)
	if valid {
		c.counters.ValidStatusUpdates++
	} else {
		c.counters.InvalidStatusUpdates++
	}
}

const (
	// maxStrangers is how many tasks of an agent the master remembers that only the agent knows of.
	maxStrangers = 1024
	// strangerMemory is how long: a little more than agents wait before they send an update again.
	strangerMemory = 11 * time.Minute
)

// heardOf remembers that an agent has something to say of a task that the master does not have, until
// that is acknowledged or not said again: an answer to reconciliation must not run ahead of it.
func (c *core) heardOf(a *agent, framework, task string) {
	key := framework + "/" + task
	a.strangers.remove(key)
	a.strangers.put(key, c.loop.Now())
	if a.strangers.len() > maxStrangers {
		oldest, _, _ := a.strangers.oldest()
		a.strangers.remove(oldest)
	}
}

// speaksOf reports whether an agent is about to say something of a task that the master does not have.
func (c *core) speaksOf(a *agent, framework, task string) bool {
	key := framework + "/" + task
	if !a.strangers.has(key) {
		return a.arriving
	}
	ago := c.loop.Now().Sub(a.strangers.get(key))
	return ago >= 0 && ago < strangerMemory
}

// completeStatus is the status of an update with what the framework needs to acknowledge it.
func completeStatus(u *messagespb.StatusUpdate) *mesosproto.TaskStatus {
	s := u.GetStatus()
	if s.AgentId != nil && s.Timestamp != nil && s.Uuid != nil && (s.ExecutorId != nil || u.ExecutorId == nil) {
		return s
	}
	s = copyStatus(s)
	s.AgentId = u.SlaveId
	s.Timestamp = u.Timestamp
	s.Uuid = u.Uuid
	if u.ExecutorId != nil {
		s.ExecutorId = u.ExecutorId
	}
	return s
}

// updateTask enters a status into the records of a task. latest, which agents give, is its state by
// now; the status may be older. A task that has ended does not change any more. Its resources are
// given back when the master first learns of its end, not when that is acknowledged.
//
// Mesos: src/master/master.cpp, Master::updateTask.
func (c *core) updateTask(t *task, s *mesosproto.TaskStatus, latest *mesosproto.TaskState) {
	state := s.GetState()
	if latest != nil {
		state = *latest
	}
	if last := t.last(); last != nil && len(s.Uuid) > 0 && bytes.Equal(last.Uuid, s.Uuid) && state == t.state {
		return // said again until it is acknowledged: while the framework is away that may go on for a week
	}
	over := ended(t.state)
	if !transitions.Terminal(t.state) && state != t.state {
		c.countTask(t, -1)
		t.state = state
		c.countTask(t, 1)
	}
	if s.Data != nil { // may be large, and is of no use to the master
		s = copyStatus(s)
		s.Data = nil
	}
	// Snapshots share the slice: it is extended, never overwritten.
	if last := t.last(); last != nil && last.GetState() == s.GetState() {
		t.statuses = append(t.statuses[:len(t.statuses)-1:len(t.statuses)-1], s)
	} else {
		t.statuses = append(t.statuses, s)
	}
	if !over && ended(state) {
		c.countEnd(t.framework, state, s)
		c.release(t)
	}
	c.touchTask(t)
}

// masterStatus is a status update that the master makes; it needs no acknowledgement.
func (c *core) masterStatus(t *task, state mesosproto.TaskState, message string, reason mesosproto.TaskStatus_Reason) *mesosproto.TaskStatus {
	s := c.status(t.info.TaskId, t.info.AgentId, state, message, reason)
	s.ExecutorId = t.info.ExecutorId
	return s
}

// status is a status update about a task that the master need not know.
func (c *core) status(id *mesosproto.TaskID, agent *mesosproto.AgentID, state mesosproto.TaskState, message string, reason mesosproto.TaskStatus_Reason) *mesosproto.TaskStatus {
	return &mesosproto.TaskStatus{
		TaskId:    id,
		State:     state.Enum(),
		Message:   &message,
		Source:    mesosproto.TaskStatus_SOURCE_MASTER.Enum(),
		Reason:    reason.Enum(),
		AgentId:   agent,
		Timestamp: proto.Float64(seconds(c.loop.Now())),
	}
}

func updateEvent(s *mesosproto.TaskStatus) *schedulerpb.Event {
	m := &struct { // one allocation for all: there is an event for each update
		event  schedulerpb.Event
		kind   schedulerpb.Event_Type
		update schedulerpb.Event_Update
	}{kind: schedulerpb.Event_UPDATE}
	m.event.Type = &m.kind
	m.event.Update = &m.update
	m.update.Status = s
	return &m.event
}

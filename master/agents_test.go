package master_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/master/registry"
	"github.com/mesokit/mesokit/master/registry/memory"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

func TestRegistration(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	require.Equal(t, masterID+"-S0", h.id())
	require.Equal(t, 75.0, last[*messagespb.SlaveRegisteredMessage](h).GetConnection().GetTotalPingTimeoutSeconds())
	require.Equal(t, 1, h.conn.pings, "at once")
	require.Equal(t, masterID+"-S1", b.agent("2", "cpus:1").id())
	s := h.state()
	require.True(t, s.Connected)
	require.True(t, s.Active)
	require.Equal(t, "slave(1)@10.0.0.1:5051", s.PID)
	require.Equal(t, "cpus:2; mem:1024", s.Total.String())
}

// The registry knows the agent before it or anybody else is told.
func TestAnAgentIsAnnouncedOnlyWhenItIsDurable(t *testing.T) {
	b := start(t)
	f := b.framework(modern("dev"))
	h := b.newHost("1", "cpus:2;mem:1024")
	b.master.Agents().Message(h.conn, &messagespb.RegisterSlaveMessage{
		Slave: h.info, Version: proto.String("1.12.0"), AgentCapabilities: agentCapabilities,
	}, func() {})
	for len(h.conn.got) == 0 {
		require.Empty(t, f.offers())
		require.True(t, b.sim.Step())
	}
	entries, err := b.storage.Load(t.Context())
	require.NoError(t, err)
	require.Equal(t, "agent/"+masterID+"-S0", entries[0].Key)
	b.settle()
	f.offer()
}

// What is wrong with a registration is not answered; the agent tries again.
func TestRegistrationsThatAreNotAnswered(t *testing.T) {
	for name, change := range map[string]func(*messagespb.RegisterSlaveMessage){
		"no hostname":   func(m *messagespb.RegisterSlaveMessage) { m.Slave.Hostname = nil },
		"old version":   func(m *messagespb.RegisterSlaveMessage) { m.Version = proto.String("0.28.2") },
		"no version":    func(m *messagespb.RegisterSlaveMessage) { m.Version = nil },
		"bad resources": func(m *messagespb.RegisterSlaveMessage) { m.Slave.Resources[0].Scalar.Value = proto.Float64(-1) },
		"bad checkpoint": func(m *messagespb.RegisterSlaveMessage) {
			m.CheckpointedResources = parse(t, "cpus:1")
		},
	} {
		b := start(t)
		h := b.newHost("1", "cpus:2;mem:1024")
		m := &messagespb.RegisterSlaveMessage{Slave: proto.CloneOf(h.info), Version: proto.String("1.12.0"), AgentCapabilities: agentCapabilities}
		change(m)
		h.send(m)
		require.Empty(t, h.conn.got, name)
		require.Zero(t, b.master.Snapshot().Agents.Len(), name)
	}
}

// An agent that did not get the answer asks again, perhaps on a new connection, and gets the same id.
func TestARetriedRegistrationIsTheSame(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	old := h.conn
	h.conn = &conn{b: b, peer: old.peer}
	h.register()
	require.Equal(t, h.id(), last[*messagespb.SlaveRegisteredMessage](h).GetSlaveId().GetValue())
	require.Equal(t, 1, b.master.Snapshot().Agents.Len())
	b.master.Agents().Exited(old)
	b.settle()
	require.True(t, h.state().Connected, "the old connection does not matter any more")

	// While the registry is written, too.
	g := b.newHost("2", "cpus:1")
	m := &messagespb.RegisterSlaveMessage{Slave: g.info, Version: proto.String("1.12.0"), AgentCapabilities: agentCapabilities}
	b.master.Agents().Message(g.conn, m, func() {})
	b.master.Agents().Message(g.conn, m, func() {})
	b.settle()
	require.Len(t, all[*messagespb.SlaveRegisteredMessage](g), 1)
	require.Equal(t, 2, b.master.Snapshot().Agents.Len())
}

// A new agent at the address of one that is disconnected takes its place; the old one's tasks are lost.
func TestANewAgentReplacesADisconnectedOne(t *testing.T) {
	b, h, f := launched(t)
	h.breaks()
	fresh := b.newHost("1", "cpus:4;mem:64")
	fresh.register()
	fresh.info.Id = last[*messagespb.SlaveRegisteredMessage](fresh).SlaveId
	require.Equal(t, masterID+"-S1", fresh.id())
	require.Nil(t, h.state())
	s := f.updateOf("t")
	require.Equal(t, mesosproto.TaskState_TASK_LOST, s.GetState(), "also for those that know partitions")
	require.Equal(t, mesosproto.TaskStatus_REASON_AGENT_REMOVED, s.GetReason())
	require.Contains(t, s.GetMessage(), "a new agent registered at the same address")
	require.Equal(t, h.id(), f.take(schedulerpb.Event_FAILURE)[0].GetFailure().GetAgentId().GetValue())
}

// An agent whose disk was lost starts anew, and nobody has noticed yet that the connection of its last
// process broke: it is not that agent, whose tasks are gone.
func TestANewAgentReplacesOneThatSeemsConnected(t *testing.T) {
	for name, comesBack := range map[string]bool{"registered": false, "re-registered": true} {
		t.Run(name, func(t *testing.T) {
			b := start(t)
			h := b.agent("1", "cpus:2;mem:1024")
			if comesBack {
				b = startWith(t, b.storage, func(cfg *master.Config) { cfg.Info.Id = proto.String("next") })
				h.b = b
				h.reregister(nil, nil)
			}
			f := b.framework(modern("dev"))
			f.accept(0, []*mesosproto.Offer{f.offer()}, launchOf(f.task(h, "t", "cpus:1;mem:32")))
			next := b.newHost("1", "cpus:2;mem:1024")
			m := &messagespb.RegisterSlaveMessage{
				Slave: proto.CloneOf(next.info), Version: proto.String("1.12.0"), AgentCapabilities: agentCapabilities,
				ResourceVersionUuid: &mesosproto.UUID{Value: []byte("fedcba9876543210")},
			}
			next.send(m)
			id := last[*messagespb.SlaveRegisteredMessage](next).GetSlaveId().GetValue()
			require.NotEqual(t, h.id(), id)
			require.Nil(t, h.state())
			require.True(t, h.conn.closed)
			require.Equal(t, mesosproto.TaskState_TASK_LOST, f.updateOf("t").GetState())
			next.send(m)
			require.Equal(t, id, last[*messagespb.SlaveRegisteredMessage](next).GetSlaveId().GetValue(), "a retry")
			require.Equal(t, 1, b.master.Snapshot().Agents.Len())
		})
	}
}

// Unregistering: tasks are lost for both kinds of frameworks.
func TestUnregister(t *testing.T) {
	b, h, f := launched(t)
	other := &host{b: b, conn: &conn{b: b, peer: "slave(1)@10.0.0.9:5051"}, info: h.info}
	other.send(&messagespb.UnregisterSlaveMessage{SlaveId: h.info.Id})
	require.NotNil(t, h.state(), "only the agent itself may")
	h.send(&messagespb.UnregisterSlaveMessage{SlaveId: h.info.Id})
	require.Nil(t, h.state())
	require.Equal(t, mesosproto.TaskState_TASK_LOST, f.updateOf("t").GetState())
	require.Len(t, f.take(schedulerpb.Event_FAILURE), 1)
	metrics := b.master.Snapshot().Metrics
	require.Equal(t, int64(1), metrics.AgentRemovals)
	require.Equal(t, int64(1), metrics.RemovedUnregistered)
	// What it still says is too late.
	h.update(f, "t", mesosproto.TaskState_TASK_RUNNING, uuid("1"))
	require.Empty(t, f.updates())
}

// A broken link: offers are rescinded, tasks go on, and the agent has 10 minutes.
func TestADisconnectedAgentMayComeBack(t *testing.T) {
	b, h, f := launched(t)
	f.revive()
	o := f.offer()
	h.breaks()
	require.Equal(t, o.Id.GetValue(), f.take(schedulerpb.Event_RESCIND)[0].GetRescind().GetOfferId().GetValue())
	require.False(t, h.state().Connected)
	require.False(t, h.state().Active)
	b.sim.Advance(10 * time.Second)
	require.Empty(t, f.offers())
	require.Equal(t, 1, f.state().Tasks.Len())

	h.reregister([]*mesosproto.FrameworkInfo{f.registered()}, nil, f.running(h, "t", "cpus:1;mem:128"))
	r := last[*messagespb.SlaveReregisteredMessage](h)
	require.Equal(t, h.id(), r.GetSlaveId().GetValue())
	require.Empty(t, r.GetReconciliations())
	require.NotNil(t, last[*messagespb.UpdateFrameworkMessage](h))
	require.Empty(t, f.updates(), "nothing was lost")
	require.True(t, h.state().Active)
	b.sim.Advance(2 * time.Second)
	require.Equal(t, "cpus:1; mem:896", sum(t, f.offer().Resources))
}

// Tasks of frameworks that don't checkpoint end with the agent: they are lost at once.
func TestTasksWithoutCheckpointAreLostWithTheConnection(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	info := modern("dev")
	info.Checkpoint = nil
	f := b.framework(info)
	f.accept(0, []*mesosproto.Offer{f.offer()}, launchOf(f.custom(h, "t", "e")))
	h.breaks()
	s := f.updateOf("t")
	require.Equal(t, mesosproto.TaskState_TASK_LOST, s.GetState())
	require.Equal(t, mesosproto.TaskStatus_REASON_AGENT_DISCONNECTED, s.GetReason())
	require.Equal(t, "Agent agent1.example disconnected", s.GetMessage())
	require.Equal(t, "e", s.GetExecutorId().GetValue())
	require.True(t, h.state().Used.IsEmpty())
	require.Zero(t, f.state().Executors.Len())

	// If the agent still runs them after all, they are taken in again.
	task := f.running(h, "t", "cpus:0.5;mem:64")
	task.ExecutorId = &mesosproto.ExecutorID{Value: proto.String("e")}
	e := f.custom(h, "t", "e").Executor
	e.FrameworkId = f.idProto()
	for _, r := range e.Resources {
		r.AllocationInfo = &mesosproto.Resource_AllocationInfo{Role: proto.String("dev")}
	}
	h.reregister([]*mesosproto.FrameworkInfo{f.registered()}, []*mesosproto.ExecutorInfo{e}, task)
	require.Equal(t, mesosproto.TaskState_TASK_RUNNING, f.updateOf("t").GetState())
	require.Equal(t, "cpus(allocated: dev):0.6; mem(allocated: dev):96", h.state().Used.String())
	require.Equal(t, "cpus:1.4; mem:928", sum(t, f.offer().Resources), "the rest alone is offered")
	h.update(f, "t", mesosproto.TaskState_TASK_FINISHED, uuid("1"))
	require.Equal(t, "cpus:0.5; mem:64", sum(t, f.offer().Resources))
}

// After re-registration the agent is asked about tasks that it did not report; it answers.
func TestTasksThatTheAgentDoesNotReport(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	f.accept(0, []*mesosproto.Offer{f.offer()}, launchOf(f.task(h, "there", "cpus:1;mem:32"), f.task(h, "missing", "cpus:0.3;mem:32"), f.custom(h, "custom", "e")))
	h.breaks()
	h.reregister([]*mesosproto.FrameworkInfo{f.registered()}, nil, f.running(h, "there", "cpus:1;mem:32"))
	r := last[*messagespb.SlaveReregisteredMessage](h).GetReconciliations()
	require.Len(t, r, 1)
	require.Equal(t, f.id, r[0].GetFrameworkId().GetValue())
	require.Equal(t, "modern", r[0].GetFramework().GetName())
	require.Len(t, r[0].GetStatuses(), 2)
	require.Equal(t, "missing", r[0].GetStatuses()[0].GetTaskId().GetValue())
	require.Equal(t, "custom", r[0].GetStatuses()[1].GetTaskId().GetValue())
	require.Equal(t, mesosproto.TaskState_TASK_STAGING, r[0].GetStatuses()[0].GetState())
	require.Zero(t, f.state().Executors.Len(), "executors that are not reported are gone")
	require.Empty(t, f.take(schedulerpb.Event_FAILURE))

	h.update(f, "missing", mesosproto.TaskState_TASK_DROPPED, uuid("1"))
	require.Equal(t, mesosproto.TaskState_TASK_DROPPED, f.updateOf("missing").GetState())
}

// Pings: every 15 s; after 5 without an answer the agent is unreachable.
func TestAnAgentThatDoesNotAnswerIsUnreachable(t *testing.T) {
	b, h, f := launched(t)
	aware := f
	old := b.framework(func() *mesosproto.FrameworkInfo {
		info := modern("old")
		info.Capabilities = capabilities(multiRole)
		return info
	}())
	old.launches(h, "o", "cpus:0.5;mem:32")
	before := h.conn.pings
	b.sim.Advance(30 * time.Second)
	require.Equal(t, before+2, h.conn.pings)
	h.conn.deaf = true
	b.sim.Advance(74 * time.Second)
	require.NotNil(t, h.state())
	require.Empty(t, aware.updates())
	b.sim.Advance(17 * time.Second) // the last answered ping is up to 15 s old
	require.Nil(t, h.state())

	s := aware.updateOf("t")
	require.Equal(t, mesosproto.TaskState_TASK_UNREACHABLE, s.GetState())
	require.Equal(t, "health check timed out", s.GetMessage())
	require.Equal(t, mesosproto.TaskStatus_REASON_AGENT_REMOVED, s.GetReason())
	require.NotNil(t, s.UnreachableTime)
	o := old.updateOf("o")
	require.Equal(t, mesosproto.TaskState_TASK_LOST, o.GetState())
	require.NotNil(t, o.UnreachableTime)
	for _, f := range []*scheduler{aware, old} {
		require.Equal(t, h.id(), f.take(schedulerpb.Event_FAILURE)[0].GetFailure().GetAgentId().GetValue())
		require.Zero(t, f.state().Tasks.Len())
		require.Len(t, f.state().Unreachable, 1)
		require.True(t, f.state().Used.IsEmpty())
	}
	require.Equal(t, 1, b.master.Snapshot().Unreachable.Len())
	require.Equal(t, int64(1), b.master.Snapshot().Metrics.TasksByState[mesosproto.TaskState_TASK_UNREACHABLE])

	// It comes back with what it had: frameworks hear that the tasks are there, and nothing is killed.
	h.reregister([]*mesosproto.FrameworkInfo{aware.registered(), old.registered()}, nil,
		aware.running(h, "t", "cpus:1;mem:128"), old.running(h, "o", "cpus:0.5;mem:32"))
	require.NotNil(t, last[*messagespb.SlaveReregisteredMessage](h))
	for f, id := range map[*scheduler]string{aware: "t", old: "o"} {
		s := f.updateOf(id)
		require.Equal(t, mesosproto.TaskState_TASK_RUNNING, s.GetState())
		require.Equal(t, "Unreachable agent re-reregistered", s.GetMessage())
		require.Equal(t, mesosproto.TaskStatus_REASON_AGENT_REREGISTERED, s.GetReason())
		require.Equal(t, uint32(7), s.GetContainerStatus().GetExecutorPid())
		require.Nil(t, s.Uuid)
		require.Empty(t, f.state().Unreachable)
		require.Equal(t, 1, f.state().Tasks.Len())
	}
	require.Zero(t, b.master.Snapshot().Unreachable.Len())
	require.Zero(t, b.master.Snapshot().Metrics.TasksByState[mesosproto.TaskState_TASK_UNREACHABLE])
	require.Equal(t, int64(2), b.master.Snapshot().Metrics.TasksByState[mesosproto.TaskState_TASK_RUNNING])
}

func TestAnAnswerInTimeStartsTheCountAnew(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:1")
	for range 3 {
		h.conn.deaf = true
		b.sim.Advance(55 * time.Second)
		h.conn.deaf = false
		b.sim.Advance(20 * time.Second)
	}
	require.NotNil(t, h.state())
}

// Even if it answered pings, an agent must re-register within agent_reregister_timeout.
func TestAnAgentThatStaysAwayIsUnreachable(t *testing.T) {
	b := start(t, func(cfg *master.Config) { cfg.MaxAgentPingTimeouts = 1000 })
	h := b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	f.launches(h, "t", "cpus:1;mem:128")
	h.breaks()
	b.sim.Advance(10*time.Minute - 20*time.Millisecond)
	require.NotNil(t, h.state())
	b.sim.Advance(time.Second)
	require.Nil(t, h.state())
	require.Equal(t, "agent did not re-register within 10mins after disconnecting", f.updateOf("t").GetMessage())
}

// Unreachable tasks hold their ids.
func TestIDsOfUnreachableTasksAreTaken(t *testing.T) {
	b, h, f := launched(t)
	h.conn.deaf = true
	b.sim.Advance(91 * time.Second)
	f.updateOf("t")
	g := b.agent("2", "cpus:1;mem:64")
	f.accept(0, f.offers(), launchOf(f.task(g, "t", "cpus:1;mem:32")))
	require.Equal(t, "Task has duplicate ID: t", f.updateOf("t").GetMessage())
}

// An id does not move to another machine.
func TestReregistrationFromElsewhereIsRefused(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:1")
	thief := &host{b: b, conn: &conn{b: b, peer: "slave(1)@10.0.0.9:5051"}, info: h.info}
	thief.reregister(nil, nil)
	require.NotNil(t, last[*messagespb.ShutdownMessage](thief))
	require.Equal(t, "slave(1)@10.0.0.1:5051", h.state().PID)
}

func TestReregistrationsThatAreNotAnswered(t *testing.T) {
	b, h, f := launched(t)
	task := f.running(h, "t", "cpus:1;mem:128")
	wrong := proto.CloneOf(task)
	wrong.AgentId = &mesosproto.AgentID{Value: proto.String("elsewhere")}
	for name, frameworks := range map[string][]*mesosproto.FrameworkInfo{
		"framework not reported":   nil,
		"framework reported twice": {f.registered(), f.registered()},
	} {
		h.reregister(frameworks, nil, task)
		require.Empty(t, h.conn.got, name)
	}
	h.reregister([]*mesosproto.FrameworkInfo{f.registered()}, nil, wrong)
	require.Empty(t, h.conn.got, "task of another agent")
	h.info.Id = nil
	h.reregister(nil, nil)
	require.Empty(t, h.conn.got, "no id")
	require.Equal(t, 1, b.master.Snapshot().Agents.Len())
}

// An agent that was marked gone is told to end.
func TestAGoneAgentIsShutDown(t *testing.T) {
	storage := &memory.Storage{}
	b := startWith(t, storage)
	h := b.agent("1", "cpus:1")
	l := b.sim.Loop("operator")
	r := registry.New(l, storage)
	r.Recover(&mesosproto.MasterInfo{Id: proto.String("x"), Ip: proto.Uint32(0), Port: proto.Uint32(1)}, func(_ *registry.State, err error) { require.NoError(t, err) })
	r.Apply(registry.MarkGone{ID: h.id(), At: b.sim.Now()}, func(err error) { require.NoError(t, err) })
	b.settle()

	b = startWith(t, storage)
	f := b.framework(modern("dev"))
	h.b = b
	h.reregister(nil, nil)
	require.Equal(t, "Agent has been marked gone", last[*messagespb.ShutdownMessage](h).GetMessage())
	require.Nil(t, h.state())
	f.reconcile([2]string{"t", h.id()})
	require.Equal(t, mesosproto.TaskState_TASK_GONE_BY_OPERATOR, f.updateOf("t").GetState())
	require.Equal(t, 1, b.master.Snapshot().Gone.Len())
}

// A new leader knows the agents of the registry; they bring tasks and frameworks.
func TestAgentsBringTheClusterBackAfterAFailover(t *testing.T) {
	b, h, f := launched(t)
	b2 := startWith(t, b.storage)
	require.Equal(t, 1, b2.master.Snapshot().Awaited.Len())
	h.b, f.b = b2, b2
	h.reregister([]*mesosproto.FrameworkInfo{f.registered()}, nil, f.running(h, "t", "cpus:1;mem:128"))
	require.NotNil(t, last[*messagespb.SlaveReregisteredMessage](h))
	require.Zero(t, b2.master.Snapshot().Awaited.Len())
	require.True(t, f.state().Recovered)
	require.False(t, f.state().Connected)
	require.Equal(t, 1, f.state().Tasks.Len())
	require.Equal(t, "cpus(allocated: dev):1; mem(allocated: dev):128", h.state().Used.String())
	require.Empty(t, all[*messagespb.UpdateFrameworkMessage](h), "the framework is not there yet")

	f.subscribe()
	require.Equal(t, f.id, f.stream.events[0].GetSubscribed().GetFrameworkId().GetValue())
	require.Equal(t, "cpus:1; mem:896", sum(t, f.offer().Resources))
	require.Empty(t, f.updates(), "the agents are made to repeat theirs")
	require.NotNil(t, last[*messagespb.UpdateFrameworkMessage](h))
	h.update(f, "t", mesosproto.TaskState_TASK_FINISHED, uuid("1"))
	f.acknowledge(h, "t", uuid("1"))
	require.Equal(t, "cpus:1; mem:128", sum(t, f.offer().Resources))
}

// Agents of the registry that don't come back are given up after agent_reregister_timeout.
func TestAwaitedAgentsAreGivenUp(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:1")
	b = startWith(t, b.storage)
	f := b.framework(modern("dev"))
	b.sim.Advance(10 * time.Minute)
	b.settle()
	require.Zero(t, b.master.Snapshot().Awaited.Len())
	require.Equal(t, 1, b.master.Snapshot().Unreachable.Len())
	require.Equal(t, h.id(), f.take(schedulerpb.Event_FAILURE)[0].GetFailure().GetAgentId().GetValue())
	require.Equal(t, int64(1), b.master.Snapshot().Metrics.RecoveryRemovals)
}

// Frameworks that were removed while an agent was away are ended there.
func TestCompletedFrameworksAreShutDownOnAgentsThatComeBack(t *testing.T) {
	b, h, f := launched(t)
	h.breaks()
	f.do(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
	h.reregister([]*mesosproto.FrameworkInfo{f.registered()}, nil, f.running(h, "t", "cpus:1;mem:128"))
	require.Equal(t, f.id, last[*messagespb.ShutdownFrameworkMessage](h).GetFrameworkId().GetValue())
	require.True(t, h.state().Used.IsEmpty())
	require.Nil(t, f.state())
	require.Len(t, b.master.Snapshot().Completed, 1)
}

// Agents lost long ago are forgotten, and the tasks that were on them.
func TestTheRegistryForgetsAgentsLostLongAgo(t *testing.T) {
	b := start(t, func(cfg *master.Config) { cfg.RegistryMaxAgentAge = time.Hour })
	h := b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	f.launches(h, "t", "cpus:1;mem:128")
	h.conn.deaf = true
	b.sim.Advance(2 * time.Minute)
	require.Len(t, f.state().Unreachable, 1)
	b.sim.Advance(2 * time.Hour)
	require.Empty(t, f.state().Unreachable)
	require.Zero(t, b.master.Snapshot().Unreachable.Len())
	f.updates()
	f.reconcile([2]string{"t", h.id()})
	require.Equal(t, mesosproto.TaskState_TASK_UNKNOWN, f.updateOf("t").GetState())
}

// The same over a connection that is the last process's for all that the master can see.
func TestANewAgentReplacesOneOnItsConnection(t *testing.T) {
	b, h, f := launched(t)
	fresh := b.newHost("1", "cpus:4;mem:64")
	fresh.conn = h.conn
	fresh.send(&messagespb.RegisterSlaveMessage{
		Slave: fresh.info, Version: proto.String("1.12.0"), AgentCapabilities: agentCapabilities,
		ResourceVersionUuid: &mesosproto.UUID{Value: []byte("fedcba9876543210")},
	})
	fresh.info.Id = last[*messagespb.SlaveRegisteredMessage](fresh).SlaveId
	require.Equal(t, masterID+"-S1", fresh.id())
	require.Nil(t, h.state())
	require.True(t, fresh.state().Connected)
	require.Equal(t, "cpus:4; mem:64", fresh.state().Total.String())
	require.Equal(t, mesosproto.TaskState_TASK_LOST, f.updateOf("t").GetState())
}

// The same while its predecessor is being admitted: who never heard of that leaves nothing behind.
func TestANewAgentReplacesOneThatIsBeingAdmitted(t *testing.T) {
	b := start(t)
	f := b.framework(modern("dev"))
	h, fresh := b.newHost("1", "cpus:1"), b.newHost("1", "cpus:2")
	for i, x := range []*host{h, fresh} {
		b.master.Agents().Message(x.conn, &messagespb.RegisterSlaveMessage{
			Slave: x.info, Version: proto.String("1.12.0"), AgentCapabilities: agentCapabilities,
			ResourceVersionUuid: &mesosproto.UUID{Value: []byte{byte(i)}},
		}, func() {})
	}
	b.settle()
	fresh.info.Id = last[*messagespb.SlaveRegisteredMessage](fresh).SlaveId
	require.Equal(t, masterID+"-S1", fresh.id())
	require.Empty(t, h.conn.got)
	require.Equal(t, 1, b.master.Snapshot().Agents.Len())
	require.Equal(t, "cpus:2", fresh.state().Total.String())
	require.Len(t, f.offers(), 1)
}

// What an agent has sent before it had its present connection may come after what it says on that. It is
// old, and says nothing.
func TestMessagesOfAFormerConnectionAreDropped(t *testing.T) {
	b, h, f := launched(t)
	former := &host{b: b, conn: h.conn, info: h.info}
	h.reregister([]*mesosproto.FrameworkInfo{f.registered()}, nil, f.running(h, "t", "cpus:1;mem:128"))
	h.update(f, "t", mesosproto.TaskState_TASK_KILLED, uuid("2"))
	require.Equal(t, mesosproto.TaskState_TASK_KILLED, f.updateOf("t").GetState())
	f.acknowledge(h, "t", uuid("2"))
	former.update(f, "t", mesosproto.TaskState_TASK_RUNNING, uuid("1"))
	former.send(&messagespb.UnregisterSlaveMessage{SlaveId: h.info.Id})
	require.Empty(t, f.updates())
	require.True(t, h.state().Connected)
	former.breaks()
	require.True(t, h.state().Connected)
}

// A connection that breaks while the registry is written.
func TestAConnectionThatBreaksDuringAdmission(t *testing.T) {
	b := start(t)
	f := b.framework(modern("dev"))
	h := b.newHost("1", "cpus:2;mem:1024")
	b.master.Agents().Message(h.conn, &messagespb.RegisterSlaveMessage{
		Slave: h.info, Version: proto.String("1.12.0"), AgentCapabilities: agentCapabilities,
	}, func() {})
	b.master.Agents().Exited(h.conn)
	b.settle()
	require.Empty(t, f.offers())
	require.Equal(t, 1, b.master.Snapshot().Agents.Len())
	for a := range b.master.Snapshot().Agents.All() {
		require.False(t, a.Connected)
	}
}

// A registry that fails ends the master.
func TestABrokenRegistryEndsTheMaster(t *testing.T) {
	var fatal error
	b := start(t, func(cfg *master.Config) {
		cfg.Storage = &broken{Storage: &memory.Storage{}}
		cfg.OnFatal = func(err error) { fatal = err }
	})
	f := b.framework(plain())
	h := b.newHost("1", "cpus:1")
	h.register()
	require.Error(t, fatal)
	require.True(t, f.stream.closed)
	require.Empty(t, h.conn.got)
}

// broken is a storage that fails from its second write on.
type broken struct {
	*memory.Storage
	writes int
}

func (s *broken) Write(ctx context.Context, changes []registry.Entry) error {
	if s.writes++; s.writes > 1 {
		return errors.New("disk full")
	}
	return s.Storage.Write(ctx, changes)
}

// Two ids can't be at one address: the agent that was there before is disconnected.
func TestAnotherAgentAtTheSameAddress(t *testing.T) {
	b, h, f := launched(t)
	other := &host{b: b, conn: &conn{b: b, peer: h.conn.peer}, info: proto.CloneOf(h.info)}
	other.info.Id.Value = proto.String("from-another-master")
	other.reregister(nil, nil)
	require.NotNil(t, last[*messagespb.SlaveReregisteredMessage](other))
	require.True(t, other.state().Connected)
	require.False(t, h.state().Connected)
	require.Equal(t, 1, f.state().Tasks.Len())
	checkBooks(t, b)
}

// An agent comes back with a task that has ended, but the framework has not acknowledged STARTING yet:
// that comes again first, so the end must not be told before.
func TestAReturningTaskIsInTheStateOfItsLastUpdate(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	f.runs(h, "t", "cpus:1;mem:128")
	h.conn.deaf = true
	b.sim.Advance(2 * time.Minute)
	require.Equal(t, mesosproto.TaskState_TASK_UNREACHABLE, f.updateOf("t").GetState())
	task := f.running(h, "t", "cpus:1;mem:128")
	task.State = mesosproto.TaskState_TASK_FAILED.Enum()
	task.StatusUpdateState = mesosproto.TaskState_TASK_STARTING.Enum()
	h.reregister([]*mesosproto.FrameworkInfo{f.registered()}, nil, task)
	s := f.updateOf("t")
	require.Equal(t, mesosproto.TaskStatus_REASON_AGENT_REREGISTERED, s.GetReason())
	require.Equal(t, mesosproto.TaskState_TASK_STARTING, s.GetState())
}

// The framework has heard of the end, but its acknowledgement has not arrived when the agent is lost.
func TestATaskWhoseEndWasToldIsNotLostAfterwards(t *testing.T) {
	for _, info := range []*mesosproto.FrameworkInfo{modern("dev"), plain()} {
		b := start(t)
		h := b.agent("1", "cpus:2;mem:1024")
		f := b.framework(info)
		f.runs(h, "ended", "cpus:1;mem:128")
		other := b.agent("2", "cpus:1;mem:128")
		f.runs(other, "running", "cpus:1;mem:128")
		h.update(f, "ended", mesosproto.TaskState_TASK_FINISHED, uuid("end"))
		require.Equal(t, mesosproto.TaskState_TASK_FINISHED, f.updateOf("ended").GetState())
		h.conn.deaf, other.conn.deaf = true, true
		b.sim.Advance(2 * time.Minute)
		require.Nil(t, h.state())
		lost := f.updates()
		require.Len(t, lost, 1)
		require.Equal(t, "running", lost[0].GetTaskId().GetValue())
	}
}

// A report that was under way while the agent was given up brings back a task whose end has been
// acknowledged meanwhile. The agent, which has forgotten it, is not asked: its answer would follow the end.
func TestATaskThatAnOldReportBringsBackIsForgotten(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	f.runs(h, "t", "cpus:1;mem:128")
	h.conn.deaf = true
	b.sim.Advance(2 * time.Minute)
	f.updates()
	ended := f.running(h, "t", "cpus:1;mem:128")
	ended.State = mesosproto.TaskState_TASK_FINISHED.Enum()
	ended.StatusUpdateState, ended.StatusUpdateUuid = ended.State, []byte(uuid("end"))
	h.reregister([]*mesosproto.FrameworkInfo{f.registered()}, nil, ended)
	require.Equal(t, mesosproto.TaskState_TASK_FINISHED, f.updateOf("t").GetState())
	require.Equal(t, 1, f.state().Tasks.Len())

	h.reregister([]*mesosproto.FrameworkInfo{f.registered()}, nil)
	require.Empty(t, last[*messagespb.SlaveReregisteredMessage](h).GetReconciliations())
	require.Zero(t, f.state().Tasks.Len())
	require.Empty(t, f.updates())
	checkBooks(t, b)
}

package master_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// custom is a task of a custom executor that needs cpus:0.1;mem:32.
func (s *scheduler) custom(h *host, id, executor string) *mesosproto.TaskInfo {
	t := s.task(h, id, "cpus:0.5;mem:64")
	t.Command = nil
	t.Executor = &mesosproto.ExecutorInfo{
		Type:       mesosproto.ExecutorInfo_CUSTOM.Enum(),
		ExecutorId: &mesosproto.ExecutorID{Value: &executor},
		Command:    &mesosproto.CommandInfo{Value: proto.String("./executor")},
		Resources:  parse(s.b.t, "cpus:0.1;mem:32"),
	}
	return t
}

// ready is a framework with an offer.
func ready(t *testing.T) (*bundle, *host, *scheduler, *mesosproto.Offer) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	return b, h, f, f.offer()
}

// Scheduler API, ACCEPT: offers that are not good together are used up, and every task is lost. Texts
// from a capture of the reference.
func TestTasksOnInvalidOffersAreLost(t *testing.T) {
	id := func(s string) *mesosproto.Offer {
		return &mesosproto.Offer{Id: &mesosproto.OfferID{Value: proto.String(s)}}
	}
	for _, c := range []struct {
		name  string
		aware bool
		offer func(o *mesosproto.Offer) []*mesosproto.Offer
		state mesosproto.TaskState
		want  string
	}{
		{"no offer", true, func(*mesosproto.Offer) []*mesosproto.Offer { return nil },
			mesosproto.TaskState_TASK_DROPPED, "No offers specified"},
		{"unknown", true, func(*mesosproto.Offer) []*mesosproto.Offer { return []*mesosproto.Offer{id("nosuch-offer")} },
			mesosproto.TaskState_TASK_DROPPED, "Offer nosuch-offer is no longer valid"},
		{"unknown, not partition aware", false,
			func(*mesosproto.Offer) []*mesosproto.Offer { return []*mesosproto.Offer{id("nosuch-offer")} },
			mesosproto.TaskState_TASK_LOST, "Offer nosuch-offer is no longer valid"},
		{"one good, one stale", true, func(o *mesosproto.Offer) []*mesosproto.Offer { return []*mesosproto.Offer{o, id("stale")} },
			mesosproto.TaskState_TASK_DROPPED, "Offer stale is no longer valid"},
		{"twice", true, func(o *mesosproto.Offer) []*mesosproto.Offer { return []*mesosproto.Offer{o, o} },
			mesosproto.TaskState_TASK_DROPPED, "Duplicate offer " + masterID + "-O0 in offer list"},
	} {
		b := start(t)
		h := b.agent("1", "cpus:2;mem:1024")
		info := modern("dev")
		if !c.aware {
			info.Capabilities = capabilities(multiRole)
		}
		f := b.framework(info)
		o := f.offer()
		used := c.offer(o)
		f.accept(0, used, launchOf(f.task(h, "t", "cpus:1;mem:32")))
		s := f.updateOf("t")
		require.Equal(t, c.state, s.GetState(), c.name)
		require.Equal(t, "Task launched with invalid offers: "+c.want, s.GetMessage(), c.name)
		require.Equal(t, mesosproto.TaskStatus_REASON_INVALID_OFFERS, s.GetReason(), c.name)
		require.Equal(t, mesosproto.TaskStatus_SOURCE_MASTER, s.GetSource(), c.name)
		require.Nil(t, s.Uuid, c.name)
		require.Equal(t, h.id(), s.GetAgentId().GetValue(), c.name)
		require.Empty(t, all[*messagespb.RunTaskMessage](h), c.name)
		require.Empty(t, f.take(schedulerpb.Event_RESCIND), c.name)
		if len(used) > 1 {
			require.NotEqual(t, o.Id.GetValue(), f.offer().Id.GetValue(), "%s: the good offer is used up, and made anew at once", c.name)
		} else {
			require.Equal(t, 1, f.state().Offers.Len(), c.name)
		}
	}
}

// Texts from a capture of the reference. A bad task does not affect the others.
func TestInvalidTasks(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*mesosproto.TaskInfo)
		want   string
	}{
		{"too large", func(task *mesosproto.TaskInfo) { task.Resources = parse(t, "cpus:100;mem:32") },
			"Total resources cpus(allocated: dev):100; mem(allocated: dev):32 required by task and its executor is more than available cpus(allocated: dev):2; mem(allocated: dev):1024"},
		{"another agent", func(task *mesosproto.TaskInfo) { task.AgentId = &mesosproto.AgentID{Value: proto.String("x")} },
			"Task uses invalid agent x while agent " + masterID + "-S0 is expected"},
		{"no resources", func(task *mesosproto.TaskInfo) { task.Resources = nil }, "Task uses no resources"},
		{"nothing to run", func(task *mesosproto.TaskInfo) { task.Command = nil },
			"Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"},
		{"bad id", func(task *mesosproto.TaskInfo) { task.TaskId.Value = proto.String("a/b") }, "'a/b' contains invalid characters"},
		{"health check", func(task *mesosproto.TaskInfo) {
			task.HealthCheck = &mesosproto.HealthCheck{Type: mesosproto.HealthCheck_HTTP.Enum()}
		}, "Task uses invalid health check: Expecting 'http' to be set for HTTP health check"},
		{"grace period", func(task *mesosproto.TaskInfo) {
			task.KillPolicy = &mesosproto.KillPolicy{GracePeriod: &mesosproto.DurationInfo{Nanoseconds: proto.Int64(-1)}}
		}, "Task's 'kill_policy.grace_period' must be non-negative"},
		{"role of another", func(task *mesosproto.TaskInfo) {
			for _, r := range task.Resources {
				r.AllocationInfo = &mesosproto.Resource_AllocationInfo{Role: proto.String("qa")}
			}
		}, "Total resources cpus(allocated: qa):1; mem(allocated: qa):32 required by task and its executor is more than available cpus(allocated: dev):2; mem(allocated: dev):1024"},
	} {
		b, h, f, o := ready(t)
		bad, good := f.task(h, "bad", "cpus:1;mem:32"), f.task(h, "good", "cpus:1;mem:32")
		c.change(bad)
		f.accept(0, []*mesosproto.Offer{o}, launchOf(bad, good))
		s := f.updateOf(bad.TaskId.GetValue())
		require.Equal(t, mesosproto.TaskState_TASK_ERROR, s.GetState(), c.name)
		require.Equal(t, mesosproto.TaskStatus_REASON_TASK_INVALID, s.GetReason(), c.name)
		require.Equal(t, c.want, s.GetMessage(), c.name)
		require.Nil(t, s.ExecutorId, c.name)
		require.Equal(t, "good", last[*messagespb.RunTaskMessage](h).GetTask().GetTaskId().GetValue(), c.name)
		require.Equal(t, "cpus(allocated: dev):1; mem(allocated: dev):32", h.state().Used.String(), c.name)
		b.sim.Advance(2 * time.Second)
		require.Equal(t, "cpus:1; mem:992", sum(t, f.offer().Resources), c.name)
	}
}

func TestTaskIDsAreUniqueAmongActiveTasks(t *testing.T) {
	b, h, f, o := ready(t)
	f.accept(0, []*mesosproto.Offer{o}, launchOf(f.task(h, "t", "cpus:1;mem:32")))
	b.sim.Advance(2 * time.Second)
	f.accept(0, []*mesosproto.Offer{f.offer()}, launchOf(f.task(h, "t", "cpus:1;mem:32")))
	require.Equal(t, "Task has duplicate ID: t", f.updateOf("t").GetMessage())

	// Until the end is acknowledged.
	h.update(f, "t", mesosproto.TaskState_TASK_FINISHED, uuid("u"))
	f.updates()
	b.sim.Advance(2 * time.Second)
	f.accept(0, f.offers(), launchOf(f.task(h, "t", "cpus:1;mem:32")))
	require.Equal(t, "Task has duplicate ID: t", f.updateOf("t").GetMessage())
	f.acknowledge(h, "t", uuid("u"))
	b.sim.Advance(2 * time.Second)
	f.accept(0, f.offers(), launchOf(f.task(h, "t", "cpus:1;mem:32")))
	require.Empty(t, f.updates())
	require.Len(t, all[*messagespb.RunTaskMessage](h), 2)
}

// Scheduler API, ACCEPT: operations are applied one after the other against what is left.
func TestOperationsShareTheOffers(t *testing.T) {
	_, h, f, o := ready(t)
	f.accept(0, []*mesosproto.Offer{o},
		launchOf(f.task(h, "first", "cpus:1.5;mem:32")),
		launchOf(f.task(h, "second", "cpus:1;mem:32")),
		launchOf(f.task(h, "third", "cpus:0.5;mem:32")))
	require.Equal(t, "second", f.updates()[0].GetTaskId().GetValue())
	require.Len(t, all[*messagespb.RunTaskMessage](h), 2)
	require.Equal(t, 2, f.state().Tasks.Len())
}

func TestOffersOfOneAgentCanBeAcceptedTogether(t *testing.T) {
	b, h, f, o := ready(t)
	f.accept(0, []*mesosproto.Offer{o}, launchOf(f.task(h, "t", "cpus:1;mem:512")))
	first := f.take(schedulerpb.Event_OFFERS)
	require.Empty(t, first)
	b.sim.Advance(2 * time.Second)
	rest := f.offer()
	h.update(f, "t", mesosproto.TaskState_TASK_FINISHED, uuid("u"))
	freed := f.offer()
	f.accept(0, []*mesosproto.Offer{rest, freed}, launchOf(f.task(h, "all", "cpus:2;mem:1024")))
	require.Equal(t, "all", last[*messagespb.RunTaskMessage](h).GetTask().GetTaskId().GetValue())
}

// An ACCEPT that launches nothing is a decline.
func TestAcceptWithoutOperationsDeclines(t *testing.T) {
	for _, ops := range [][]*mesosproto.Offer_Operation{nil, {launchOf()}, {{Type: mesosproto.Offer_Operation_UNKNOWN.Enum()}}} {
		b, _, f, o := ready(t)
		f.accept(100, []*mesosproto.Offer{o}, ops...)
		b.sim.Advance(99 * time.Second)
		require.Empty(t, f.offers())
		b.sim.Advance(3 * time.Second)
		f.offer()
	}
}

// Two tasks of one LAUNCH with the same new executor: the first brings it and pays for it.
func TestExecutorsAreLaunchedOnce(t *testing.T) {
	b, h, f, o := ready(t)
	f.accept(0, []*mesosproto.Offer{o}, launchOf(f.custom(h, "t1", "e"), f.custom(h, "t2", "e")))
	runs := all[*messagespb.RunTaskMessage](h)
	require.Len(t, runs, 2)
	require.True(t, runs[0].GetLaunchExecutor())
	require.False(t, runs[1].GetLaunchExecutor())
	require.Equal(t, f.id, runs[0].GetTask().GetExecutor().GetFrameworkId().GetValue(), "filled in")
	require.Equal(t, "cpus(allocated: dev):1.1; mem(allocated: dev):160", h.state().Used.String())
	require.Equal(t, 1, f.state().Executors.Len())

	// An executor of the same id must be the same.
	b.sim.Advance(2 * time.Second)
	other := f.custom(h, "t3", "e")
	other.Executor.Command.Value = proto.String("./another")
	f.accept(0, []*mesosproto.Offer{f.offer()}, launchOf(other))
	require.Contains(t, f.updateOf("t3").GetMessage(), "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID")

	// Its resources come back when it ends, not with its tasks.
	h.update(f, "t1", mesosproto.TaskState_TASK_FINISHED, uuid("1"))
	h.update(f, "t2", mesosproto.TaskState_TASK_FINISHED, uuid("2"))
	require.Equal(t, "cpus(allocated: dev):0.1; mem(allocated: dev):32", h.state().Used.String())
	h.send(&messagespb.ExitedExecutorMessage{
		SlaveId: h.info.Id, FrameworkId: f.idProto(),
		ExecutorId: &mesosproto.ExecutorID{Value: proto.String("e")}, Status: proto.Int32(256),
	})
	require.True(t, h.state().Used.IsEmpty())
	failure := f.take(schedulerpb.Event_FAILURE)[0].GetFailure()
	require.Equal(t, "e", failure.GetExecutorId().GetValue())
	require.Equal(t, int32(256), failure.GetStatus())
	require.Zero(t, f.state().Executors.Len())
}

// The executors that agents make for command tasks are nobody's business.
func TestTheEndOfAnUnknownExecutorIsIgnored(t *testing.T) {
	_, h, f, o := ready(t)
	f.accept(0, []*mesosproto.Offer{o}, launchOf(f.task(h, "t", "cpus:1;mem:32")))
	h.send(&messagespb.ExitedExecutorMessage{
		SlaveId: h.info.Id, FrameworkId: f.idProto(),
		ExecutorId: &mesosproto.ExecutorID{Value: proto.String("t")}, Status: proto.Int32(0),
	})
	require.Empty(t, f.take(schedulerpb.Event_FAILURE))
}

func groupOf(tasks ...*mesosproto.TaskInfo) *mesosproto.Offer_Operation {
	return &mesosproto.Offer_Operation{
		Type: mesosproto.Offer_Operation_LAUNCH_GROUP.Enum(),
		LaunchGroup: &mesosproto.Offer_Operation_LaunchGroup{
			TaskGroup: &mesosproto.TaskGroupInfo{Tasks: tasks},
		},
	}
}

func (s *scheduler) podExecutor(id string) *mesosproto.ExecutorInfo {
	list := parse(s.b.t, "cpus:0.1;mem:32;disk:32")
	return &mesosproto.ExecutorInfo{
		Type:        mesosproto.ExecutorInfo_DEFAULT.Enum(),
		ExecutorId:  &mesosproto.ExecutorID{Value: &id},
		FrameworkId: s.idProto(),
		Resources:   list,
	}
}

// A task group is launched as a whole or not at all.
func TestLaunchGroup(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024;disk:1024")
	f := b.framework(modern("dev"))
	op := groupOf(f.task(h, "a", "cpus:0.5;mem:32"), f.task(h, "b", "cpus:0.5;mem:32"))
	op.LaunchGroup.Executor = f.podExecutor("pod")
	f.accept(0, []*mesosproto.Offer{f.offer()}, op)
	require.Empty(t, f.updates())
	run := last[*messagespb.RunTaskGroupMessage](h)
	require.True(t, run.GetLaunchExecutor())
	require.Equal(t, "pod", run.GetExecutor().GetExecutorId().GetValue())
	require.Equal(t, "dev", run.GetExecutor().GetResources()[0].GetAllocationInfo().GetRole())
	require.Len(t, run.GetTaskGroup().GetTasks(), 2)
	require.Equal(t, "pod", run.GetTaskGroup().GetTasks()[0].GetExecutor().GetExecutorId().GetValue())
	require.Equal(t, "cpus(allocated: dev):1.1; mem(allocated: dev):96; disk(allocated: dev):32", h.state().Used.String())

	b.sim.Advance(2 * time.Second)
	op = groupOf(f.task(h, "c", "cpus:0.1;mem:32"), f.task(h, "d", "cpus:50;mem:32"))
	op.LaunchGroup.Executor = f.podExecutor("pod2")
	f.accept(0, []*mesosproto.Offer{f.offer()}, op)
	updates := f.updates()
	require.Len(t, updates, 2)
	for i, id := range []string{"c", "d"} {
		require.Equal(t, id, updates[i].GetTaskId().GetValue())
		require.Equal(t, mesosproto.TaskState_TASK_ERROR, updates[i].GetState())
		require.Equal(t, mesosproto.TaskStatus_REASON_TASK_GROUP_INVALID, updates[i].GetReason())
		require.Equal(t, "Total resources cpus(allocated: dev):50.2; mem(allocated: dev):96; disk(allocated: dev):32 required by task group and its executor are more than available cpus(allocated: dev):0.9; mem(allocated: dev):928; disk(allocated: dev):992",
			updates[i].GetMessage())
	}
	require.Len(t, all[*messagespb.RunTaskGroupMessage](h), 1)
	require.Equal(t, 1, f.state().Executors.Len())
}

package master_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// Scheduler API: a second subscriber with the id wins; the first is told; offers are discarded without
// RESCIND and made again.
func TestASecondInstanceTakesOver(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	f.runs(h, "t1", "cpus:1;mem:128")
	b.sim.Advance(2000 * time.Second)
	held := f.offer()

	second := &scheduler{b: b, info: f.info, id: f.id}
	second.subscribe()
	require.Equal(t, f.id, second.id)
	require.NotEqual(t, f.streamID, second.streamID)
	require.Equal(t, "Framework failed over", f.take(schedulerpb.Event_ERROR)[0].GetError().GetMessage())
	require.True(t, f.stream.closed)
	require.Empty(t, second.take(schedulerpb.Event_RESCIND))
	require.NotEqual(t, held.Id.GetValue(), second.offer().Id.GetValue())
	require.Equal(t, f.id, last[*messagespb.UpdateFrameworkMessage](h).GetFrameworkId().GetValue())
	require.Equal(t, "@0.0.0.0:0", last[*messagespb.UpdateFrameworkMessage](h).GetPid())
	require.Equal(t, 1, second.state().Tasks.Len(), "tasks go on")
	require.False(t, second.state().Reregistered.IsZero())

	err := f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
	require.Equal(t, codes.InvalidArgument, apierror.Code(err), "the first has no say any more")

	// The end of the first stream is not the end of the second.
	b.master.Schedulers().Ended(f.stream)
	b.settle()
	require.True(t, second.state().Connected)
}

// The framework is removed when failover_timeout has passed since its stream broke, and all its tasks
// with it.
func TestFailoverTimeout(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev")) // 30 s
	f.runs(h, "t1", "cpus:1;mem:128")
	f.leaves()
	require.False(t, f.state().Connected)
	require.False(t, f.state().Active)
	b.sim.Advance(29 * time.Second)
	require.NotNil(t, f.state())
	require.Empty(t, all[*messagespb.ShutdownFrameworkMessage](h))
	b.sim.Advance(time.Second)
	require.Nil(t, f.state())
	require.Equal(t, f.id, last[*messagespb.ShutdownFrameworkMessage](h).GetFrameworkId().GetValue())
	require.True(t, h.state().Used.IsEmpty())
}

func TestComingBackInTimeStopsTheFailoverTimeout(t *testing.T) {
	b := start(t)
	f := b.framework(modern("dev"))
	f.leaves()
	b.sim.Advance(29 * time.Second)
	f.subscribe()
	require.Equal(t, schedulerpb.Event_SUBSCRIBED, f.stream.events[0].GetType())
	b.sim.Advance(time.Hour)
	require.True(t, f.state().Connected)

	// The timeout of the next disconnection counts from then.
	f.leaves()
	b.sim.Advance(29 * time.Second)
	require.NotNil(t, f.state())
}

func TestWithoutFailoverTimeoutAFrameworkEndsWithItsStream(t *testing.T) {
	b := start(t)
	f := b.framework(plain())
	f.leaves()
	require.Nil(t, f.state())
	require.Len(t, b.master.Snapshot().Completed, 1)
}

func TestOffersOfADisconnectedFrameworkGoToOthers(t *testing.T) {
	b := start(t)
	b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	f.offer()
	g := b.framework(modern("dev"))
	require.Empty(t, g.offers())
	f.leaves()
	g.offer()
	require.Zero(t, f.state().Offers.Len())
	require.True(t, f.state().Offered.IsEmpty())
}

// Scheduler API, TEARDOWN: tasks count as killed at once, nobody is told; the id is not valid any more.
func TestTeardown(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	f.runs(h, "t1", "cpus:1;mem:128")
	f.do(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
	require.True(t, f.stream.closed)
	require.Empty(t, f.updates())
	require.Empty(t, f.take(schedulerpb.Event_ERROR))
	require.Len(t, all[*messagespb.ShutdownFrameworkMessage](h), 1)
	require.True(t, h.state().Used.IsEmpty())

	done := b.master.Snapshot().Completed
	require.Len(t, done, 1)
	require.False(t, done[0].Unregistered.IsZero())
	require.Len(t, done[0].Done, 1)
	killed := done[0].Done[0].Proto()
	require.Equal(t, mesosproto.TaskState_TASK_KILLED, killed.GetState())
	status := killed.Statuses[len(killed.Statuses)-1]
	require.Equal(t, "Framework "+f.id+" removed", status.GetMessage())
	require.Equal(t, mesosproto.TaskStatus_REASON_FRAMEWORK_REMOVED, status.GetReason())
	require.Equal(t, mesosproto.TaskStatus_SOURCE_MASTER, status.GetSource())

	err := f.call(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
	require.Equal(t, "Framework cannot be found", apierror.Message(err))
	f.subscribe()
	require.Equal(t, "Framework has been removed", f.stream.events[0].GetError().GetMessage())
}

// An id that this master has not given, and has not removed, is taken as it is.
func TestAnUnknownIDIsAccepted(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	f := &scheduler{b: b, info: modern("dev"), id: "never-seen"}
	f.subscribe()
	require.Equal(t, "never-seen", f.stream.events[0].GetSubscribed().GetFrameworkId().GetValue())
	require.Equal(t, "never-seen", last[*messagespb.UpdateFrameworkMessage](h).GetFrameworkId().GetValue())
	f.offer()
}

func TestOnlySoManyCompletedFrameworksAreRemembered(t *testing.T) {
	b := start(t, func(cfg *master.Config) { cfg.MaxCompletedFrameworks = 2 })
	var ids []string
	for range 4 {
		f := b.framework(plain())
		ids = append(ids, f.id)
		f.leaves()
	}
	done := b.master.Snapshot().Completed
	require.Len(t, done, 2)
	require.Equal(t, ids[2], done[0].ID)
	require.Equal(t, ids[3], done[1].ID)
	// What is forgotten is unknown, no longer removed.
	f := &scheduler{b: b, info: plain(), id: ids[0]}
	f.subscribe()
	require.Equal(t, schedulerpb.Event_SUBSCRIBED, f.stream.events[0].GetType())
}

// Scheduler API: changes of user and checkpoint are undone, all else is replaced; offers of roles that
// were left are gone.
func TestResubscribingReplacesTheFrameworkInfo(t *testing.T) {
	b := start(t)
	b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	f.offer()
	f.info.User = proto.String("nobody")
	f.info.Checkpoint = proto.Bool(false)
	f.info.Name = proto.String("renamed")
	f.info.Roles = []string{"ops"}
	f.subscribe()
	info := f.state().Info
	require.Equal(t, "root", info.GetUser())
	require.True(t, info.GetCheckpoint())
	require.Equal(t, "renamed", info.GetName())
	require.Equal(t, "ops", f.offer().GetAllocationInfo().GetRole())
}

func TestSuppressedRolesAreReplacedAtEachSubscription(t *testing.T) {
	b := start(t)
	b.agent("1", "cpus:2;mem:1024")
	f := b.try(modern("dev"), func(c *schedulerpb.Call) { c.Subscribe.SuppressedRoles = []string{"dev"} })
	require.Empty(t, f.offers())
	require.Equal(t, []string{"dev"}, f.state().Suppressed)
	f.subscribe()
	require.Empty(t, f.state().Suppressed)
	b.sim.Advance(2 * time.Second)
	f.offer()
}

// Scheduler API, UPDATE_FRAMEWORK; texts from a capture of the reference.
func TestUpdateFramework(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev", "ops"))
	update := func(change func(*schedulerpb.Call_UpdateFramework)) error {
		m := &schedulerpb.Call_UpdateFramework{FrameworkInfo: f.registered()}
		change(m)
		return f.call(&schedulerpb.Call{Type: schedulerpb.Call_UPDATE_FRAMEWORK.Enum(), UpdateFramework: m})
	}
	for _, c := range []struct {
		change func(*schedulerpb.Call_UpdateFramework)
		want   string
	}{
		{func(m *schedulerpb.Call_UpdateFramework) { m.FrameworkInfo.User = proto.String("nobody") },
			"FrameworkInfo update is not valid: Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'root' to 'nobody'"},
		{func(m *schedulerpb.Call_UpdateFramework) { m.FrameworkInfo.Checkpoint = proto.Bool(false) },
			"FrameworkInfo update is not valid: Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from 'true' to 'false'"},
		{func(m *schedulerpb.Call_UpdateFramework) { m.FrameworkInfo.Principal = proto.String("other") },
			"FrameworkInfo update is not valid: Changing framework's principal is not allowed."},
		{func(m *schedulerpb.Call_UpdateFramework) { m.FrameworkInfo.Roles = []string{"bad role"} },
			"Supplied FrameworkInfo is not valid: 'FrameworkInfo.roles' contains invalid role: Role component 'bad role' is invalid because it contains backspace or whitespace"},
		{func(m *schedulerpb.Call_UpdateFramework) { m.SuppressedRoles = []string{"nosuch"} },
			"'UpdateFramework' call is not valid: Suppressed roles { nosuch } are not contained in the set of roles"},
		{func(m *schedulerpb.Call_UpdateFramework) { m.FrameworkInfo.Id = nil },
			"Failed to validate scheduler::Call: 'framework_id' differs from 'update_framework.framework_info.id'"},
	} {
		err := update(c.change)
		status, body := apierror.Scheduler.HTTP(err)
		require.Equal(t, 400, status)
		require.Equal(t, c.want, body)
	}
	require.Empty(t, all[*messagespb.UpdateFrameworkMessage](h))

	require.NoError(t, update(func(m *schedulerpb.Call_UpdateFramework) {}))
	require.Empty(t, all[*messagespb.UpdateFrameworkMessage](h), "nothing changed")

	f.offers()
	require.NoError(t, update(func(m *schedulerpb.Call_UpdateFramework) {
		m.FrameworkInfo.Name = proto.String("renamed")
		m.FrameworkInfo.Roles = []string{"qa"}
		m.SuppressedRoles = []string{"qa"}
	}))
	require.Equal(t, "renamed", last[*messagespb.UpdateFrameworkMessage](h).GetFrameworkInfo().GetName())
	require.Equal(t, []string{"qa"}, f.state().Suppressed)
	require.Len(t, f.take(schedulerpb.Event_RESCIND), 1, "the offer of the role that it left")
	require.False(t, f.stream.closed)
}

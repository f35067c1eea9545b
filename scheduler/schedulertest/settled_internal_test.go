package schedulertest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/scheduler"
)

func TestATaskIsOnItsWayForAWhileOnly(t *testing.T) {
	framework, task := &mesosproto.FrameworkID{Value: proto.String("f")}, &mesosproto.TaskID{Value: proto.String("t")}
	accept := &schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum(), FrameworkId: framework, Accept: &schedulerpb.Call_Accept{
		Operations: []*mesosproto.Offer_Operation{{Launch: &mesosproto.Offer_Operation_Launch{TaskInfos: []*mesosproto.TaskInfo{{TaskId: task}}}}},
	}}
	for _, c := range []struct {
		heard     mesosproto.TaskState // negative: nothing
		invariant string               // violated when it takes too long
	}{
		{-1, InvariantBounded},
		{mesosproto.TaskState_TASK_STARTING, InvariantStuck},
		{mesosproto.TaskState_TASK_KILLING, InvariantStuck},
	} {
		k := watch(t)
		f := idle(k)
		f.begin(scheduler.Config{}, false)
		k.called(f, accept)
		if c.heard >= 0 {
			k.saw(framework, true, &mesosproto.TaskStatus{TaskId: task, State: c.heard.Enum()})
		}
		k.cluster.sim.Advance(launchWithin - 1)
		k.settled(k.updates.of("f", "t"), false)
		require.Empty(t, k.found, "it was launched a moment ago")
		k.cluster.sim.Advance(1)
		k.settled(k.updates.of("f", "t"), false)
		require.Equal(t, []string{c.invariant}, names(k))
	}
}

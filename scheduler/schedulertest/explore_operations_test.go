package schedulertest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// owning is how an owner begins.
func owning(name string, did *deeds, roles []string, capabilities ...mesosproto.FrameworkInfo_Capability_Type) func(disk bool) scheduler.Config {
	saved, lives := &estate{}, 0
	return func(disk bool) scheduler.Config {
		in := info(capabilities...)
		if len(roles) == 1 {
			in.Role = &roles[0] //lint:ignore SA1019 it is what frameworks without MULTI_ROLE have
		} else {
			in.Roles = roles
		}
		if !disk {
			lives++
			saved = &estate{pending: map[string]promised{}, company: map[string]company{}}
			saved.tasks, saved.where = map[string]mesosproto.TaskState{}, map[string]*mesosproto.AgentID{}
		} else if saved.id != "" {
			in.Id = &mesosproto.FrameworkID{Value: proto.String(saved.id)}
		}
		f := &owner{
			careful: &careful{disk: &saved.memory, prefix: fmt.Sprintf("%s%d", name, lives), want: 4, total: 30},
			disk:    saved, role: roles[0], did: did,
		}
		for _, c := range capabilities {
			f.refines = f.refines || c == mesosproto.FrameworkInfo_Capability_RESERVATION_REFINEMENT
			f.shares = f.shares || c == mesosproto.FrameworkInfo_Capability_SHARED_RESOURCES
		}
		return scheduler.Config{Framework: in, Scheduler: f}
	}
}

// operationExploration has two frameworks in one role, one of which knows neither refined reservations nor
// shared volumes, and one in a role of its own and in one below theirs.
func operationExploration(did *deeds) schedulertest.Exploration {
	e := exploration()
	e.Config.Behave = scripted(schedulertest.ScriptedExecutor{Linger: 20 * time.Second})
	e.Scenario = func(_ testing.TB, c *schedulertest.Cluster) {
		c.RunProcess(owning("new", did, []string{"eng"}, partitionAware, mesosproto.FrameworkInfo_Capability_RESERVATION_REFINEMENT, mesosproto.FrameworkInfo_Capability_SHARED_RESOURCES))
		c.RunProcess(owning("old", did, []string{"eng"}, mesosproto.FrameworkInfo_Capability_SHARED_RESOURCES))
		c.RunProcess(owning("both", did, []string{"ops", "eng/db"}, partitionAware, mesosproto.FrameworkInfo_Capability_MULTI_ROLE, mesosproto.FrameworkInfo_Capability_RESERVATION_REFINEMENT))
		c.Advance(5 * time.Second)
	}
	return e
}

func TestTheInvariantsHoldForOperationsWhateverFails(t *testing.T) {
	did := &deeds{finished: map[mesosproto.Offer_Operation_Type]int{}, run: map[company]int{}}
	e := operationExploration(did)
	e.Seeds = (e.Seeds + 4) / 5
	ran := schedulertest.Explore(t, e)
	t.Log(ran)
	t.Log(did.finished)
	t.Log(did.run)
	requireKnown(t, ran.Reached)
	for _, kind := range []mesosproto.Offer_Operation_Type{
		mesosproto.Offer_Operation_RESERVE, mesosproto.Offer_Operation_UNRESERVE, mesosproto.Offer_Operation_CREATE,
		mesosproto.Offer_Operation_DESTROY, mesosproto.Offer_Operation_GROW_VOLUME, mesosproto.Offer_Operation_SHRINK_VOLUME,
	} {
		require.Positive(t, did.finished[kind], "%v", kind)
	}
	require.Positive(t, did.run[inGroup])
	require.Positive(t, did.run[underOneExecutor])
	if ran.Seeds >= 30 {
		require.Positive(t, did.run[inGroup+sharingVolume])
		require.Positive(t, did.run[underOneExecutor+sharingVolume])
	}
}

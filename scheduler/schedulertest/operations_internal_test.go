package schedulertest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
)

// owned is a machine of which a test says what its agent says and hears.
func owned(t *testing.T) (*checker, *Agent) {
	k := watch(t)
	total := resources.MustParse("cpus:4;mem:1024;disk:1024")
	a := &Agent{cluster: k.cluster, name: "agent", machine: newMachine(k.cluster, total), loop: k.cluster.sim.Loop("agent")}
	k.agentSays(a, &messagespb.RegisterSlaveMessage{ResourceVersionUuid: version})
	return k, a
}

var version = &mesosproto.UUID{Value: []byte("version")}

// hears lets an operation reach the agent, whose uuid is its type.
func (a *Agent) hears(op *mesosproto.Offer_Operation) {
	a.cluster.check.agentHears(a, &messagespb.ApplyOperationMessage{
		OperationInfo: op, OperationUuid: &mesosproto.UUID{Value: []byte(op.GetType().String())},
		ResourceVersionUuid: &messagespb.ResourceVersionUUID{Uuid: version},
	})
}

// says lets the agent say how it ended.
func (a *Agent) says(kind mesosproto.Offer_Operation_Type, state mesosproto.OperationState) {
	a.cluster.check.agentSays(a, &messagespb.UpdateOperationStatusMessage{
		OperationUuid: &mesosproto.UUID{Value: []byte(kind.String())}, Status: &mesosproto.OperationStatus{State: state.Enum()},
	})
}

// returns lets it register again, with reservations and volumes.
func (a *Agent) returns(has ...*mesosproto.Resource) {
	a.cluster.check.agentSays(a, &messagespb.ReregisterSlaveMessage{CheckpointedResources: has, ResourceVersionUuid: version})
}

const (
	made    = mesosproto.OperationState_OPERATION_FINISHED
	dropped = mesosproto.OperationState_OPERATION_DROPPED
	reserve = mesosproto.Offer_Operation_RESERVE
	create  = mesosproto.Offer_Operation_CREATE
	destroy = mesosproto.Offer_Operation_DESTROY
)

func TestWhatAnAgentHas(t *testing.T) {
	cpus, disk := reserved("cpus:1"), reserved("disk:64")
	for _, c := range []struct {
		name string
		play func(a *Agent)
		want string // empty: nothing is wrong
	}{
		{"what is finished stays over a crash", func(a *Agent) {
			a.hears(scheduler.Reserve(cpus))
			a.says(reserve, made)
			a.crashes()
			a.returns(cpus)
		}, ""},
		{"what is finished is lost in a crash", func(a *Agent) {
			a.hears(scheduler.Reserve(cpus))
			a.says(reserve, made)
			a.crashes()
			a.returns()
		}, InvariantKept},
		{"what is finished is lost without a crash", func(a *Agent) {
			a.hears(scheduler.Reserve(cpus))
			a.says(reserve, made)
			a.returns()
		}, InvariantKept},
		{"what is not finished may be lost", func(a *Agent) {
			a.hears(scheduler.Reserve(cpus))
			a.crashes()
			a.returns()
		}, ""},
		{"it is lost, and finished all the same", func(a *Agent) {
			a.hears(scheduler.Reserve(cpus))
			a.crashes()
			a.returns()
			a.says(reserve, made)
		}, InvariantTruth},
		{"what was written down is dropped", func(a *Agent) {
			a.hears(scheduler.Reserve(cpus))
			a.crashes()
			a.returns(cpus)
			a.says(reserve, dropped)
		}, InvariantTruth},
		{"operations that change nothing together may be there or not", func(a *Agent) {
			a.hears(scheduler.Reserve(cpus))
			a.hears(scheduler.Unreserve(cpus))
			a.crashes()
			a.returns()
			a.says(reserve, dropped)
			a.says(mesosproto.Offer_Operation_UNRESERVE, made)
		}, ""},
		{"what can't be done is dropped", func(a *Agent) {
			a.hears(scheduler.Reserve(reserved("cpus:9")))
			a.says(reserve, dropped)
			a.returns()
		}, ""},
		{"what failed is gone, and what was built on it", func(a *Agent) {
			a.hears(scheduler.Reserve(disk))
			a.says(reserve, made)
			a.hears(scheduler.CreateVolumes(volume(disk)))
			a.says(create, mesosproto.OperationState_OPERATION_FAILED)
			a.returns(disk)
		}, ""},
		{"something that is not there is reserved", func(a *Agent) { a.returns(reserved("cpus:9")) }, InvariantConserved},
		{"a task's reservation is there", func(a *Agent) {
			a.hears(scheduler.Reserve(cpus))
			a.runs(cpus)
		}, ""},
		{"a task's reservation is not", func(a *Agent) { a.runs(cpus) }, InvariantInUse},
		{"a task's reservation is lost in a crash", func(a *Agent) {
			a.hears(scheduler.Reserve(cpus))
			a.runs(cpus)
			a.crashes()
			a.returns()
		}, InvariantInUse},
		{"a task's volume is destroyed", func(a *Agent) {
			a.hears(scheduler.Reserve(disk))
			a.hears(scheduler.CreateVolumes(volume(disk)))
			a.runs(volume(disk))
			a.hears(scheduler.DestroyVolumes(volume(disk)))
			a.says(destroy, made)
		}, InvariantInUse},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, a := owned(t)
			c.play(a)
			if c.want == "" {
				require.Empty(t, k.found)
			} else {
				require.Equal(t, []string{c.want}, names(k))
			}
		})
	}
}

// crashes puts the next process in the agent's place.
func (a *Agent) crashes() { a.loop = a.cluster.sim.Loop("agent, again") }

// runs starts a container.
func (a *Agent) runs(r *mesosproto.Resource) {
	has, err := resources.FromMessage(r)
	if err != nil {
		panic(err)
	}
	a.machine.containers["c"] = &container{spec: &containerizer.Spec{}, has: has.Resources()}
	a.machine.order = []string{"c"}
	a.cluster.check.started(a.machine)
}

func TestAnAgentThatGrowsIsFound(t *testing.T) {
	is := func(text string, reservations ...*mesosproto.Resource) *master.AgentState {
		total := resources.MustParse(text)
		kept, err := resources.FromProto(reservations)
		require.NoError(t, err)
		return &master.AgentState{Info: &mesosproto.AgentInfo{Resources: resources.MustParse("cpus:4;disk:64").Proto()}, Total: total.Add(kept)}
	}
	k := watch(t)
	k.conserved(nil, is("cpus:4;disk:64"))
	k.conserved(is("cpus:4;disk:64"), is("cpus:3", reserved("cpus:1"), volume(reserved("disk:64"))))
	require.Empty(t, k.found)
	k.conserved(is("cpus:4;disk:64"), is("cpus:4;disk:64", reserved("cpus:1")))
	require.Equal(t, []string{InvariantConserved}, names(k))
}

func TestAnOfferOfWhatIsReservedToOthersIsFound(t *testing.T) {
	old := reserved("cpus:1")
	require.NoError(t, resources.Downgrade(old))
	for _, c := range []struct {
		role string // of the framework
		to   string // the offer says; empty: nothing
		what *mesosproto.Resource
		bad  bool
	}{
		{"dev", "", reserved("cpus:1"), false},
		{"dev", "", old, false},
		{"*", "dev/test", reserved("cpus:1"), false},
		{"ops", "", reserved("cpus:1"), true},
		{"ops", "", old, true},
		{"dev", "ops", reserved("cpus:1"), true},
		{"ops", "", resources.MustParse("cpus:1").Proto()[0], false},
	} {
		k := watch(t)
		o := &mesosproto.Offer{Id: &mesosproto.OfferID{Value: proto.String("o")}, Resources: []*mesosproto.Resource{c.what}}
		if c.to != "" {
			o.AllocationInfo = &mesosproto.Resource_AllocationInfo{Role: &c.to}
		}
		k.offersTo(&Framework{name: "f", role: c.role}, o)
		require.Equal(t, c.bad, len(k.found) > 0, "%+v", c)
	}
}

// What a framework is told of an operation.
func TestWhatIsToldOfAnOperation(t *testing.T) {
	const (
		pending = mesosproto.OperationState_OPERATION_PENDING
		unknown = mesosproto.OperationState_OPERATION_UNKNOWN
	)
	f := &mesosproto.FrameworkID{Value: proto.String("f")}
	for _, c := range []struct {
		told []mesosproto.OperationState
		want string
	}{
		{[]mesosproto.OperationState{pending, made, made, unknown, made}, ""},
		{[]mesosproto.OperationState{unknown, dropped}, ""},
		{[]mesosproto.OperationState{made, pending}, InvariantForward},
		{[]mesosproto.OperationState{made, unknown, dropped}, InvariantForward},
		{[]mesosproto.OperationState{dropped, made}, InvariantForward},
	} {
		k := watch(t)
		for _, s := range c.told {
			k.operationTold(f, &mesosproto.OperationStatus{OperationId: &mesosproto.OperationID{Value: proto.String("o")}, State: s.Enum()})
		}
		if c.want == "" {
			require.Empty(t, k.found, "%v", c.told)
		} else {
			require.Equal(t, []string{c.want}, names(k), "%v", c.told)
		}
	}
	k := watch(t)
	k.operationTold(f, &mesosproto.OperationStatus{State: made.Enum()})
	require.Equal(t, []string{InvariantOrder}, names(k), "which?")
}

package registry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/master/registry"
	"github.com/mesokit/mesokit/master/registry/memory"
	"github.com/mesokit/mesokit/mesosproto"
)

var masterInfo = &mesosproto.MasterInfo{Id: proto.String("m"), Ip: proto.Uint32(1), Port: proto.Uint32(5050)}

func agent(id string) *mesosproto.AgentInfo {
	return &mesosproto.AgentInfo{Id: &mesosproto.AgentID{Value: &id}, Hostname: proto.String("host-" + id)}
}

// bundle is a registrar on a simulated loop, recovered from its storage.
type bundle struct {
	t       *testing.T
	sim     *loop.Sim
	r       *registry.Registrar
	state   *registry.State
	storage registry.Storage
}

func start(t *testing.T, s registry.Storage) *bundle {
	b := &bundle{t: t, sim: loop.NewSim(1), storage: s}
	b.r = registry.New(b.sim.Loop("master"), s)
	b.r.Recover(masterInfo, func(state *registry.State, err error) {
		require.NoError(t, err)
		b.state = state
	})
	b.sim.Advance(time.Second)
	require.NotNil(t, b.state)
	return b
}

func (b *bundle) apply(op registry.Operation) error {
	var out error
	called := 0
	b.r.Apply(op, func(err error) { out = err; called++ })
	b.sim.Advance(time.Second)
	require.Equal(b.t, 1, called)
	return out
}

func TestAgentsMoveBetweenTheListsAndSurviveARestart(t *testing.T) {
	s := &memory.Storage{}
	b := start(t, s)
	require.NoError(t, b.apply(registry.AdmitAgent{Info: agent("S0")}))
	require.NoError(t, b.apply(registry.AdmitAgent{Info: agent("S1")}))
	require.NoError(t, b.apply(registry.AdmitAgent{Info: agent("S2")}))
	at := time.Unix(100, 5)
	require.NoError(t, b.apply(registry.MarkUnreachable{ID: "S1", At: at}))
	require.NoError(t, b.apply(registry.MarkGone{ID: "S2", At: at}))

	check := func(state *registry.State) {
		require.Equal(t, "m", state.Master().GetId())
		require.Len(t, state.Agents(), 1)
		require.Equal(t, "host-S0", state.Agent("S0").GetInfo().GetHostname())
		require.Len(t, state.UnreachableAgents(), 1)
		require.Equal(t, at.UnixNano(), state.UnreachableAgent("S1").GetTimestamp().GetNanoseconds())
		require.Len(t, state.GoneAgents(), 1)
		require.NotNil(t, state.GoneAgent("S2"))
	}
	check(b.state)
	require.Positive(t, b.r.Size())
	again := start(t, s)
	check(again.state)
	require.Equal(t, b.r.Size(), again.r.Size(), "what is loaded weighs what was written")

	require.NoError(t, b.apply(registry.MarkReachable{Info: agent("S1")}))
	require.NoError(t, b.apply(registry.RemoveAgent{ID: "S0"}))
	require.NoError(t, b.apply(registry.Prune{Gone: []string{"S2", "never there"}}))
	last := start(t, s).state
	require.Len(t, last.Agents(), 1)
	require.NotNil(t, last.Agent("S1"))
	require.Empty(t, last.UnreachableAgents())
	require.Empty(t, last.GoneAgents())
	require.Equal(t, b.r.Size(), last.Size())
}

func TestOperationsThatDoNotFitChangeNothing(t *testing.T) {
	b := start(t, &memory.Storage{})
	require.NoError(t, b.apply(registry.AdmitAgent{Info: agent("S0")}))
	require.NoError(t, b.apply(registry.AdmitAgent{Info: agent("S1")}))
	require.NoError(t, b.apply(registry.MarkGone{ID: "S1", At: time.Unix(1, 0)}))
	for _, c := range []struct {
		op   registry.Operation
		code codes.Code
	}{
		{registry.AdmitAgent{Info: agent("S0")}, codes.AlreadyExists},
		{registry.UpdateAgent{Info: agent("S9")}, codes.NotFound},
		{registry.MarkUnreachable{ID: "S9"}, codes.NotFound},
		{registry.RemoveAgent{ID: "S9"}, codes.NotFound},
		{registry.MarkGone{ID: "S9"}, codes.NotFound},
		{registry.MarkGone{ID: "S1"}, codes.AlreadyExists},
		{registry.MarkReachable{Info: agent("S1")}, codes.FailedPrecondition},
	} {
		require.Equal(t, c.code, apierror.Code(b.apply(c.op)), "%#v", c.op)
	}
	require.Len(t, b.state.Agents(), 1)
	require.Len(t, b.state.GoneAgents(), 1)
}

func TestMarkReachableAdmitsAnAgentThatWasPruned(t *testing.T) {
	b := start(t, &memory.Storage{})
	require.NoError(t, b.apply(registry.MarkReachable{Info: agent("S7")}))
	require.NotNil(t, b.state.Agent("S7"))
}

func TestOperationsAppliedDuringAWriteFormOneBatch(t *testing.T) {
	b := start(t, &memory.Storage{})
	before := b.r.Batches()
	var order []string
	for i := range 1000 {
		id := fmt.Sprintf("S%d", i)
		b.r.Apply(registry.AdmitAgent{Info: agent(id)}, func(err error) {
			require.NoError(t, err)
			order = append(order, id)
		})
	}
	require.Empty(t, order, "nothing is announced before it is durable")
	b.sim.Advance(time.Second)
	require.Len(t, order, 1000)
	require.Equal(t, "S0", order[0])
	require.Equal(t, "S999", order[999])
	require.Equal(t, 2, b.r.Batches()-before, "the first alone, the rest together")
}

func TestOperationsBeforeRecoveryWait(t *testing.T) {
	sim := loop.NewSim(1)
	r := registry.New(sim.Loop("master"), &memory.Storage{})
	var order []string
	r.Apply(registry.AdmitAgent{Info: agent("S0")}, func(err error) {
		require.NoError(t, err)
		order = append(order, "admitted")
	})
	r.Recover(masterInfo, func(_ *registry.State, err error) {
		require.NoError(t, err)
		order = append(order, "recovered")
	})
	sim.Advance(time.Second)
	require.Equal(t, []string{"recovered", "admitted"}, order)
}

// failing is a storage that breaks; a real one can't be made to at a given write.
type failing struct {
	memory.Storage
	err error
}

func (f *failing) Write(ctx context.Context, changes []registry.Entry) error {
	if f.err != nil {
		return f.err
	}
	return f.Storage.Write(ctx, changes)
}

func TestAStorageErrorEndsTheRegistrar(t *testing.T) {
	s := &failing{}
	b := start(t, s)
	s.err = errors.New("no space left on device")
	var errs []error
	for _, id := range []string{"S0", "S1"} {
		b.r.Apply(registry.AdmitAgent{Info: agent(id)}, func(err error) { errs = append(errs, err) })
	}
	b.sim.Advance(time.Second)
	s.err = nil
	errs = append(errs, b.apply(registry.AdmitAgent{Info: agent("S2")}))
	require.Len(t, errs, 3)
	for _, err := range errs {
		require.Equal(t, codes.Aborted, apierror.Code(err))
		require.ErrorContains(t, err, "no space left on device")
	}
	require.Error(t, b.r.Failed())
	require.Empty(t, start(t, &s.Storage).state.Agents())
}

func TestARegistryOfANewerVersionIsRefused(t *testing.T) {
	s := &memory.Storage{}
	require.NoError(t, s.Write(t.Context(), []registry.Entry{{Key: "hologram/1", Value: []byte("x")}}))
	sim := loop.NewSim(1)
	var got error
	registry.New(sim.Loop("m"), s).Recover(masterInfo, func(_ *registry.State, err error) { got = err })
	sim.Advance(time.Second)
	require.ErrorContains(t, got, `"hologram/1"`)
	require.ErrorContains(t, got, "newer")
}

func TestADamagedEntryIsNamed(t *testing.T) {
	s := &memory.Storage{}
	require.NoError(t, s.Write(t.Context(), []registry.Entry{{Key: "agent/S0", Value: []byte{0xff}}}))
	sim := loop.NewSim(1)
	var got error
	registry.New(sim.Loop("m"), s).Recover(masterInfo, func(_ *registry.State, err error) { got = err })
	sim.Advance(time.Second)
	require.ErrorContains(t, got, `"agent/S0"`)
}

func FuzzRecover(f *testing.F) {
	f.Add("agent/S0", []byte{10, 0})
	f.Add("master", []byte{})
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		s := &memory.Storage{}
		if s.Write(t.Context(), []registry.Entry{{Key: key, Value: append([]byte{}, value...)}}) != nil {
			return
		}
		sim := loop.NewSim(1)
		called := false
		registry.New(sim.Loop("m"), s).Recover(masterInfo, func(state *registry.State, err error) {
			called = true
			require.Equal(t, err == nil, state != nil)
		})
		sim.Advance(time.Second)
		require.True(t, called)
	})
}

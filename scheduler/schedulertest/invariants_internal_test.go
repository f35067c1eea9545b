package schedulertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/master/allocator"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// deaf takes failures without failing.
type deaf struct{ testing.TB }

func (deaf) Errorf(string, ...any) {}
func (deaf) Helper()               {}
func (deaf) FailNow()              { panic("the test would end here") }
func (deaf) Failed() bool          { return false }

// watch returns a checker of an empty cluster whose violations don't fail the test.
func watch(t *testing.T) *checker {
	c := New(deaf{t}, Config{Agents: -1})
	c.Advance(time.Second) // the master is elected
	return c.check
}

func names(k *checker) (out []string) {
	for _, v := range k.found {
		out = append(out, v.Invariant)
	}
	return out
}

func TestWhatIsFreedTwiceIsFound(t *testing.T) {
	k := watch(t)
	l := k.cluster.master.books.ledger
	total := resources.MustParse("cpus:4")
	info := &mesosproto.AgentInfo{Id: &mesosproto.AgentID{Value: proto.String("a")}, Hostname: proto.String("h")}
	l.agents["a"] = &account{total: total, holds: map[string]resources.Resources{}}
	l.offered("f", allocator.Offer{Role: "*", AgentID: info.GetId().GetValue(), Resources: total})
	require.Empty(t, k.found)
	l.RecoverResources("f", "a", total, nil, true)
	require.Empty(t, k.found)
	l.RecoverResources("f", "a", total, nil, true)
	require.Equal(t, []string{InvariantFreedOnce}, names(k))
}

func TestWhatIsOfferedTwiceIsFound(t *testing.T) {
	k := watch(t)
	l := k.cluster.master.books.ledger
	l.agents["a"] = &account{total: resources.MustParse("cpus:4"), holds: map[string]resources.Resources{}}
	l.offered("f", allocator.Offer{AgentID: "a", Resources: resources.MustParse("cpus:3")})
	require.Empty(t, k.found)
	l.offered("g", allocator.Offer{AgentID: "a", Resources: resources.MustParse("cpus:2")})
	l.offered("g", allocator.Offer{AgentID: "gone", Resources: resources.MustParse("cpus:2")})
	require.Equal(t, []string{InvariantNoDouble, InvariantNoDouble}, names(k))
}

func TestABackwardStateIsFound(t *testing.T) {
	f := &mesosproto.FrameworkID{Value: proto.String("f")}
	status := func(s mesosproto.TaskState) *mesosproto.TaskStatus {
		return &mesosproto.TaskStatus{TaskId: &mesosproto.TaskID{Value: proto.String("t")}, State: s.Enum()}
	}
	for _, c := range []struct {
		aware    bool
		from, to mesosproto.TaskState
		bad      bool
	}{
		{false, mesosproto.TaskState_TASK_RUNNING, mesosproto.TaskState_TASK_STARTING, true},
		{false, mesosproto.TaskState_TASK_FINISHED, mesosproto.TaskState_TASK_RUNNING, true},
		{false, mesosproto.TaskState_TASK_FINISHED, mesosproto.TaskState_TASK_FINISHED, false},
		{false, mesosproto.TaskState_TASK_LOST, mesosproto.TaskState_TASK_RUNNING, false},
		{true, mesosproto.TaskState_TASK_LOST, mesosproto.TaskState_TASK_RUNNING, true},
		{true, mesosproto.TaskState_TASK_UNREACHABLE, mesosproto.TaskState_TASK_STARTING, false},
		{true, mesosproto.TaskState_TASK_RUNNING, mesosproto.TaskState_TASK_UNKNOWN, false},
	} {
		k := watch(t)
		k.saw(f, c.aware, status(c.from))
		k.saw(f, c.aware, status(c.to))
		require.Equal(t, c.bad, len(k.found) > 0, "%+v", c)
	}
}

// An answer to a question from before the end was heard of says nothing.
func TestAnAnswerThatNothingIsKnownIsNoStepBack(t *testing.T) {
	f := &mesosproto.FrameworkID{Value: proto.String("f")}
	ended := &mesosproto.TaskStatus{TaskId: &mesosproto.TaskID{Value: proto.String("t")}, State: mesosproto.TaskState_TASK_FINISHED.Enum()}
	answer := proto.CloneOf(ended)
	answer.State = mesosproto.TaskState_TASK_GONE.Enum()
	for _, source := range []mesosproto.TaskStatus_Source{mesosproto.TaskStatus_SOURCE_MASTER, mesosproto.TaskStatus_SOURCE_AGENT} {
		k := watch(t)
		answer.Source, answer.Reason = source.Enum(), mesosproto.TaskStatus_REASON_RECONCILIATION.Enum()
		k.saw(f, true, ended)
		k.saw(f, true, answer)
		require.Equal(t, source == mesosproto.TaskStatus_SOURCE_AGENT, len(k.found) > 0)
	}
}

func TestUpdatesOutOfOrderAreFound(t *testing.T) {
	f := &mesosproto.FrameworkID{Value: proto.String("f")}
	task := &mesosproto.TaskID{Value: proto.String("t")}
	sent := func(uuid string) *messagespb.StatusUpdateMessage {
		return &messagespb.StatusUpdateMessage{Update: &messagespb.StatusUpdate{
			FrameworkId: f, Uuid: []byte(uuid), Status: &mesosproto.TaskStatus{TaskId: task},
		}}
	}
	seen := func(uuid string) *mesosproto.TaskStatus {
		return &mesosproto.TaskStatus{TaskId: task, Uuid: []byte(uuid), State: mesosproto.TaskState_TASK_RUNNING.Enum()}
	}
	ack := func(uuid string) *messagespb.StatusUpdateAcknowledgementMessage {
		return &messagespb.StatusUpdateAcknowledgementMessage{FrameworkId: f, TaskId: task, Uuid: []byte(uuid)}
	}
	for name, c := range map[string]struct {
		bad bool
		do  func(k *checker)
	}{
		"in order": {false, func(k *checker) {
			k.fromAgent(sent("1"))
			k.saw(f, true, seen("1"))
			k.fromAgent(sent("1"))
			k.saw(f, true, seen("1"))
			k.toAgent(ack("1"))
			k.fromAgent(sent("2"))
		}},
		"not acknowledged": {true, func(k *checker) {
			k.fromAgent(sent("1"))
			k.fromAgent(sent("2"))
		}},
		"acknowledged unseen": {true, func(k *checker) {
			k.fromAgent(sent("1"))
			k.toAgent(ack("1"))
		}},
		"an old one again": {true, func(k *checker) {
			k.fromAgent(sent("1"))
			k.saw(f, true, seen("1"))
			k.toAgent(ack("1"))
			k.fromAgent(sent("2"))
			k.fromAgent(sent("1"))
		}},
		"made up": {true, func(k *checker) {
			k.fromAgent(sent("1"))
			k.saw(f, true, seen("2"))
		}},
	} {
		k := watch(t)
		c.do(k)
		require.Equal(t, c.bad, len(k.found) > 0, "%s: %v", name, k.found)
	}
}

func TestTwoMastersThatServeAreFound(t *testing.T) {
	k := watch(t)
	k.cluster.addMaster() // nobody elects between them
	require.Panics(t, func() {
		for range 2 {
			k.cluster.Advance(time.Second)
		}
	})
	require.Equal(t, []string{InvariantOneLeader}, names(k))
}

// idle is a framework that has no driver, so nobody is told anything; the cluster does not know it.
func idle(k *checker) *Framework {
	f := k.cluster.newFramework()
	k.cluster.fws = nil
	return f
}

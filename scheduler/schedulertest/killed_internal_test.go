package schedulertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/scheduler"
)

func TestAKillThatEndsNothingIsFound(t *testing.T) {
	framework := &mesosproto.FrameworkID{Value: proto.String("f")}
	accept := &schedulerpb.Call{FrameworkId: framework, Type: schedulerpb.Call_ACCEPT.Enum(), Accept: &schedulerpb.Call_Accept{
		Operations: []*mesosproto.Offer_Operation{{Launch: &mesosproto.Offer_Operation_Launch{
			TaskInfos: []*mesosproto.TaskInfo{{TaskId: taskID, AgentId: &mesosproto.AgentID{Value: proto.String("a")}}},
		}}},
	}}
	kill := &schedulerpb.Call{FrameworkId: framework, Type: schedulerpb.Call_KILL.Enum(), Kill: &schedulerpb.Call_Kill{TaskId: taskID}}
	elsewhere := proto.CloneOf(kill)
	elsewhere.Kill.AgentId = &mesosproto.AgentID{Value: proto.String("b")}
	patient := proto.CloneOf(kill)
	patient.Kill.KillPolicy = &mesosproto.KillPolicy{GracePeriod: &mesosproto.DurationInfo{Nanoseconds: proto.Int64(int64(time.Hour))}}
	// says is an update that a master sends, and that the framework gets.
	says := func(k *checker, master string, s mesosproto.TaskState) {
		status := &mesosproto.TaskStatus{TaskId: taskID, State: s.Enum()}
		k.said(master, "f", updateEvent(status))
		k.saw(framework, true, status)
	}
	for name, c := range map[string]struct {
		bad bool
		do  func(k *checker, master string)
	}{
		"of a task that runs": {true, func(k *checker, master string) {
			says(k, master, running)
			k.took(master, kill)
		}},
		"of one that was just launched": {true, func(k *checker, master string) {
			k.took(master, accept)
			k.took(master, kill)
			says(k, master, running)
		}},
		"repeated": {true, func(k *checker, master string) {
			says(k, master, running)
			k.took(master, kill)
			k.cluster.sim.Advance(killWithin)
			k.took(master, kill)
		}},
		"that worked": {false, func(k *checker, master string) {
			says(k, master, running)
			k.took(master, kill)
			says(k, master, mesosproto.TaskState_TASK_KILLED)
		}},
		"of a task whose agent went away": {false, func(k *checker, master string) {
			says(k, master, running)
			k.took(master, kill)
			says(k, master, mesosproto.TaskState_TASK_UNREACHABLE)
		}},
		"of a task that the master does not know": {false, func(k *checker, master string) {
			says(k, master, mesosproto.TaskState_TASK_UNREACHABLE)
			k.took(master, kill)
			says(k, master, running)
		}},
		"of a task that only the former master knew": {false, func(k *checker, master string) {
			says(k, "former", running)
			k.took(master, kill)
		}},
		"that the former master took": {false, func(k *checker, master string) {
			says(k, "former", running)
			k.took("former", kill)
			says(k, master, running)
		}},
		"of a launch that was refused": {false, func(k *checker, master string) {
			says(k, master, mesosproto.TaskState_TASK_ERROR)
			k.took(master, accept)
			k.took(master, kill)
		}},
		"on another agent": {false, func(k *checker, master string) {
			says(k, master, running)
			k.took(master, elsewhere)
		}},
		"within its grace period": {false, func(k *checker, master string) {
			says(k, master, running)
			k.took(master, patient)
		}},
	} {
		k := watch(t)
		f := idle(k)
		f.begin(scheduler.Config{}, false)
		k.called(f, accept)
		c.do(k, k.cluster.master.name)
		k.cluster.sim.Advance(killWithin)
		k.settled(k.updates.of("f", task), true)
		found := len(k.found) > 0 && k.found[0].Invariant == InvariantKilled
		require.Equal(t, c.bad, found, "%s: %v", name, k.found)
	}
}

func updateEvent(s *mesosproto.TaskStatus) *schedulerpb.Event {
	return &schedulerpb.Event{Type: schedulerpb.Event_UPDATE.Enum(), Update: &schedulerpb.Event_Update{Status: s}}
}

func TestAnAgentThatForgetsAnUpdateIsFound(t *testing.T) {
	framework := &mesosproto.FrameworkID{Value: proto.String("f")}
	sends := func(k *checker, uuid string, s mesosproto.TaskState) {
		k.fromAgent(&messagespb.StatusUpdateMessage{Update: &messagespb.StatusUpdate{
			FrameworkId: framework, Uuid: []byte(uuid), Status: &mesosproto.TaskStatus{TaskId: taskID, State: s.Enum()},
		}})
	}
	acknowledged := func(k *checker, uuid string) {
		k.saw(framework, true, &mesosproto.TaskStatus{TaskId: taskID, Uuid: []byte(uuid), State: running.Enum()})
		k.toAgent(&messagespb.StatusUpdateAcknowledgementMessage{FrameworkId: framework, TaskId: taskID, Uuid: []byte(uuid)})
	}
	for name, c := range map[string]struct {
		found []string
		do    func(k *checker)
	}{
		"it sends the same again": {nil, func(k *checker) {
			sends(k, "1", running)
			k.crashed("")
			sends(k, "1", running)
		}},
		"it sends another": {[]string{InvariantDurable}, func(k *checker) {
			sends(k, "1", running)
			k.crashed("")
			sends(k, "2", running)
		}},
		"the next": {nil, func(k *checker) {
			sends(k, "1", running)
			acknowledged(k, "1")
			k.crashed("")
			sends(k, "2", finished)
		}},
		"the end once more": {[]string{InvariantDurable}, func(k *checker) {
			sends(k, "1", finished)
			acknowledged(k, "1")
			k.crashed("")
			sends(k, "2", finished)
		}},
		"its machine died": {nil, func(k *checker) {
			sends(k, "1", running)
			k.rebooted("")
			sends(k, "2", running)
		}},
		"its machine died after the end": {[]string{InvariantDurable}, func(k *checker) {
			sends(k, "1", finished)
			k.rebooted("")
			sends(k, "2", finished)
		}},
		"its disk failed": {nil, func(k *checker) {
			sends(k, "1", finished)
			k.amnesic("")
			k.crashed("")
			sends(k, "2", finished)
		}},
	} {
		k := watch(t)
		c.do(k)
		require.Equal(t, c.found, names(k), "%s: %v", name, k.found)
	}
}

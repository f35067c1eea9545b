package agent

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// room is what a container with executor e and its task a needs.
func room(t *testing.T) resources.Resources {
	r, err := resources.FromProto(dev("cpus:0.6;mem:96"))
	require.NoError(t, err)
	return r
}

// killBoth launches a group of x and y and a task a under one executor, and kills the group at once.
func (r *rig) killBoth(settle func()) {
	group := []*mesosproto.TaskInfo{executorTask("x", "e"), executorTask("y", "e")}
	for _, m := range []proto.Message{
		&messagespb.RunTaskGroupMessage{Framework: frameworkInfo("f"), Executor: group[0].Executor, TaskGroup: &mesosproto.TaskGroupInfo{Tasks: group}, LaunchExecutor: proto.Bool(true)},
		r.runTask(executorTask("a", "e"), false),
		&messagespb.KillTaskMessage{FrameworkId: fid("f"), TaskId: tid("x")},
	} {
		r.master.conn().deliver(m)
		settle()
	}
	r.run(50 * time.Millisecond)
}

// What a task held is free for the master with its terminal update, so the container must not use it on.
func TestAContainerShrinksWhenATaskIsKilledBeforeItsExecutorSubscribes(t *testing.T) {
	r := registered(t)
	r.killBoth(func() { r.run(50 * time.Millisecond) })
	require.NotEmpty(t, r.box.updates)
	require.Equal(t, room(t).String(), r.box.updates[len(r.box.updates)-1].String())
}

func TestAContainerIsNotLaunchedWithRoomForTasksThatHaveBeenKilled(t *testing.T) {
	r := registered(t)
	r.killBoth(func() {})
	require.Equal(t, room(t).String(), r.box.last().spec.Resources.String())
}

// The master takes a task for dropped that the agent has forgotten, and offers what it would have used.
func TestARestartedAgentTakesBackTheRoomOfTasksThatItForgot(t *testing.T) {
	r, store := remembering(t)
	r.tell(checkpointed(r.runTask(executorTask("a", "e"), true)))
	r.subscribe("e", nil)
	store.Fail(errors.New("the process dies before it writes"))
	r.tell(checkpointed(r.runTask(executorTask("b", "e"), false)))
	r.run(time.Second)
	with := len(r.box.updates)
	require.NotEqual(t, room(t).String(), r.box.updates[with-1].String(), "there is room for both")
	store.Fail(nil)
	r.crash()
	r.run(5 * time.Second)
	require.Greater(t, len(r.box.updates), with)
	require.Equal(t, room(t).String(), r.box.updates[len(r.box.updates)-1].String())
}

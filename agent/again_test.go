package agent

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/checkpoint"
	"github.com/mesokit/mesokit/agent/checkpoint/memory"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// An executor that was not acknowledged because the disk is full sends its updates again. If the framework
// has acknowledged the last of them meanwhile, it must not be told that the task runs.
func TestUpdatesOfACompletedTaskAreNotForwardedAgain(t *testing.T) {
	disk := &memory.Store{}
	r := registered(t, func(cfg *Config) { cfg.Checkpoint = disk })
	m := r.runTask(executorTask("a", "e"), true)
	m.Framework.Checkpoint = proto.Bool(true)
	r.tell(m)
	p := r.subscribe("e", nil)
	disk.Fail(errors.New("no space"))
	said := []*executorpb.Call_Update{
		{Status: status16("a", mesosproto.TaskState_TASK_RUNNING, 1)},
		{Status: status16("a", mesosproto.TaskState_TASK_FINISHED, 2)},
	}
	for _, u := range said {
		_ = p.update("a", u.GetStatus().GetState(), u.GetStatus().GetUuid()[15])
	}
	require.Equal(t, lines("a RUNNING EXECUTOR", "a FINISHED EXECUTOR"), r.acknowledgeAll(time.Second))

	p = r.subscribe("e", &executorpb.Call_Subscribe{UnacknowledgedUpdates: said})
	require.Empty(t, r.acknowledgeAll(time.Second))
	require.Equal(t, []string{"SUBSCRIBED"}, p.types(), "after a crash the executor would be the only one to know")
	disk.Fail(nil)
	require.Empty(t, r.acknowledgeAll(checkpoint.RetryMax))
	require.Contains(t, p.types(), "ACKNOWLEDGED")
}

package agent

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/mesokit/mesokit/agent/checkpoint"
	"github.com/mesokit/mesokit/agent/checkpoint/memory"
	"github.com/mesokit/mesokit/agent/statusupdate"
	"github.com/mesokit/mesokit/internal/transitions"
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

// faithful is an executor that sends its updates again until it has heard that the agent has them.
type faithful struct {
	rt      *rapid.T
	r       *rig
	peer    *peer
	unheard []*executorpb.Call_Update
	live    []string                        // tasks that have not ended
	life    map[string]mesosproto.TaskState // by task: what it is next; TASK_STARTING, RUNNING and FINISHED follow each other
	number  map[string]int                  // by uuid: the place of an update among all that were said
	heard   map[string]int                  // by task: of the latest update that the framework has heard
	ended   map[string]bool                 // and whether that was the end
}

// report says the next thing of a task, or another of the same state: that its health has changed, say.
func (f *faithful) report(task string, same bool) {
	if same && f.life[task] > mesosproto.TaskState_TASK_STARTING {
		f.life[task]--
	}
	state := f.life[task]
	if f.life[task]++; state == mesosproto.TaskState_TASK_FINISHED {
		f.live = slices.DeleteFunc(f.live, func(id string) bool { return id == task })
	}
	s := status16(task, state, 0)
	s.Uuid[0], s.Uuid[1] = byte(len(f.number)), byte(len(f.number)>>8)+1
	f.number[string(s.Uuid)] = len(f.number) + 1
	u := &executorpb.Call_Update{Status: s}
	f.unheard = append(f.unheard, u)
	_ = f.peer.send(f.peer.call(executorpb.Call_UPDATE, func(c *executorpb.Call) { c.Update = u }))
}

// listen takes the acknowledgements that have come.
func (f *faithful) listen() {
	for _, e := range f.peer.events {
		f.unheard = slices.DeleteFunc(f.unheard, func(u *executorpb.Call_Update) bool {
			return bytes.Equal(u.GetStatus().GetUuid(), e.GetAcknowledged().GetUuid())
		})
	}
	f.peer.events = nil
}

// hear is the framework, which must not see any task go back.
func (f *faithful) hear(ack bool) {
	for _, u := range f.r.updates() {
		s := u.GetUpdate().GetStatus()
		id, n := s.GetTaskId().GetValue(), f.number[string(s.GetUuid())]
		require.NotZero(f.rt, n, "only the executor reports here: %s", line(s))
		require.GreaterOrEqual(f.rt, n, f.heard[id], "%s after a later one", line(s))
		f.heard[id], f.ended[id] = n, transitions.Terminal(s.GetState())
		if ack {
			f.r.acknowledge(u)
		}
	}
}

// Whatever acknowledgements are lost, to the executor or with the agent, updates are heard in the order in
// which they were said, each task's to its end.
func TestUpdatesKeepTheirOrderWhateverAcknowledgementsAreLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := &faithful{rt: rt, life: map[string]mesosproto.TaskState{}, number: map[string]int{}, heard: map[string]int{}, ended: map[string]bool{}}
		f.r = registered(t, quietMaster, withStore(nil))
		launch := func(first bool) {
			id := fmt.Sprint("t", len(f.life))
			f.life[id] = mesosproto.TaskState_TASK_STARTING
			f.live = append(f.live, id)
			f.r.tell(checkpointed(f.r.runTask(executorTask(id, "e"), first)))
		}
		subscribe := func() {
			f.peer = f.r.subscribe("e", &executorpb.Call_Subscribe{UnacknowledgedUpdates: f.unheard, UnacknowledgedTasks: tasksOf(f.live)})
			require.NoError(rt, f.peer.err)
			f.r.run(4 * time.Second)
		}
		launch(true)
		subscribe()
		rt.Repeat(map[string]func(*rapid.T){
			"launch": func(*rapid.T) { launch(false) },
			"report": func(rt *rapid.T) {
				if len(f.live) > 0 {
					f.report(rapid.SampledFrom(f.live).Draw(rt, "task"), rapid.Bool().Draw(rt, "same"))
				}
			},
			"listen":      func(*rapid.T) { f.listen() },
			"hear":        func(*rapid.T) { f.hear(false) },
			"acknowledge": func(*rapid.T) { f.hear(true) },
			"break": func(*rapid.T) {
				f.r.agent.Executors().Ended(f.peer)
				subscribe()
			},
			"crash": func(*rapid.T) {
				f.hear(false)
				f.r.crash()
				f.r.run(500 * time.Millisecond)
				subscribe()
			},
		})
		for range len(f.number) + 1 {
			f.hear(true)
			f.r.run(statusupdate.RetryMax) // what was not acknowledged is sent again
		}
		for id := range f.heard {
			require.Equal(rt, !slices.Contains(f.live, id), f.ended[id], "%s", id)
		}
		f.listen()
		require.Empty(rt, f.unheard)
	})
}

func tasksOf(ids []string) (list []*mesosproto.TaskInfo) {
	for _, id := range ids {
		list = append(list, executorTask(id, "e"))
	}
	return list
}

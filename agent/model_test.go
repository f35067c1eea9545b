package agent

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/mesokit/mesokit/agent/checkpoint/memory"
	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// world is a rig to which anything may happen, in any order.
type world struct {
	rt *rapid.T
	*rig
	store *memory.Store
	tasks []string         // that were sent
	peers map[string]*peer // by executor
	last  map[string]mesosproto.TaskState
	seen  map[string]bool // uuids
	n     int
}

// settle takes the updates that the master has, acknowledging them if ack is set.
func (w *world) settle(ack bool) {
	for _, c := range w.master.conns {
		for _, m := range c.got {
			u, ok := m.(*messagespb.StatusUpdateMessage)
			if !ok {
				continue
			}
			s := u.GetUpdate().GetStatus()
			if key := string(s.GetUuid()); !w.seen[key] {
				w.seen[key] = true
				id := s.GetTaskId().GetValue()
				require.False(w.rt, transitions.Terminal(w.last[id]), "%s after the end", line(s))
				w.last[id] = s.GetState()
			}
			if ack && c == w.master.conn() {
				c.deliver(&messagespb.StatusUpdateAcknowledgementMessage{
					SlaveId: u.GetUpdate().GetSlaveId(), FrameworkId: u.GetUpdate().GetFrameworkId(),
					TaskId: s.GetTaskId(), Uuid: u.GetUpdate().GetUuid(),
				})
			}
		}
		c.got = nil
	}
}

// Whatever happens, every task that the agent accepted is heard of until its end, once; nothing is
// heard of it after; and in the end nothing is left of it, in memory or on disk.
func TestWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{rt: rt, store: &memory.Store{}, peers: map[string]*peer{}, last: map[string]mesosproto.TaskState{}, seen: map[string]bool{}}
		w.rig = registered(t, quietMaster, func(cfg *Config) { cfg.Checkpoint = w.store })
		executor := func() string { return rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "executor") }
		task := func() string {
			if len(w.tasks) == 0 {
				return "none"
			}
			return rapid.SampledFrom(w.tasks).Draw(rt, "task")
		}
		next := func() string {
			w.n++
			id := fmt.Sprint("t", w.n)
			w.tasks = append(w.tasks, id)
			return id
		}
		alive := func() (list []*container) {
			for _, k := range w.box.order {
				if k.ended == nil && k.up {
					list = append(list, k)
				}
			}
			return list
		}
		rt.Repeat(map[string]func(*rapid.T){
			"command": func(*rapid.T) { w.master.conn().deliver(checkpointed(w.runTask(commandTask(next()), true))) },
			"docker":  func(*rapid.T) { w.master.conn().deliver(checkpointed(w.runTask(dockerTask(next()), true))) },
			"executor task": func(rt *rapid.T) {
				w.master.conn().deliver(checkpointed(w.runTask(executorTask(next(), executor()), rapid.Bool().Draw(rt, "launch"))))
			},
			"group": func(rt *rapid.T) {
				group := []*mesosproto.TaskInfo{executorTask(next(), "x"), executorTask(next(), "x")}
				info := frameworkInfo("f")
				info.Checkpoint = proto.Bool(true)
				w.master.conn().deliver(&messagespb.RunTaskGroupMessage{Framework: info, Executor: group[0].Executor, TaskGroup: &mesosproto.TaskGroupInfo{Tasks: group}})
			},
			"kill":      func(*rapid.T) { w.kill(task(), time.Second) },
			"subscribe": func(*rapid.T) { id := executor(); w.peers[id] = w.subscribe(id, nil) },
			"leave": func(*rapid.T) {
				if p := w.peers[executor()]; p != nil {
					w.agent.Executors().Ended(p)
				}
			},
			"update": func(rt *rapid.T) {
				p := w.peers[executor()]
				if p == nil {
					return
				}
				w.n++
				s := status16(task(), rapid.SampledFrom([]mesosproto.TaskState{
					mesosproto.TaskState_TASK_RUNNING, mesosproto.TaskState_TASK_RUNNING, mesosproto.TaskState_TASK_FINISHED,
				}).Draw(rt, "state"), byte(w.n))
				s.Uuid[0], s.Uuid[1] = 0xff, byte(w.n>>8)
				c := w.agent.core
				if fw := c.frameworks["f"]; fw != nil && fw.executors[p.id] != nil && fw.executors[p.id].task(s.GetTaskId().GetValue()) != nil {
					c.updateFrom(fw.executors[p.id], s, func(error) {})
				}
			},
			"end": func(rt *rapid.T) {
				if list := alive(); len(list) > 0 {
					w.box.end(rapid.SampledFrom(list).Draw(rt, "container"), exited(rapid.IntRange(0, 3).Draw(rt, "status")))
				}
			},
			"shutdown executor": func(*rapid.T) {
				w.master.conn().deliver(&messagespb.ShutdownExecutorMessage{FrameworkId: fid("f"), ExecutorId: eid(executor())})
			},
			"break":       func(*rapid.T) { w.master.conn().breaks() },
			"acknowledge": func(*rapid.T) { w.settle(true) },
			"crash":       func(*rapid.T) { w.settle(false); w.peers = map[string]*peer{}; w.crash() },
			"time":        func(rt *rapid.T) { w.run(time.Duration(rapid.IntRange(0, 20000).Draw(rt, "ms")) * time.Millisecond) },
			"": func(*rapid.T) {
				w.run(time.Duration(rapid.IntRange(0, 3).Draw(rt, "moment")) * time.Millisecond)
				w.settle(false)
			},
		})
		// All is well from now on: containers end, executors too, the master acknowledges everything.
		for range 60 {
			for _, k := range alive() {
				w.box.end(k, signalled(syscall.SIGKILL))
			}
			w.run(2 * time.Second)
			w.settle(true)
		}
		require.Equal(rt, "RUNNING", w.agent.Snapshot().State)
		require.Empty(rt, w.agent.Snapshot().Frameworks, "nothing left in memory")
		require.Empty(rt, w.agent.core.streams.byTask)
		require.Equal(t, []string{"agent"}, keys(t, w.store), "nothing left on disk")
		for id, state := range w.last {
			require.True(rt, transitions.Terminal(state), "%s is %s", id, state)
		}
		for _, k := range w.box.order {
			require.True(rt, k.ended != nil || !slices.Contains(alive(), k))
		}
	})
}

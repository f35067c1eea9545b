package schedulertest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// talk is an executor, its agent and its framework, played by a test.
type talk struct {
	k    *checker
	p    *process
	task *mesosproto.TaskID
	fw   *mesosproto.FrameworkID
}

func newTalk(t *testing.T) talk {
	fw := &mesosproto.FrameworkID{Value: proto.String("f")}
	return talk{
		watch(t), &process{container: &container{spec: &containerizer.Spec{FrameworkID: "f"}, running: true}},
		&mesosproto.TaskID{Value: proto.String("t")}, fw,
	}
}

func (x talk) status(uuid string, state mesosproto.TaskState) *mesosproto.TaskStatus {
	return &mesosproto.TaskStatus{TaskId: x.task, Uuid: []byte(uuid), State: state.Enum(), Source: mesosproto.TaskStatus_SOURCE_EXECUTOR.Enum()}
}

// says lets the executor report.
func (x talk) says(uuid string, state mesosproto.TaskState) {
	x.k.reported(x.p, &executorpb.Call{
		Type: executorpb.Call_UPDATE.Enum(), FrameworkId: x.fw, Update: &executorpb.Call_Update{Status: x.status(uuid, state)},
	})
}

// stores lets the agent acknowledge.
func (x talk) stores(uuid string) {
	x.k.promised(x.p, &executorpb.Event{
		Type:         executorpb.Event_ACKNOWLEDGED.Enum(),
		Acknowledged: &executorpb.Event_Acknowledged{TaskId: x.task, Uuid: []byte(uuid)},
	})
}

// passes lets the agent send, and the framework see and acknowledge.
func (x talk) passes(uuid string, state mesosproto.TaskState) {
	x.k.fromAgent(&messagespb.StatusUpdateMessage{Update: &messagespb.StatusUpdate{FrameworkId: x.fw, Uuid: []byte(uuid), Status: x.status(uuid, state)}})
	x.k.saw(x.fw, true, x.status(uuid, state))
	x.k.toAgent(&messagespb.StatusUpdateAcknowledgementMessage{FrameworkId: x.fw, TaskId: x.task, Uuid: []byte(uuid)})
}

func TestWhatBecomesOfAnExecutorsUpdatesIsChecked(t *testing.T) {
	const (
		running  = mesosproto.TaskState_TASK_RUNNING
		finished = mesosproto.TaskState_TASK_FINISHED
		failed   = mesosproto.TaskState_TASK_FAILED
	)
	for name, c := range map[string]struct {
		want string
		do   func(x talk, l *taskLife)
	}{
		"as it should be": {"", func(x talk, _ *taskLife) {
			x.says("1", running)
			x.stores("1")
			x.passes("1", running)
			x.says("2", finished)
			x.stores("2")
			x.passes("2", finished)
		}},
		"stored and lost": {InvariantDurable, func(x talk, _ *taskLife) {
			x.says("1", running)
			x.stores("1")
			x.says("2", finished)
			x.stores("2")
			x.passes("2", finished)
		}},
		"not stored": {"", func(x talk, _ *taskLife) { x.says("1", running) }},
		"lost with the machine": {"", func(x talk, l *taskLife) {
			x.says("1", running)
			x.stores("1")
			x.k.rebooted("")
		}},
		"an end lost with the machine": {InvariantDurable, func(x talk, l *taskLife) {
			x.says("1", finished)
			x.stores("1")
			x.k.rebooted("")
		}},
		"after the end, which the agent told": {"", func(x talk, _ *taskLife) {
			x.says("1", running)
			x.stores("1")
			end := x.status("a", failed)
			end.Source = mesosproto.TaskStatus_SOURCE_AGENT.Enum()
			x.k.saw(x.fw, true, end)
		}},
		"in another order": {InvariantOrder, func(x talk, _ *taskLife) {
			x.says("1", mesosproto.TaskState_TASK_STARTING)
			x.says("2", running)
			x.passes("2", running)
			x.passes("1", running)
		}},
	} {
		x := newTalk(t)
		l := x.k.updates.of("f", "t")
		c.do(x, l)
		x.k.kept(l)
		if c.want == "" {
			require.Empty(t, x.k.found, name)
		} else {
			require.Equal(t, []string{c.want}, names(x.k), name)
		}
	}
}

func TestATaskRunsAsLongAsItsExecutorLivesAndSaysSo(t *testing.T) {
	x := newTalk(t)
	l := x.k.updates.of("f", "t")
	require.False(t, l.runs())
	x.says("1", mesosproto.TaskState_TASK_RUNNING)
	require.True(t, l.runs())
	x.p.container.running = false
	require.False(t, l.runs())
	x.p.container.running = true
	x.says("2", mesosproto.TaskState_TASK_FINISHED)
	require.False(t, l.runs())
}

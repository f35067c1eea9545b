package agent_test

import (
	"os"
	"os/user"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/agent/checkpoint/file"
	"github.com/mesokit/mesokit/agent/containerizer/posix"
	"github.com/mesokit/mesokit/agent/fetcher"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

func TestMain(m *testing.M) {
	agent.RunHelper()
	os.Exit(m.Run())
}

// master is one that registers whoever asks and hands updates to the test.
type master struct {
	updates    chan *messagespb.StatusUpdate
	registered chan *conn
}

type conn struct {
	*master
	handler link.Handler
}

func (m *master) Dial(_ *mesosproto.MasterInfo, h link.Handler) link.Conn {
	return &conn{m, h}
}

func (c *conn) Send(m proto.Message) {
	switch m := m.(type) {
	case *messagespb.RegisterSlaveMessage:
		c.tell(&messagespb.SlaveRegisteredMessage{SlaveId: &mesosproto.AgentID{Value: proto.String("S0")}})
	case *messagespb.ReregisterSlaveMessage:
		c.tell(&messagespb.SlaveReregisteredMessage{SlaveId: m.GetSlave().GetId()})
	case *messagespb.UpdateSlaveMessage:
		c.registered <- c
	case *messagespb.StatusUpdateMessage:
		c.updates <- m.GetUpdate()
		u := m.GetUpdate()
		c.tell(&messagespb.StatusUpdateAcknowledgementMessage{SlaveId: u.GetSlaveId(), FrameworkId: u.GetFrameworkId(), TaskId: u.GetStatus().GetTaskId(), Uuid: u.GetUuid()})
	}
}

func (c *conn) tell(m proto.Message) { c.handler.Message(c, m, func() {}) }
func (c *conn) Close()               {}
func (c *conn) Peer() string         { return "master@127.0.0.1:5050" }

// node starts an agent with real processes and a real disk below dir.
func node(t testing.TB, dir string) (stop func(), m *master, c *conn) {
	t.Helper()
	rs, err := resources.Parse("cpus:2;mem:1024")
	require.NoError(t, err)
	processes, err := posix.New(posix.Config{RuntimeDir: filepath.Join(dir, "run"), WorkDir: dir, KeeperIdleTime: time.Second})
	require.NoError(t, err)
	store, err := file.Open(filepath.Join(dir, "meta"))
	require.NoError(t, err)
	m = &master{updates: make(chan *messagespb.StatusUpdate, 10000), registered: make(chan *conn, 10)}
	a, err := agent.New(agent.Config{
		Info:                &mesosproto.AgentInfo{Resources: rs.Proto()},
		WorkDir:             dir,
		Containerizer:       processes,
		Detector:            agent.StaticDetector("127.0.0.1:5050"),
		Dialer:              m,
		Checkpoint:          store,
		Fetcher:             &fetcher.Fetcher{},
		RegistrationBackoff: time.Millisecond,
	})
	require.NoError(t, err)
	stop = func() {
		a.Stop()
		store.Close()
		processes.Close()
	}
	t.Cleanup(stop)
	a.Start()
	return stop, m, <-m.registered
}

func task(t testing.TB, id, command string) *messagespb.RunTaskMessage {
	me, err := user.Current()
	require.NoError(t, err)
	rs, err := resources.Parse("cpus:0.1;mem:32")
	require.NoError(t, err)
	return &messagespb.RunTaskMessage{
		Framework: &mesosproto.FrameworkInfo{User: proto.String(me.Username), Name: proto.String("f"), Id: &mesosproto.FrameworkID{Value: proto.String("f")}, Checkpoint: proto.Bool(true)},
		Task: &mesosproto.TaskInfo{
			Name: proto.String(id), TaskId: &mesosproto.TaskID{Value: proto.String(id)}, AgentId: &mesosproto.AgentID{Value: proto.String("S0")},
			Resources: rs.Allocate("*").Proto(), Command: &mesosproto.CommandInfo{Value: proto.String(command)},
		},
		LaunchExecutor: proto.Bool(true),
	}
}

func (m *master) expect(t *testing.T, state mesosproto.TaskState) *mesosproto.TaskStatus {
	t.Helper()
	u := <-m.updates
	require.Equal(t, state, u.GetStatus().GetState(), u.GetStatus().GetMessage())
	return u.GetStatus()
}

func TestRealProcess(t *testing.T) {
	dir := t.TempDir()
	_, m, c := node(t, dir)
	given := filepath.Join(dir, "given")
	require.NoError(t, os.WriteFile(given, []byte("#!/bin/sh\necho hi $MESOS_EXECUTOR_ID\nexit 3\n"), 0o644))
	run := task(t, "t", "./given")
	run.Task.Command.Uris = []*mesosproto.CommandInfo_URI{{Value: proto.String(given), Executable: proto.Bool(true)}}
	c.tell(run)
	require.NotZero(t, m.expect(t, mesosproto.TaskState_TASK_STARTING).GetContainerStatus().GetExecutorPid())
	m.expect(t, mesosproto.TaskState_TASK_RUNNING)
	require.Equal(t, "Command exited with status 3", m.expect(t, mesosproto.TaskState_TASK_FAILED).GetMessage())
	out, err := os.ReadFile(filepath.Join(dir, "slaves/S0/frameworks/f/executors/t/runs/latest/stdout"))
	require.NoError(t, err)
	require.Equal(t, "hi t\n", string(out))
}

// kill -9 of the agent loses no task, no exit status and no update.
func TestRealProcessOutlivesItsAgent(t *testing.T) {
	dir := t.TempDir()
	stop, m, c := node(t, dir)
	fifo := filepath.Join(dir, "go")
	c.tell(task(t, "t", "while ! test -e "+fifo+"; do sleep 0.05; done; exit 7"))
	m.expect(t, mesosproto.TaskState_TASK_STARTING)
	m.expect(t, mesosproto.TaskState_TASK_RUNNING)
	stop()
	_, m, c = node(t, dir)
	require.NotNil(t, c)
	require.NoError(t, os.WriteFile(fifo, nil, 0o644))
	last := (<-m.updates).GetStatus()
	for last.GetState() == mesosproto.TaskState_TASK_RUNNING { // its acknowledgement was lost with the agent
		last = (<-m.updates).GetStatus()
	}
	require.Equal(t, "Command exited with status 7", last.GetMessage())
}

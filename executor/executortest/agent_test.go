package executortest_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/executor/executortest"
	"github.com/mesokit/mesokit/executor/httpv1"
	"github.com/mesokit/mesokit/mesosproto"
)

// sleeper runs tasks that last a minute.
type sleeper struct {
	executor.Base
	awake map[string]func() bool
	said  chan string
}

func newSleeper() *sleeper {
	return &sleeper{awake: map[string]func() bool{}, said: make(chan string, 100)}
}

func (s *sleeper) LaunchTask(d *executor.Driver, task *mesosproto.TaskInfo) {
	id := task.GetTaskId()
	d.Running(id)
	s.awake[id.GetValue()] = d.AfterFunc(time.Minute, func() { d.Finished(id) })
}

func (s *sleeper) LaunchTaskGroup(d *executor.Driver, group *mesosproto.TaskGroupInfo) {
	for _, t := range group.GetTasks() {
		s.LaunchTask(d, t)
	}
}

func (s *sleeper) KillTask(d *executor.Driver, id *mesosproto.TaskID, policy *mesosproto.KillPolicy) {
	if stop := s.awake[id.GetValue()]; stop != nil && stop() {
		st := executor.Status(id, mesosproto.TaskState_TASK_KILLED, "")
		if policy != nil {
			st.Message = proto.String(fmt.Sprint(time.Duration(policy.GetGracePeriod().GetNanoseconds())))
		}
		d.SendStatusUpdate(st)
	}
}

func (s *sleeper) FrameworkMessage(d *executor.Driver, data []byte) {
	d.SendFrameworkMessage(append([]byte("re: "), data...))
}

func (s *sleeper) Registered(_ *executor.Driver, e *mesosproto.ExecutorInfo, f *mesosproto.FrameworkInfo, a *mesosproto.AgentInfo) {
	s.said <- e.GetName() + " of " + f.GetName() + " on " + a.GetHostname()
}
func (s *sleeper) Disconnected(*executor.Driver)                        { s.said <- "Disconnected" }
func (s *sleeper) Reregistered(*executor.Driver, *mesosproto.AgentInfo) { s.said <- "Reregistered" }

// story is the same over every transport. start starts the driver.
func story(t *testing.T, a *executortest.Agent, s *sleeper, start func() *executor.Driver) {
	a.Executor.Name = proto.String("sleeper")
	a.Launch(executortest.Task("early"))
	d := start()
	require.Empty(t, a.Subscription().GetUnacknowledgedTasks())
	require.Equal(t, "sleeper of test on localhost", <-s.said)
	a.ExpectUpdates("early TASK_RUNNING")
	a.LaunchGroup(executortest.Task("g1"), executortest.Task("g2"))
	a.ExpectUpdates("g1 TASK_RUNNING", "g2 TASK_RUNNING")
	a.Kill("g1", -1)
	a.Kill("g2", 3*time.Second)
	a.Kill("g2", 0) // too late
	require.Empty(t, a.Update().GetMessage())
	require.Equal(t, "3s", a.Update().GetMessage())
	a.SendMessage("hello")
	require.Equal(t, "re: hello", a.Message())
	require.Equal(t, "container", d.ContainerID().GetValue())

	a.HoldAcknowledgements(true)
	a.Launch(executortest.Task("t"))
	a.ExpectUpdates("t TASK_RUNNING")
	a.Refuse(status.Error(codes.Unavailable, "Agent has not finished recovery"))
	a.Disconnect()
	require.Equal(t, "Disconnected", <-s.said)
	a.Kill("t", -1) // waits for the executor
	a.HoldAcknowledgements(false)
	a.Refuse(nil)
	again := a.Subscription()
	require.Equal(t, "t", again.GetUnacknowledgedTasks()[0].GetTaskId().GetValue())
	require.Equal(t, mesosproto.TaskState_TASK_RUNNING, again.GetUnacknowledgedUpdates()[0].GetStatus().GetState())
	require.Equal(t, "Reregistered", <-s.said)
	a.ExpectUpdates("t TASK_KILLED")

	a.Shutdown()
	require.NoError(t, d.Join())
}

func TestStoryInProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, s := executortest.New(t), newSleeper()
		story(t, a, s, func() *executor.Driver { return a.Start(s) })
	})
}

func TestStoryOverHTTP(t *testing.T) {
	for _, inJSON := range []bool{false, true} {
		a, s := executortest.New(t), newSleeper()
		story(t, a, s, func() *executor.Driver {
			cfg, err := executor.Config{Executor: s, Dialer: httpv1.Dialer{JSON: inJSON}}.FromVariables(executortest.Lookup(a.Serve()))
			require.NoError(t, err)
			d, err := executor.New(cfg)
			require.NoError(t, err)
			require.NoError(t, d.Start())
			return d
		})
	}
}

func TestTimersCostNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := executortest.New(t)
		a.Start(newSleeper())
		begin := time.Now()
		a.Launch(executortest.Task("t1"))
		a.ExpectUpdates("t1 TASK_RUNNING")
		time.Sleep(executortest.Patience - 1)
		require.Equal(t, executortest.Patience-1, time.Since(begin))
	})
}

func TestAgentRefusesStrangers(t *testing.T) {
	for _, c := range []struct {
		change func(*executor.Config)
		says   string
	}{
		{func(c *executor.Config) { c.FrameworkID = &mesosproto.FrameworkID{Value: proto.String("x")} }, "Framework cannot be found"},
		{func(c *executor.Config) { c.ExecutorID = &mesosproto.ExecutorID{Value: proto.String("x")} }, "Executor cannot be found"},
	} {
		d := executortest.New(t).Start(newSleeper(), c.change)
		err := d.Join()
		require.Equal(t, codes.NotFound, status.Code(err))
		require.Equal(t, c.says, status.Convert(err).Message())
	}
}

func TestWithoutCheckpoint(t *testing.T) {
	a, s := executortest.New(t), newSleeper()
	a.Framework.Checkpoint = proto.Bool(false)
	require.Equal(t, "0", a.Serve()["MESOS_CHECKPOINT"])
	d := a.Start(s)
	a.Subscription()
	a.Disconnect()
	require.NoError(t, d.Join(), "Shutdown is Stop")
}

// failing notes why a test would have ended.
type failing struct {
	*testing.T
	why string
}

func (f *failing) Fatalf(format string, args ...any) {
	f.why = fmt.Sprintf(format, args...)
	panic(f)
}

func TestWhatEndsATest(t *testing.T) {
	for want, script := range map[string]func(a *executortest.Agent){
		"executortest: no subscription of the executor within 30s": func(a *executortest.Agent) { a.Subscription() },
		"executortest: no update of the executor within 30s":       func(a *executortest.Agent) { a.ExpectUpdates("t TASK_RUNNING") },
		"executortest: no message of the executor within 30s":      func(a *executortest.Agent) { a.Message() },
		`executortest: update 2 of 2 is "t TASK_KILLED" (message "0s"); expecting "t TASK_FAILED"`: func(a *executortest.Agent) {
			a.Start(newSleeper())
			a.Launch(executortest.Task("t"))
			a.Kill("t", 0)
			a.ExpectUpdates("t TASK_RUNNING", "t TASK_FAILED")
		},
		"executortest: rpc error: code = InvalidArgument desc = Config.Executor is not set; it gets the callbacks": func(a *executortest.Agent) {
			a.Start(nil)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &failing{T: t}
			require.PanicsWithValue(t, f, func() { script(executortest.New(f)) }, want)
			require.Equal(t, want, f.why)
		})
	}
}

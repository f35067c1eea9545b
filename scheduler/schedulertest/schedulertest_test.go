package schedulertest_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

const (
	staging     = mesosproto.TaskState_TASK_STAGING
	starting    = mesosproto.TaskState_TASK_STARTING
	running     = mesosproto.TaskState_TASK_RUNNING
	finished    = mesosproto.TaskState_TASK_FINISHED
	failed      = mesosproto.TaskState_TASK_FAILED
	killed      = mesosproto.TaskState_TASK_KILLED
	lost        = mesosproto.TaskState_TASK_LOST
	unreachable = mesosproto.TaskState_TASK_UNREACHABLE
	unknown     = mesosproto.TaskState_TASK_UNKNOWN
)

// launcher runs one task a command, each as soon as an offer has room for it.
type launcher struct {
	scheduler.Base
	commands []string // task-0, task-1, ...
	next     int
	ids      []string // that the framework was registered with
	errs     []error
}

func (l *launcher) Registered(_ *scheduler.Driver, id *mesosproto.FrameworkID, _ *mesosproto.MasterInfo) {
	l.ids = append(l.ids, id.GetValue())
}

func (l *launcher) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, o := range offers {
		room := scheduler.RoomIn(o)
		var tasks []*mesosproto.TaskInfo
		for l.next < len(l.commands) {
			t := scheduler.CommandTask(fmt.Sprintf("task-%d", l.next), l.commands[l.next], resources.MustParse("cpus:1;mem:64"))
			if !room.Put(t) {
				break
			}
			tasks = append(tasks, t)
			l.next++
		}
		d.LaunchTasks(room.Offers(), tasks)
	}
}

func (l *launcher) StatusUpdate(*scheduler.Driver, *mesosproto.TaskStatus) {}

func (l *launcher) Error(_ *scheduler.Driver, err error) { l.errs = append(l.errs, err) }

func info(capabilities ...mesosproto.FrameworkInfo_Capability_Type) *mesosproto.FrameworkInfo {
	return &mesosproto.FrameworkInfo{
		User: proto.String("nobody"), Name: proto.String("test"), Checkpoint: proto.Bool(true), FailoverTimeout: proto.Float64(3600),
		Capabilities: scheduler.Capabilities(capabilities...),
	}
}

const partitionAware = mesosproto.FrameworkInfo_Capability_PARTITION_AWARE

func TestThePathOfOneTask(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{})
	l := &launcher{commands: []string{"sleep 10", "exit 3", "sleep 1; exit 0"}}
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: l})
	f.WaitForState("task-0", finished)
	require.Equal(t, []mesosproto.TaskState{starting, running, finished}, f.States("task-0"))
	require.Equal(t, []mesosproto.TaskState{starting, running, failed}, f.States("task-1"))
	require.Equal(t, []mesosproto.TaskState{starting, running, finished}, f.States("task-2"))
	c.Advance(time.Second)
	s := c.Master()
	require.Equal(t, 1, s.Frameworks.Len())
	for fw := range s.Frameworks.All() {
		require.Zero(t, fw.Tasks.Len(), "all acknowledged")
		require.Len(t, fw.Done, 3)
		require.True(t, fw.Used.IsEmpty())
	}
	require.Empty(t, l.errs)
}

func TestEveryTaskRunsAlthoughTheyDoNotFitAtOnce(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{Agents: 3})
	l := &launcher{}
	for range 100 {
		l.commands = append(l.commands, "sleep 5")
	}
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: l})
	c.RunUntil(10*time.Minute, "all tasks to finish", func() bool {
		n := 0
		for i := range l.commands {
			if s, ok := f.State(fmt.Sprintf("task-%d", i)); ok && s == finished {
				n++
			}
		}
		return n == len(l.commands)
	})
}

func TestAKilledTaskThatIgnoresSIGTERMDiesAfterItsGracePeriod(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{})
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: &launcher{commands: []string{"server"}}})
	f.WaitForState("task-0", running)
	require.NoError(t, f.Driver().Kill(&mesosproto.TaskID{Value: proto.String("task-0")}))
	f.WaitForState("task-0", killed)
}

func TestABrokenLinkOfAnAgentLosesNoTaskAndNoUpdate(t *testing.T) {
	for _, notice := range []schedulertest.Notice{{}, {Client: 20 * time.Second}, {Server: 20 * time.Second}, {Client: schedulertest.Never}, {Server: schedulertest.Never}} {
		c := schedulertest.New(t, schedulertest.Config{})
		f := c.Run(scheduler.Config{Framework: info(), Scheduler: &launcher{commands: []string{"sleep 10", "server"}}})
		f.WaitForState("task-0", running)
		f.WaitForState("task-1", running)
		c.Agent(0).BreakLink(notice)
		f.WaitForState("task-0", finished)
		require.Equal(t, []mesosproto.TaskState{starting, running, finished}, f.States("task-0"), "%+v", notice)
		c.Advance(15 * time.Minute)
		require.Equal(t, []mesosproto.TaskState{starting, running}, f.States("task-1"), "%+v", notice)
		require.Equal(t, 1, c.Master().Agents.Len())
	}
}

func TestABrokenLinkOfAFrameworkIsHealedByTheDriver(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{})
	l := &launcher{commands: []string{"sleep 10"}}
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: l})
	f.WaitForState("task-0", running)
	f.BreakLink(schedulertest.Notice{})
	f.WaitForState("task-0", finished)
	require.Len(t, l.ids, 1, "it came back as the same framework")
	require.Empty(t, l.errs)
}

func TestADeadAgentsTasksAreLost(t *testing.T) {
	for _, c := range []struct {
		capabilities []mesosproto.FrameworkInfo_Capability_Type
		want         mesosproto.TaskState
	}{{nil, lost}, {[]mesosproto.FrameworkInfo_Capability_Type{partitionAware}, unreachable}} {
		cluster := schedulertest.New(t, schedulertest.Config{})
		f := cluster.Run(scheduler.Config{Framework: info(c.capabilities...), Scheduler: &launcher{commands: []string{"server"}}})
		f.WaitForState("task-0", running)
		cluster.Agent(0).Destroy()
		begin := cluster.Now()
		f.WaitForState("task-0", c.want)
		took := cluster.Now().Sub(begin)
		require.Greater(t, took, 60*time.Second, "five pings of 15 s")
		require.Less(t, took, 91*time.Second)
		u := f.Updates["task-0"]
		require.Equal(t, mesosproto.TaskStatus_REASON_AGENT_REMOVED, u[len(u)-1].GetReason())
	}
}

func TestAnIsolatedAgentComesBackWithItsTasks(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{})
	f := c.Run(scheduler.Config{Framework: info(partitionAware), Scheduler: &launcher{commands: []string{"server"}}})
	f.WaitForState("task-0", running)
	c.Agent(0).Isolate()
	f.WaitForState("task-0", unreachable)
	c.Agent(0).Heal()
	f.WaitForState("task-0", running)
	u := f.Updates["task-0"]
	require.Equal(t, mesosproto.TaskStatus_REASON_AGENT_REREGISTERED, u[len(u)-1].GetReason())
}

func TestTasksOutliveTheirAgentsProcess(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{})
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: &launcher{commands: []string{"sleep 30", "server"}}})
	f.WaitForState("task-0", running)
	f.WaitForState("task-1", running)
	id := c.Agent(0).ID()
	c.Agent(0).Crash()
	c.Advance(time.Minute) // task-0 ends while nobody looks
	c.Agent(0).Restart()
	f.WaitForState("task-0", finished)
	require.Equal(t, id, c.Agent(0).ID())
	require.Equal(t, []mesosproto.TaskState{starting, running, finished}, f.States("task-0"))
	c.Advance(20 * time.Minute)
	require.Equal(t, []mesosproto.TaskState{starting, running}, f.States("task-1"))
}

func TestANewMasterLearnsFromAgentsAndFrameworks(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{Agents: 2})
	l := &launcher{commands: []string{"sleep 60", "server"}}
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: l})
	f.WaitForState("task-0", running)
	f.WaitForState("task-1", running)
	c.CrashMaster()
	c.Advance(5 * time.Second)
	c.RestartMaster()
	f.WaitForState("task-0", finished)
	require.Len(t, l.ids, 1)
	c.Advance(20 * time.Minute)
	require.Equal(t, []mesosproto.TaskState{starting, running}, f.States("task-1"))
	require.Equal(t, 2, c.Master().Agents.Len())
	require.Empty(t, l.errs)
}

// scenario is a run with a little of everything; it returns the hash of its trace.
func scenario(t *testing.T, seed uint64) string {
	c := schedulertest.New(t, schedulertest.Config{Seed: seed, Agents: 3})
	l := &launcher{}
	for range 20 {
		l.commands = append(l.commands, "sleep 20")
	}
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: l})
	c.Advance(5 * time.Second)
	c.Agent(1).Crash()
	c.Advance(5 * time.Second)
	c.Agent(1).Restart()
	c.Agent(2).BreakLink(schedulertest.Notice{Server: time.Second})
	f.BreakLink(schedulertest.Notice{})
	c.CrashMaster()
	c.RestartMaster()
	c.Advance(5 * time.Minute)
	return c.Hash()
}

func TestSameSeedSameRunAtAnyGOMAXPROCS(t *testing.T) {
	first := scenario(t, 7)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	require.Equal(t, first, scenario(t, 7))
	require.NotEqual(t, first, scenario(t, 8))
}

// Its address and connection are all that an agent that lost its disk has in common with what it was; the
// tasks of before are not its own, even if nobody has noticed that they ended.
func TestAnAgentThatLosesItsDiskUnnoticedIsAnotherAgent(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{})
	f := c.Run(scheduler.Config{Framework: info(partitionAware), Scheduler: &launcher{commands: []string{"server"}}})
	f.WaitForState("task-0", running)
	before := c.Agent(0).ID()
	c.Agent(0).BreakLink(schedulertest.Notice{Client: schedulertest.Never, Server: schedulertest.Never})
	inject(schedulertest.ResetAgent, 5*time.Second)(c)
	f.WaitForState("task-0", lost)
	require.NotEqual(t, before, c.Agent(0).ID())
	c.Advance(20 * time.Minute)
	c.CheckSettled()
}

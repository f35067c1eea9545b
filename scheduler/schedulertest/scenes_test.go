package schedulertest_test

import (
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// saying is an executor that says of each task what its data lists, a second apart.
type saying struct{ schedulertest.ScriptedExecutor }

func (x *saying) LaunchTask(d *executor.Driver, t *mesosproto.TaskInfo) {
	for i, state := range strings.Fields(string(t.GetData())) {
		d.AfterFunc(time.Duration(i)*time.Second, func() {
			_ = d.SendStatusUpdate(executor.Status(t.GetTaskId(), mesosproto.TaskState(mesosproto.TaskState_value[state]), ""))
		})
	}
}

// scenes are what it takes to bring about all that chance seldom or never does.
var scenes = []scene{
	{name: "commands", plays: func(p *play) {
		ill := schedulertest.Behaviour{Run: -1, Check: func(*mesosproto.CommandInfo) int { return 1 }}
		p.acts["unhealthy"], p.acts["checked"] = ill, ill
		p.acts["stubborn"] = schedulertest.Behaviour{Run: -1, IgnoreTerm: true}
		p.acts["slow"] = schedulertest.Behaviour{Start: 30 * time.Second}
		p.acts["broken"] = schedulertest.Behaviour{Fail: errBroken}
		p.acts["docker broken"] = schedulertest.Behaviour{Fail: errBroken}
		p.acts["no image"] = schedulertest.Behaviour{NoImage: errBroken}
		p.acts["greedy"] = schedulertest.Behaviour{Run: time.Second, End: outOfMemory}
		check := scheduler.CommandCheck("check")
		check.GracePeriodSeconds, check.IntervalSeconds, check.DelaySeconds = proto.Float64(0), proto.Float64(1), proto.Float64(1)
		checked := command("checked", "server")
		checked.Check = &mesosproto.CheckInfo{Type: mesosproto.CheckInfo_COMMAND.Enum(), Command: &mesosproto.CheckInfo_Command{Command: &mesosproto.CommandInfo{Value: proto.String("check")}}}
		p.launch(
			command("well", "true"), command("bad", "exit 1"), command("killed", "server"), command("stubborn", "server"),
			command("slow", "server"), command("broken", "server"), command("greedy", "server"), checked,
			command("long", "server", scheduler.WithMaxRuntime(5*time.Second)),
			command("unhealthy", "server", scheduler.WithHealthCheck(check)),
			scheduler.DockerTask("docker broken", "image", small), scheduler.DockerTask("no image", "image", small),
		)
		p.RunUntil(time.Minute, "all to be launched", func() bool { return len(p.f.Launched) == 12 })
		p.kill("slow")
		p.f.WaitForState("killed", running)
		p.kill("killed")
		p.f.WaitForState("stubborn", running)
		p.kill("stubborn", scheduler.WithGrace(0))
		p.hears(finished, finished, "well")
		p.hears(failed, failed, "bad", "broken", "greedy", "long", "docker broken", "no image")
		require.Len(p.t, last(p.t, p.f, "greedy").GetLimitation().GetResources(), 1)
		p.hears(killed, killed, "killed", "stubborn", "slow", "unhealthy")
		p.RunUntil(time.Minute, "the check's result", func() bool {
			return last(p.t, p.f, "checked").GetReason() == mesosproto.TaskStatus_REASON_TASK_CHECK_STATUS_UPDATED
		})
	}},
	{name: "executors", plays: func(p *play) {
		stubborn := func() executor.Executor { return &schedulertest.ScriptedExecutor{IgnoreShutdown: true} }
		p.acts["silent"] = schedulertest.Behaviour{Silent: true, Executor: stubborn}
		p.acts["short"] = schedulertest.Behaviour{Run: time.Second, Executor: stubborn}
		p.acts["rigid"] = schedulertest.Behaviour{FailUpdate: errBroken, Executor: stubborn}
		p.acts["stubborn"] = schedulertest.Behaviour{Executor: stubborn}
		p.launch(underOne("unheard", custom("silent"), ""), underOne("left", custom("short"), ""), underOne("tight", custom("rigid"), ""), underOne("old", custom("stubborn"), ""))
		p.f.WaitForState("old", running)
		p.launch(command("stubborn", "server")) // as the executor is called
		p.hears(dropped, lost, "stubborn")
		require.NoError(p.t, p.f.Driver().ShutdownExecutor(&mesosproto.ExecutorID{Value: proto.String("stubborn")}, p.agentID()))
		p.launch(underOne("late", custom("stubborn"), ""))
		p.hears(dropped, lost, "late")
		p.hears(failed, failed, "unheard", "left", "old")
		p.hears(gone, lost, "tight")
	}},
	{name: "an executor that does not come back in time", plays: func(p *play) {
		p.launch(underOne("task", custom("x"), ""))
		p.f.WaitForState("task", running)
		p.Inject(schedulertest.Faults{{Kind: schedulertest.PauseExecutor, For: time.Minute}})
		p.Advance(time.Second)
		p.Agent(0).Crash()
		p.Agent(0).Restart()
		p.hears(gone, lost, "task")
	}},
	{name: "what executors say", plays: func(p *play) {
		p.acts["says"] = schedulertest.Behaviour{Executor: func() executor.Executor { return &saying{} }}
		states := []mesosproto.TaskState{staging, starting, running, beingKilled}
		for i, from := range states {
			for _, to := range slices.Concat(states[max(i, 1):], []mesosproto.TaskState{finished, failed, killed}) {
				words := to.String()
				if from != staging {
					words = from.String() + " " + words
				}
				p.launch(underOne(from.String()+"-"+to.String(), custom("says"), words))
			}
		}
		p.RunUntil(time.Minute, "all to be launched", func() bool { return len(p.s.parts) == 0 })
		p.Advance(time.Minute)
	}},
	{name: "refusals of the master", plays: func(p *play) {
		p.s.hoards = true
		p.RunUntil(time.Minute, "an offer", func() bool { return len(p.s.offers) > 0 })
		huge := func(id string) *mesosproto.TaskInfo {
			t := scheduler.CommandTask(id, "server", resources.MustParse("cpus:100;mem:16"))
			t.AgentId = p.agentID()
			return t
		}
		x := custom("x")
		x.FrameworkId = p.f.Driver().FrameworkID()
		p.accept(p.s.offers[0].GetId().GetValue(), scheduler.Launch(huge("huge")), scheduler.LaunchTogether(x, huge("huge group")))
		p.accept("none", scheduler.Launch(huge("nowhere")))
		p.hears(errored, errored, "huge", "huge group")
		p.hears(dropped, lost, "nowhere")
	}},
	// The first update that is not acknowledged is what the framework is told again, whatever happens.
	{name: "each state is told again", plays: func(p *play) {
		p.Inject(schedulertest.Faults{{Kind: schedulertest.BreakExecutorLink, Step: schedulertest.StepLaunch, Moment: schedulertest.MomentUnderWay}})
		p.s.keep["undelivered"], p.s.keep["tight"] = lost, lost
		if p.aware {
			p.s.keep["undelivered"], p.s.keep["tight"] = dropped, gone
		}
		p.launch(underOne("undelivered", custom("x"), ""))
		p.hears(dropped, lost, "undelivered")
		p.acts["rigid"] = schedulertest.Behaviour{FailUpdate: errBroken, Executor: func() executor.Executor { return &schedulertest.ScriptedExecutor{} }}
		p.s.keep["well"], p.s.keep["bad"], p.s.keep["killed"] = finished, failed, killed
		p.launch(command("well", "true"), command("bad", "exit 1"), command("killed", "server"), underOne("tight", custom("rigid"), ""))
		p.acts["killed later"] = schedulertest.Behaviour{Run: -1, IgnoreTerm: true}
		p.inEachState()
		p.launch(command("well later", "sleep 150"), command("bad later", "sleep 150; exit 1"), command("killed later", "server"))
		p.f.WaitForState("killed later", running)
		p.kill("killed later", scheduler.WithGrace(150*time.Second))
		p.kill("killed")
		p.f.WaitForState("killed", killed)
		p.f.WaitForState("killed later", beingKilled)
		p.asks()
		p.Agent(0).Isolate()
		p.hears(unreachable, lost, alive...)
		p.asks()
		p.Advance(2 * time.Minute)
		p.Agent(0).Heal()
		p.hears(finished, finished, "well later")
		p.hears(failed, failed, "bad later")
		p.hears(killed, killed, "killed later")
		require.NoError(p.t, p.f.Driver().Reconcile(&mesosproto.TaskStatus{TaskId: taskID("never heard of")}))
		p.asks()
	}},
	{name: "an agent that has forgotten its tasks", plays: func(p *play) {
		p.forget()
		p.Agent(0).Crash()
		p.Agent(0).Restart()
		p.hears(dropped, lost, alive...)
	}},
	{name: "an agent that has forgotten its tasks, and a master that never knew them", plays: func(p *play) {
		p.forget()
		p.Agent(0).Crash()
		p.CrashMaster()
		p.Agent(0).Restart()
		p.RestartMaster()
		p.registers()
		p.asks()
		p.hears(gone, lost, alive...)
	}},
	{name: "an agent that has forgotten its tasks when it was unreachable", plays: func(p *play) {
		p.forget()
		p.Agent(0).Crash()
		p.hears(unreachable, lost, alive...)
		p.Agent(0).Restart()
		p.registers()
		p.asks()
		p.hears(gone, lost, alive...)
	}},
	{name: "another agent in its place", plays: func(p *play) {
		p.inEachState()
		p.Agent(0).Crash()
		p.Agent(0).LoseDisk()
		p.Agent(0).Restart()
		p.hears(lost, lost, alive...)
	}},
	{name: "a framework that does not understand any more that agents are unreachable", plays: func(p *play) {
		p.launch(command("task", "server"))
		p.f.WaitForState("task", running)
		p.Agent(0).Isolate()
		p.hears(unreachable, lost, "task")
		p.f.Crash()
		p.aware = false
		p.f.Restart(true)
		p.Advance(5 * time.Second)
		p.asks()
		p.hears(lost, lost, "task")
	}},
	{name: "a launch that is lost and noticed late", plays: func(p *play) {
		p.Inject(schedulertest.Faults{{
			Kind: schedulertest.BreakExecutorLink, Step: schedulertest.StepLaunch, Moment: schedulertest.MomentUnderWay,
			Notice: schedulertest.Notice{Client: 3 * time.Minute},
		}})
		p.launch(underOne("task", custom("x"), ""))
		p.Advance(10 * time.Second)
		p.Agent(0).Isolate()
		p.hears(unreachable, lost, "task")
		p.Advance(2 * time.Minute)
		p.Agent(0).Heal()
		p.hears(dropped, lost, "task")
	}},
	// Each time that an agent registers again it has another idea of its resources. An agent that is far away
	// does so again before it is answered, and then gets tasks for what it was.
	{name: "a launch for what the agent was", plays: func(p *play) {
		p.s.hoards = true
		p.Inject(schedulertest.Faults{{Kind: schedulertest.DelayAgent, For: 5 * time.Minute, By: 4 * time.Second}})
		p.Agent(0).BreakLink(schedulertest.Notice{})
		p.Advance(time.Second)
		p.s.offers = nil
		p.RunUntil(time.Minute, "an offer", func() bool { return len(p.s.offers) > 0 })
		t := command("task", "server")
		t.AgentId = p.agentID()
		p.accept(p.s.offers[0].GetId().GetValue(), scheduler.Launch(t))
		p.hears(dropped, lost, "task")
	}},
	{
		name: "a framework that does not checkpoint",
		in:   func(in *mesosproto.FrameworkInfo) { in.Checkpoint = proto.Bool(false) },
		plays: func(p *play) {
			p.launch(command("task", "server"))
			p.f.WaitForState("task", running)
			p.Agent(0).BreakLink(schedulertest.Notice{})
			p.hears(lost, lost, "task")
		},
	},
	// A task is sent along with the operation that makes its volume.
	{
		name: "a volume that can't be made",
		cfg: schedulertest.Config{
			Resources: "cpus:4;mem:4096;disk(dev):1024",
			Agent:     func(cfg *agent.Config) { cfg.WorkDir = "/dev/null/work" },
		},
		in: func(in *mesosproto.FrameworkInfo) {
			in.Roles = []string{"dev"}
			in.Capabilities = append(in.Capabilities, scheduler.Capabilities(mesosproto.FrameworkInfo_Capability_MULTI_ROLE)...)
		},
		plays: func(p *play) {
			volume := resources.MustParse("disk(dev):64").Proto()
			volume[0].Disk = &mesosproto.Resource_DiskInfo{
				Persistence: &mesosproto.Resource_DiskInfo_Persistence{Id: proto.String("volume")},
				Volume:      &mesosproto.Volume{ContainerPath: proto.String("data"), Mode: mesosproto.Volume_RW.Enum()},
			}
			p.s.hoards = true
			p.RunUntil(time.Minute, "an offer", func() bool { return len(p.s.offers) == 1 })
			t := command("task", "server")
			t.AgentId, t.Resources = p.agentID(), append(t.Resources, volume...)
			p.accept(p.s.offers[0].GetId().GetValue(), scheduler.CreateVolumes(volume...), scheduler.Launch(t))
			p.hears(dropped, lost, "task")
			p.Advance(time.Minute) // from the master, and from the agent
		},
	},
}

package agent

import (
	"github.com/mesokit/mesokit/internal/evolve"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

func subscribedEvent(ex *executor, info *mesosproto.AgentInfo) *executorpb.Event {
	return &executorpb.Event{
		Type: executorpb.Event_SUBSCRIBED.Enum(),
		Subscribed: &executorpb.Event_Subscribed{
			ExecutorInfo:  ex.info,
			FrameworkInfo: ex.fw.info,
			AgentInfo:     evolve.WithCheckpoint(info, true),
			ContainerId:   ex.container,
		},
	}
}

func launchEvent(b *batch) *executorpb.Event {
	if !b.group {
		return &executorpb.Event{
			Type:   executorpb.Event_LAUNCH.Enum(),
			Launch: &executorpb.Event_Launch{Task: b.tasks[0].info},
		}
	}
	group := &mesosproto.TaskGroupInfo{}
	for _, t := range b.tasks {
		group.Tasks = append(group.Tasks, t.info)
	}
	return &executorpb.Event{
		Type:        executorpb.Event_LAUNCH_GROUP.Enum(),
		LaunchGroup: &executorpb.Event_LaunchGroup{TaskGroup: group},
	}
}

func killEvent(t *task, policy *mesosproto.KillPolicy) *executorpb.Event {
	return &executorpb.Event{
		Type: executorpb.Event_KILL.Enum(),
		Kill: &executorpb.Event_Kill{TaskId: t.info.GetTaskId(), KillPolicy: policy},
	}
}

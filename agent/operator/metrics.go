package operator

import (
	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

const (
	gauge   = operatorapi.Gauge
	counter = operatorapi.Counter
)

// The metrics: the reference's key, the Prometheus name, the help, the labels.
var (
	uptimeSecs     = family(gauge, "slave/uptime_secs", "mesos_agent_uptime_seconds", "Time since the agent started.")
	registered     = family(gauge, "slave/registered", "mesos_agent_registered", "1 if the agent is registered with a master, else 0.")
	recoveryErrors = family(counter, "slave/recovery_errors", "mesos_agent_recovery_errors_total", "Errors while recovering: always 0, the agent does not start then.")
	frameworks     = family(gauge, "slave/frameworks_active", "mesos_agent_frameworks", "Frameworks with something on this agent.")
	tasks          = family(gauge, "slave/tasks_{state}", "mesos_agent_tasks", "Tasks that have not ended, by state.", "state")
	tasksEnded     = family(counter, "slave/tasks_{state}", "mesos_agent_tasks_ended_total", "Tasks that ended, by state.", "state")
	executors      = family(gauge, "slave/executors_{state}", "mesos_agent_executors", "Executors by state.", "state")
	executorsEnded = family(counter, "slave/executors_{how}", "mesos_agent_executors_ended_total", "Executors that ended.", "how")
	checked        = family(counter, "slave/{validity}_{message}", "mesos_agent_checked_messages_total", "Messages received, valid and invalid ones.",
		"validity", "message")
	launchErrors  = family(counter, "slave/container_launch_errors", "mesos_agent_container_launch_errors_total", "Containers that could not be launched.")
	destroyErrors = family(counter, "containerizer/mesos/container_destroy_errors", "mesos_agent_container_destroy_errors_total",
		"Containers that could not be destroyed.")
	resourceTotal = family(gauge, "slave/{resource}_{kind}total", "mesos_agent_resources", "Resources of the agent; mem and disk in MB.", "resource", "kind")
	resourceUsed  = family(gauge, "slave/{resource}_{kind}used", "mesos_agent_resources_used", "Resources that tasks and executors use; mem and disk in MB.",
		"resource", "kind")
	resourceShare = family(gauge, "slave/{resource}_{kind}percent", "mesos_agent_resources_used_ratio", "Used resources, between 0 and 1.", "resource", "kind")
)

var family = operatorapi.NewFamily

// metrics emits what there is to measure of the latest snapshot.
//
// Mesos: src/slave/metrics.cpp.
func (h *Handler) metrics(emit operatorapi.Emit) {
	s := h.cfg.Snapshot()
	uptime := 0.0
	if !s.Started.IsZero() {
		uptime = h.cfg.Now().Sub(s.Started).Seconds()
	}
	emit(uptimeSecs, uptime)
	isRegistered := 0.0
	if s.State == "RUNNING" {
		isRegistered = 1
	}
	emit(registered, isRegistered)
	emit(recoveryErrors, 0)
	emit(frameworks, float64(len(s.Frameworks)))
	emitTasks(emit, s)
	n := &s.Counters
	emit(checked, float64(n.Updates), "valid", "status_updates")
	emit(checked, float64(n.InvalidUpdates), "invalid", "status_updates")
	emit(checked, float64(n.FrameworkMessages), "valid", "framework_messages")
	emit(checked, float64(n.InvalidMessages), "invalid", "framework_messages")
	emit(launchErrors, float64(n.ContainerLaunchErrors))
	emit(destroyErrors, float64(n.ContainerDestroyErrors))
	total, used := s.Total, allocatedOf(s)
	for _, name := range []string{"cpus", "gpus", "mem", "disk"} {
		emitPool(emit, name, "", total.NonRevocable(), used.NonRevocable())
		emitPool(emit, name, "revocable_", total.Revocable(), used.Revocable())
	}
	operatorapi.HostMetrics(emit)
}

func emitTasks(emit operatorapi.Emit, s *agent.Snapshot) {
	byState := make(map[mesosproto.TaskState]int)
	executorsByState := make(map[string]int)
	for _, f := range s.Frameworks {
		for e := range f.Executors.All() {
			executorsByState[e.State]++
			byState[mesosproto.TaskState_TASK_STAGING] += len(e.QueuedTasks)
			for _, t := range e.Tasks {
				byState[t.GetState()]++
			}
		}
	}
	emit(tasks, float64(byState[mesosproto.TaskState_TASK_STAGING]), "staging")
	emit(tasks, float64(byState[mesosproto.TaskState_TASK_STARTING]), "starting")
	emit(tasks, float64(byState[mesosproto.TaskState_TASK_RUNNING]), "running")
	emit(tasks, float64(byState[mesosproto.TaskState_TASK_KILLING]), "killing")
	n := &s.Counters
	emit(tasksEnded, float64(n.TasksFinished), "finished")
	emit(tasksEnded, float64(n.TasksFailed), "failed")
	emit(tasksEnded, float64(n.TasksKilled), "killed")
	emit(tasksEnded, float64(n.TasksLost), "lost")
	emit(tasksEnded, float64(n.TasksGone), "gone")
	emit(executors, float64(executorsByState["REGISTERING"]), "registering")
	emit(executors, float64(executorsByState["RUNNING"]), "running")
	emit(executors, float64(executorsByState["TERMINATING"]), "terminating")
	emit(executorsEnded, float64(n.ExecutorsTerminated), "terminated")
	emit(executorsEnded, 0, "preempted") // nothing is ever taken away for others
}

func emitPool(emit operatorapi.Emit, name, kind string, total, used resources.Resources) {
	all, taken, percent := total.Scalar(name), used.Scalar(name), 0.0
	if all > 0 {
		percent = float64(taken) / float64(all)
	}
	emit(resourceTotal, all.Float(), name, kind)
	emit(resourceUsed, taken.Float(), name, kind)
	emit(resourceShare, percent, name, kind)
}

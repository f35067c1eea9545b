package schedulertest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

const (
	byMaster   = mesosproto.TaskStatus_SOURCE_MASTER
	byAgent    = mesosproto.TaskStatus_SOURCE_AGENT
	byExecutor = mesosproto.TaskStatus_SOURCE_EXECUTOR

	noReason           = schedulertest.NoReason
	agentDisconnected  = mesosproto.TaskStatus_REASON_AGENT_DISCONNECTED
	agentRemoved       = mesosproto.TaskStatus_REASON_AGENT_REMOVED
	agentReregistered  = mesosproto.TaskStatus_REASON_AGENT_REREGISTERED
	agentRestarted     = mesosproto.TaskStatus_REASON_AGENT_RESTARTED
	executorTerminated = mesosproto.TaskStatus_REASON_EXECUTOR_TERMINATED
	invalidOffers      = mesosproto.TaskStatus_REASON_INVALID_OFFERS
	reconciliation     = mesosproto.TaskStatus_REASON_RECONCILIATION
	resourcesUnknown   = mesosproto.TaskStatus_REASON_RESOURCES_UNKNOWN
	taskInvalid        = mesosproto.TaskStatus_REASON_TASK_INVALID
	updateFailed       = mesosproto.TaskStatus_REASON_CONTAINER_UPDATE_FAILED
	notBackInTime      = mesosproto.TaskStatus_REASON_EXECUTOR_REREGISTRATION_TIMEOUT
	goneByOperator     = mesosproto.TaskState_TASK_GONE_BY_OPERATOR
)

// reachable is all that a framework can be told of a task, and how that comes about. What an executor says
// on its own account is up to it; listed is what the agent says in its place, and what follows from the
// calls of executors that do what is usual. "Else" is for frameworks that are not PARTITION_AWARE.
var reachable = map[schedulertest.Told]string{
	{starting, byExecutor, noReason}: "the agent has the container of a command task",
	{running, byExecutor, noReason}:  "it runs",
	{running, byExecutor, mesosproto.TaskStatus_REASON_TASK_HEALTH_CHECK_STATUS_UPDATED}: "a health check has another result",
	{running, byExecutor, mesosproto.TaskStatus_REASON_TASK_CHECK_STATUS_UPDATED}:        "a check has another result",
	{beingKilled, byExecutor, noReason}:                                                  "a kill, for a framework with TASK_KILLING_STATE",
	{finished, byExecutor, noReason}:                                                     "exit status 0",
	{failed, byExecutor, noReason}:                                                       "any other, or a Docker task's container that can't be started",
	{failed, byExecutor, mesosproto.TaskStatus_REASON_MAX_COMPLETION_TIME_REACHED}:       "max_completion_time is over",
	{killed, byExecutor, noReason}:                                                       "a kill, or a health check that fails too often",

	{killed, byAgent, mesosproto.TaskStatus_REASON_TASK_KILLED_DURING_LAUNCH}:     "a kill before the executor has it",
	{failed, byAgent, mesosproto.TaskStatus_REASON_CONTAINER_LAUNCH_FAILED}:       "no image, or the container can't be started",
	{failed, byAgent, mesosproto.TaskStatus_REASON_CONTAINER_LIMITATION_MEMORY}:   "the container took more memory than it has",
	{failed, byAgent, mesosproto.TaskStatus_REASON_EXECUTOR_REGISTRATION_TIMEOUT}: "the executor never subscribed",
	{failed, byAgent, executorTerminated}:                                         "the executor ended before the task, or the container with the machine",
	{gone, byAgent, updateFailed}:                                                 "the container can't get the task's resources",
	{lost, byAgent, updateFailed}:                                                 "else",
	{gone, byAgent, notBackInTime}:                                                "the executor did not subscribe again after a restart of the agent",
	{lost, byAgent, notBackInTime}:                                                "else",
	{dropped, byAgent, executorTerminated}:                                        "a launch under an executor that is about to end, or the kill of a task that the agent does not have",
	{lost, byAgent, executorTerminated}:                                           "else",
	{dropped, byAgent, taskInvalid}:                                               "a command task is called as an executor is, or the other way round",
	{lost, byAgent, taskInvalid}:                                                  "else",
	{dropped, byAgent, invalidOffers}:                                             "the master has sent the task to what the agent was before it registered again",
	{lost, byAgent, invalidOffers}:                                                "else",
	{dropped, byAgent, resourcesUnknown}:                                          "the task uses a volume that the agent could not make",
	{lost, byAgent, resourcesUnknown}:                                             "else",
	{dropped, byAgent, agentRestarted}:                                            "the task was lost on the way to the executor",
	{lost, byAgent, agentRestarted}:                                               "else",
	{dropped, byAgent, reconciliation}:                                            "the agent comes back without the task: it never got it, or forgot it",
	{lost, byAgent, reconciliation}:                                               "else",

	{errored, byMaster, taskInvalid}:                                     "the task is not as it must be",
	{errored, byMaster, mesosproto.TaskStatus_REASON_TASK_GROUP_INVALID}: "the group is not",
	{dropped, byMaster, invalidOffers}:                                   "the offer is over",
	{dropped, byMaster, resourcesUnknown}:                                "reservations or volumes got lost on the way to the agent, and the tasks with them that were to use them",
	{lost, byMaster, resourcesUnknown}:                                   "else",
	{lost, byMaster, invalidOffers}:                                      "else",
	{lost, byMaster, agentDisconnected}:                                  "an agent's link broke, and the framework does not checkpoint",
	{unreachable, byMaster, agentRemoved}:                                "an agent did not answer, or did not come back",
	{lost, byMaster, agentRemoved}:                                       "else, or another agent registered in its place",

	{staging, byMaster, agentReregistered}:     "the agent is back after it was given up; the state is what was told last",
	{starting, byMaster, agentReregistered}:    "as above",
	{running, byMaster, agentReregistered}:     "as above",
	{beingKilled, byMaster, agentReregistered}: "as above",
	{finished, byMaster, agentReregistered}:    "as above: the end is not acknowledged",
	{failed, byMaster, agentReregistered}:      "as above",
	{killed, byMaster, agentReregistered}:      "as above",
	{dropped, byMaster, agentReregistered}:     "as above",
	{gone, byMaster, agentReregistered}:        "as above",
	{lost, byMaster, agentReregistered}:        "as above",

	{staging, byMaster, reconciliation}:     "asked for; the state is what was told last",
	{starting, byMaster, reconciliation}:    "as above",
	{running, byMaster, reconciliation}:     "as above",
	{beingKilled, byMaster, reconciliation}: "as above",
	{finished, byMaster, reconciliation}:    "as above: the end is not acknowledged",
	{failed, byMaster, reconciliation}:      "as above",
	{killed, byMaster, reconciliation}:      "as above",
	{dropped, byMaster, reconciliation}:     "as above",
	{gone, byMaster, reconciliation}:        "as above, or the agent does not have the task",
	{lost, byMaster, reconciliation}:        "as above, or what follows for a framework that is not PARTITION_AWARE",
	{unreachable, byMaster, reconciliation}: "the agent is unreachable",
	{unknown, byMaster, reconciliation}:     "neither the task nor its agent is known",
}

const (
	noOperator   = "nobody operates the simulated cluster: no agent is drained or marked gone"
	noAuthorizer = "the master has no authorizer"
	nobody       = "neither master nor agent says so"
)

// unreachableReasons are those that no framework is told yet, and why.
var unreachableReasons = map[mesosproto.TaskStatus_Reason]string{
	mesosproto.TaskStatus_REASON_AGENT_DRAINING:            noOperator,
	mesosproto.TaskStatus_REASON_AGENT_REMOVED_BY_OPERATOR: noOperator,
	mesosproto.TaskStatus_REASON_TASK_UNAUTHORIZED:         noAuthorizer,
	mesosproto.TaskStatus_REASON_TASK_GROUP_UNAUTHORIZED:   noAuthorizer,
	mesosproto.TaskStatus_REASON_FRAMEWORK_REMOVED:         "the framework that would hear it is not there any more",
	mesosproto.TaskStatus_REASON_MASTER_DISCONNECTED:       "a driver that is not connected refuses a launch with an error",
	mesosproto.TaskStatus_REASON_COMMAND_EXECUTOR_FAILED:   "the agent supervises command tasks itself",
	mesosproto.TaskStatus_REASON_CONTAINER_LIMITATION:      "no containerizer has limits but of memory",
	mesosproto.TaskStatus_REASON_CONTAINER_LIMITATION_DISK: "no containerizer has limits but of memory",
	mesosproto.TaskStatus_REASON_CONTAINER_PREEMPTED:       "there are no revocable resources to be taken back",
	mesosproto.TaskStatus_REASON_IO_SWITCHBOARD_EXITED:     "nobody can attach to containers",
	mesosproto.TaskStatus_REASON_GC_ERROR:                  "a launch does not wait for the removal of old sandboxes",
	mesosproto.TaskStatus_REASON_EXECUTOR_UNREGISTERED:     nobody,
	mesosproto.TaskStatus_REASON_INVALID_FRAMEWORKID:       nobody,
	mesosproto.TaskStatus_REASON_AGENT_UNKNOWN:             nobody,
	mesosproto.TaskStatus_REASON_TASK_UNKNOWN:              nobody,
}

// unreachableStates are those that no framework is told yet, and why.
var unreachableStates = map[mesosproto.TaskState]string{goneByOperator: noOperator}

const idUsedTwice = "only a framework that uses the id of a task twice hears so, and none does"

// unreachedChanges are those that may happen, by the table of internal/transitions, and don't yet.
var unreachedChanges = map[schedulertest.Change]string{
	{staging, goneByOperator}:     noOperator,
	{starting, goneByOperator}:    noOperator,
	{running, goneByOperator}:     noOperator,
	{beingKilled, goneByOperator}: noOperator,
	{unreachable, goneByOperator}: noOperator,
	{starting, errored}:           idUsedTwice,
	{running, errored}:            idUsedTwice,
	{beingKilled, errored}:        idUsedTwice,
	{unreachable, errored}:        idUsedTwice,
}

// requireKnown checks that nothing was told that can't be: the tables say what can.
func requireKnown(t *testing.T, r schedulertest.Reached) {
	t.Helper()
	for told := range r.Told {
		require.Contains(t, reachable, told, "%v is told now; say in the table how it comes about", told)
	}
	for change, why := range unreachedChanges {
		require.Zero(t, r.Changes[change], "%v happens, so this is not true any more: %s", change, why)
	}
}

func TestEveryReasonAndStateIsReachableOrItIsSaidWhyNot(t *testing.T) {
	states, reasons := map[mesosproto.TaskState]bool{}, map[mesosproto.TaskStatus_Reason]bool{}
	for told, how := range reachable {
		require.NotEmpty(t, how, "%v", told)
		states[told.State], reasons[told.Reason] = true, true
	}
	for n, name := range mesosproto.TaskState_name {
		s := mesosproto.TaskState(n)
		require.NotEqual(t, states[s], unreachableStates[s] != "", name)
	}
	for n, name := range mesosproto.TaskStatus_Reason_name {
		r := mesosproto.TaskStatus_Reason(n)
		require.NotEqual(t, reasons[r], unreachableReasons[r] != "", name)
	}
	for change := range unreachedChanges {
		require.True(t, transitions.Task.Allowed(change.From, change.To), "%v", change)
	}
}

// All that frameworks can be told, and each way from state to state, comes about: what chance does not
// bring is played.
func TestEveryReachableStateAndReasonIsReached(t *testing.T) {
	var all schedulertest.Reached
	for _, x := range scenes {
		for _, aware := range []bool{true, false} {
			t.Run(x.name, func(t *testing.T) {
				p := x.begin(t, aware)
				x.plays(p)
				all.Add(p.Reached())
			})
		}
	}
	requireKnown(t, all)
	var missing []string
	for told, how := range reachable {
		if all.Told[told] == 0 {
			missing = append(missing, told.String()+": "+how)
		}
	}
	for _, from := range transitions.Task.States() {
		for _, to := range transitions.Task.Next(from) {
			change := schedulertest.Change{From: from, To: to}
			if _, not := unreachedChanges[change]; !not && all.Changes[change] == 0 {
				missing = append(missing, change.String())
			}
		}
	}
	require.Empty(t, missing, "never told")
}

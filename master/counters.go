package master

import (
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// Counters are what the master has counted since it was made, and what it keeps as running totals. The
// comments name the reference's metrics, prefix master/ left out.
type Counters struct {
	// Messages by the reference's metric name without messages_: kill_task, register_agent, …
	Messages [messageKinds]int64

	TasksByState [taskStates]int64 // gauges of the states that are not terminal; counters of the others
	Reasons      map[Reason]int64  // task_lost/source_master/reason_agent_removed

	AgentRegistrations, AgentReregistrations int64 // slave_registrations, slave_reregistrations
	AgentRemovals                            int64 // slave_removals
	RemovedUnhealthy                         int64 // slave_removals/reason_unhealthy
	RemovedUnregistered                      int64 // slave_removals/reason_unregistered
	RemovedRegistered                        int64 // slave_removals/reason_registered: replaced by a new one
	UnreachableScheduled                     int64 // slave_unreachable_scheduled, slave_shutdowns_scheduled
	UnreachableCompleted                     int64
	UnreachableCanceled                      int64
	RecoveryRemovals                         int64 // recovery_slave_removals

	ValidStatusUpdates, InvalidStatusUpdates       int64
	ValidAcknowledgements, InvalidAcknowledgements int64 // …status_update_acknowledgements
	ValidToExecutor, InvalidToExecutor             int64 // …framework_to_executor_messages
	ValidToFramework, InvalidToFramework           int64 // …executor_to_framework_messages
	ValidOperationUpdates, InvalidOperationUpdates int64
	ValidOperationAcks, InvalidOperationAcks       int64
	Dropped                                        int64 // dropped_messages
	OutstandingOffers                              int64 // gauge
	AllocationRuns                                 int64 // allocator/mesos/allocation_runs; 0 if the allocator does not count them
	RegistryQueued                                 int64 // registrar/queued_operations, a gauge
	RegistrySize                                   int64 // registrar/registry_size_bytes, a gauge
	Operations                                     OperationCounters
}

// Reason says how a task came to its end.
type Reason struct {
	State  mesosproto.TaskState
	Source mesosproto.TaskStatus_Source
	Reason mesosproto.TaskStatus_Reason
}

// OperationCounters count operations by state: pending, recovering and unreachable ones are gauges.
type OperationCounters [operationStates]int64

const (
	taskStates      = 14 // TaskState 0 to 13
	operationStates = 10
	callTypes       = 18 // schedulerpb.Call_Type 0 to 17
	eventTypes      = 12
)

// MessageKind is an index into Counters.Messages.
type MessageKind int

// The kinds of messages that are counted. Calls of the v1 API count under the same names.
const (
	RegisterFramework MessageKind = iota
	ReregisterFramework
	UnregisterFramework
	DeactivateFramework
	KillTask
	LaunchTasks
	DeclineOffers
	ReviveOffers
	SuppressOffers
	ResourceRequest
	StatusUpdateAcknowledgement
	OperationStatusUpdateAcknowledgement
	ReconcileTasks
	ReconcileOperations
	FrameworkToExecutor
	ExecutorToFramework
	RegisterAgent
	ReregisterAgent
	UnregisterAgent
	UpdateAgent
	StatusUpdate
	OperationStatusUpdate
	ExitedExecutor
	messageKinds
)

// String is the reference's metric name after messages_.
func (k MessageKind) String() string {
	return [...]string{
		"register_framework", "reregister_framework", "unregister_framework", "deactivate_framework",
		"kill_task", "launch_tasks", "decline_offers", "revive_offers", "suppress_offers",
		"resource_request", "status_update_acknowledgement", "operation_status_update_acknowledgement",
		"reconcile_tasks", "reconcile_operations", "framework_to_executor", "executor_to_framework",
		"register_slave", "reregister_slave", "unregister_slave", "update_slave", "status_update",
		"operation_status_update", "exited_executor",
	}[k]
}

// FrameworkCounters are the metrics of one framework, prefix frameworks/<name>/<id>/ left out.
type FrameworkCounters struct {
	Calls                                                       [callTypes]int64  // calls/<type>, by schedulerpb.Call_Type
	Events                                                      [eventTypes]int64 // events/<type>, by schedulerpb.Event_Type
	OffersSent, OffersAccepted, OffersDeclined, OffersRescinded int64
	ActiveTasks                                                 [taskStates]int64 // gauges
	TerminalTasks                                               [taskStates]int64
	Operations                                                  [16]int64 // by Offer_Operation_Type
}

func (f *FrameworkCounters) countCall(t schedulerpb.Call_Type) {
	if t >= 0 && int(t) < callTypes {
		f.Calls[t]++
	}
}

package operator

import "github.com/mesokit/mesokit/internal/operatorapi"

const (
	gauge   = operatorapi.Gauge
	counter = operatorapi.Counter
)

// The metrics: the reference's key, the Prometheus name, the help, the labels.
var (
	uptimeSecs = family(gauge, "master/uptime_secs", "mesos_master_uptime_seconds", "Time since the master started.")
	elected    = family(gauge, "master/elected", "mesos_master_elected", "1 if this master leads, else 0.")
	cacheHits  = family(counter, "master/http_cache_hits", "mesos_master_http_cache_hits_total",
		"Requests answered with what was prepared for an earlier one.")
	queue = family(gauge, "master/event_queue_{kind}", "mesos_master_event_queue", "Always 0: nothing queues by kind.", "kind")

	agents          = family(gauge, "master/slaves_{state}", "mesos_master_agents", "Agents by state; registered ones are counted by connection and by activity.", "state")
	registrations   = family(counter, "master/slave_registrations", "mesos_master_agent_registrations_total", "Agents that registered.")
	reregistrations = family(counter, "master/slave_reregistrations", "mesos_master_agent_reregistrations_total",
		"Agents that registered again.")
	removals         = family(counter, "master/slave_removals", "mesos_master_agent_removals_total", "Agents that were removed.")
	removalsByReason = family(counter, "master/slave_removals/reason_{reason}", "mesos_master_agent_removals_by_reason_total",
		"Agents that were removed, by reason.", "reason")
	recoveryRemovals = family(counter, "master/recovery_slave_removals", "mesos_master_agent_recovery_removals_total",
		"Agents that did not come back after an election.")
	unreachables = family(counter, "master/slave_unreachable_{step}", "mesos_master_agent_unreachable_total",
		"Agents being marked unreachable, by step.", "step")
	shutdowns = family(counter, "master/slave_shutdowns_{step}", "mesos_master_agent_shutdowns_total",
		"Old name of mesos_master_agent_unreachable_total.", "step")
	resourceTotal = family(gauge, "master/{resource}_{kind}total", "mesos_master_resources", "Resources of registered agents; mem and disk in MB.",
		"resource", "kind")
	resourceUsed = family(gauge, "master/{resource}_{kind}used", "mesos_master_resources_used", "Resources that tasks and executors use; mem and disk in MB.",
		"resource", "kind")
	resourceShare = family(gauge, "master/{resource}_{kind}percent", "mesos_master_resources_used_ratio", "Used resources, between 0 and 1.",
		"resource", "kind")

	frameworks        = family(gauge, "master/frameworks_{state}", "mesos_master_frameworks", "Frameworks by connection and by activity.", "state")
	outstandingOffers = family(gauge, "master/outstanding_offers", "mesos_master_outstanding_offers", "Offers that were neither answered nor taken back.")
	subscribers       = family(gauge, "master/operator_event_stream_subscribers", "mesos_master_operator_event_stream_subscribers",
		"Open event streams of operators.")

	tasks       = family(gauge, "master/tasks_{state}", "mesos_master_tasks", "Tasks that have not ended, by state.", "state")
	tasksEnded  = family(counter, "master/tasks_{state}", "mesos_master_tasks_ended_total", "Tasks that ended, by state.", "state")
	taskReasons = family(counter, "master/{state}/{source}/{reason}", "mesos_master_task_reasons_total", "Tasks that ended, by state, source and reason.",
		"state", "source", "reason")

	messages = family(counter, "master/messages_{message}", "mesos_master_messages_total", "Messages and calls received, by the v0 name.", "message")
	checked  = family(counter, "master/{validity}_{message}", "mesos_master_checked_messages_total", "Messages received, valid and invalid ones.",
		"validity", "message")
	dropped = family(counter, "master/dropped_messages", "mesos_master_dropped_messages_total", "Messages dropped because the master does not serve yet, or they make no sense.")

	operationsOpen       = family(gauge, "master/operations/{state}", "mesos_master_operations", "Operations that are not over, by state; total: all of them.", "state")
	operationsEnded      = family(counter, "master/operations/{state}", "mesos_master_operations_ended_total", "Operations that are over, by state.", "state")
	operationsOpenByType = family(gauge, "master/operations/{type}/{state}", "mesos_master_operations_by_type", "Operations that are not over, by type and state. Not counted yet.",
		"type", "state")
	operationsEndedByType = family(counter, "master/operations/{type}/{state}", "mesos_master_operations_ended_by_type_total",
		"Operations that are over, by type and state. Not counted yet.", "type", "state")

	allocatorQueue      = family(gauge, "allocator/mesos/event_queue_dispatches", "mesos_allocator_event_queue", "Always 0: the allocator is called directly.")
	allocatorQueueAlias = family(gauge, "allocator/event_queue_dispatches", "mesos_allocator_event_queue_dispatches", "Old name of mesos_allocator_event_queue.")
	allocationRuns      = family(counter, "allocator/mesos/allocation_runs", "mesos_allocator_runs_total", "Allocation runs.")
	allocatorTotal      = family(gauge, "allocator/mesos/resources/{resource}/total", "mesos_allocator_resources", "Resources of registered agents; mem and disk in MB.", "resource")
	allocatorTaken      = family(gauge, "allocator/mesos/resources/{resource}/offered_or_allocated", "mesos_allocator_resources_offered_or_allocated",
		"Resources offered or in use; mem and disk in MB.", "resource")
	dominantShare = family(gauge, "allocator/mesos/roles/{role}/shares/dominant", "mesos_allocator_dominant_share",
		"Largest share of any resource that a role with its subroles holds, divided by its weight.", "role")
	quotaConsumed = family(gauge, "allocator/mesos/quota/roles/{role}/resources/{resource}/consumed", "mesos_allocator_quota_consumed",
		"What a role with its subroles has reserved or in use, as its quota counts.", "role", "resource")

	registrarQueued = family(gauge, "registrar/queued_operations", "mesos_registrar_queued_operations", "Registry operations that wait.")
	registrarSize   = family(gauge, "registrar/registry_size_bytes", "mesos_registrar_registry_size_bytes", "Size of the registry.")
)

// fwKey begins the keys of a framework.
const fwKey = "master/frameworks/{%name}/{id}/"

// The metrics of each framework, from its first subscription until it is forgotten.
var (
	fwSubscribed   = family(gauge, fwKey+"subscribed", "mesos_master_framework_subscribed", "1 if the framework is connected, else 0.", "name", "id")
	fwCalls        = family(counter, fwKey+"calls", "mesos_master_framework_calls_total", "Calls of the framework.", "name", "id")
	fwCallsByType  = family(counter, fwKey+"calls/{type}", "mesos_master_framework_calls_by_type_total", "Calls of the framework, by type.", "name", "id", "type")
	fwEvents       = family(counter, fwKey+"events", "mesos_master_framework_events_total", "Events sent to the framework.", "name", "id")
	fwEventsByType = family(counter, fwKey+"events/{type}", "mesos_master_framework_events_by_type_total", "Events sent to the framework, by type.",
		"name", "id", "type")
	fwOffers           = family(counter, fwKey+"offers/{answer}", "mesos_master_framework_offers_total", "Offers sent, and what became of them.", "name", "id", "answer")
	fwTasks            = family(gauge, fwKey+"tasks/active/{state}", "mesos_master_framework_tasks", "Tasks of the framework that have not ended.", "name", "id", "state")
	fwTasksEnded       = family(counter, fwKey+"tasks/terminal/{state}", "mesos_master_framework_tasks_ended_total", "Tasks of the framework that ended.", "name", "id", "state")
	fwOperations       = family(counter, fwKey+"operations", "mesos_master_framework_operations_total", "Operations in accepted offers.", "name", "id")
	fwOperationsByType = family(counter, fwKey+"operations/{type}", "mesos_master_framework_operations_by_type_total", "Operations in accepted offers, by type.",
		"name", "id", "type")
	fwSuppressed = family(gauge, fwKey+"roles/{role}/suppressed", "mesos_master_framework_role_suppressed", "1 if the framework wants no offers for the role.",
		"name", "id", "role")
)

var family = operatorapi.NewFamily

package operator

import (
	"maps"
	"slices"
	"strings"

	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
)

// The names of states, calls, events and operations in metrics.
var (
	taskStates     = enumNames(mesosproto.TaskState_name)
	callTypes      = enumNames(schedulerpb.Call_Type_name)
	eventTypes     = enumNames(schedulerpb.Event_Type_name)
	operationTypes = enumNames(mesosproto.Offer_Operation_Type_name)
	operationState = enumNames(mesosproto.OperationState_name)
)

// named is a value of an enum.
type named struct {
	number int32
	name   string // lower case
}

// enumNames lists the values of an enum in order, without the UNKNOWN that makes it extensible.
func enumNames(names map[int32]string) (list []named) {
	for _, n := range slices.Sorted(maps.Keys(names)) {
		if names[n] != "UNKNOWN" {
			list = append(list, named{n, strings.ToLower(names[n])})
		}
	}
	return list
}

// metrics emits what there is to measure of the latest snapshot.
//
// Mesos: src/master/metrics.cpp.
func (h *Handler) metrics(emit operatorapi.Emit) {
	s := h.cfg.Snapshot()
	uptime := 0.0
	if !s.StartTime.IsZero() {
		uptime = h.cfg.Now().Sub(s.StartTime).Seconds()
	}
	emit(uptimeSecs, uptime)
	emit(elected, oneIf(s.Elected))
	emit(cacheHits, float64(h.library.cacheHits()))
	for _, kind := range []string{"messages", "dispatches", "http_requests"} {
		emit(queue, 0, kind) // what waits on the loop is not counted; nothing waits for long
	}
	emitAgents(emit, s)
	emitFrameworks(emit, s)
	emitTasks(emit, s.Metrics)
	emitMessages(emit, s.Metrics)
	emitOperations(emit, &s.Metrics.Operations)
	emitAllocator(emit, s)
	emit(registrarQueued, float64(s.Metrics.RegistryQueued))
	emit(registrarSize, float64(s.Metrics.RegistrySize))
	for f := range allFrameworks(s) {
		emitFramework(emit, f)
	}
	operatorapi.HostMetrics(emit)
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// measured are the resources that there are metrics of.
var measured = [...]string{"cpus", "gpus", "mem", "disk"}

// pool sums an amount of all agents, what can be taken away apart.
type pool struct {
	firm, revocable [len(measured)]resources.Scalar
}

func (p *pool) add(r resources.Resources) {
	for e := range r.All() {
		if i := slices.Index(measured[:], e.Name()); i >= 0 {
			if e.IsRevocable() {
				p.revocable[i] += e.Scalar()
			} else {
				p.firm[i] += e.Scalar()
			}
		}
	}
}

func emitAgents(emit operatorapi.Emit, s *master.Snapshot) {
	connected, active := 0, 0
	var total, used pool
	for a := range s.Agents.All() {
		if a.Connected {
			connected++
		}
		if a.Active {
			active++
		}
		total.add(a.Total)
		used.add(a.Used)
	}
	emit(agents, float64(connected), "connected")
	emit(agents, float64(s.Agents.Len()-connected), "disconnected")
	emit(agents, float64(active), "active")
	emit(agents, float64(s.Agents.Len()-active), "inactive")
	emit(agents, float64(s.Unreachable.Len()), "unreachable")
	for i, name := range measured {
		emitPool(emit, name, "", total.firm[i], used.firm[i])
		emitPool(emit, name, "revocable_", total.revocable[i], used.revocable[i])
	}
	m := s.Metrics
	emit(registrations, float64(m.AgentRegistrations))
	emit(reregistrations, float64(m.AgentReregistrations))
	emit(removals, float64(m.AgentRemovals))
	emit(removalsByReason, float64(m.RemovedUnhealthy), "unhealthy")
	emit(removalsByReason, float64(m.RemovedUnregistered), "unregistered")
	emit(removalsByReason, float64(m.RemovedRegistered), "registered")
	emit(recoveryRemovals, float64(m.RecoveryRemovals))
	for _, step := range []struct {
		name  string
		count int64
	}{{"scheduled", m.UnreachableScheduled}, {"completed", m.UnreachableCompleted}, {"canceled", m.UnreachableCanceled}} {
		emit(unreachables, float64(step.count), step.name)
		emit(shutdowns, float64(step.count), step.name) // the old name
	}
}

func emitPool(emit operatorapi.Emit, name, kind string, total, used resources.Scalar) {
	percent := 0.0
	if total > 0 {
		percent = float64(used) / float64(total)
	}
	emit(resourceTotal, total.Float(), name, kind)
	emit(resourceUsed, used.Float(), name, kind)
	emit(resourceShare, percent, name, kind)
}

func emitFrameworks(emit operatorapi.Emit, s *master.Snapshot) {
	connected, active := 0, 0
	for f := range s.Frameworks.All() {
		if f.Connected {
			connected++
		}
		if f.Active {
			active++
		}
	}
	emit(frameworks, float64(connected), "connected")
	emit(frameworks, float64(s.Frameworks.Len()-connected), "disconnected")
	emit(frameworks, float64(active), "active")
	emit(frameworks, float64(s.Frameworks.Len()-active), "inactive")
	emit(outstandingOffers, float64(s.Metrics.OutstandingOffers))
	emit(subscribers, 0)
}

func emitTasks(emit operatorapi.Emit, m *master.Counters) {
	for _, state := range taskStates {
		if state.name == "task_unknown" { // has no metric
			continue
		}
		family, name := tasks, strings.TrimPrefix(state.name, "task_")
		if transitions.Terminal(mesosproto.TaskState(state.number)) {
			family = tasksEnded
		}
		emit(family, float64(m.TasksByState[state.number]), name)
	}
	for reason, count := range m.Reasons {
		// The reference counts under the names of its v0 API.
		source := strings.Replace(reason.Source.String(), "SOURCE_AGENT", "SOURCE_SLAVE", 1)
		why := strings.Replace(reason.Reason.String(), "REASON_AGENT_", "REASON_SLAVE_", 1)
		emit(taskReasons, float64(count), strings.ToLower(reason.State.String()), strings.ToLower(source), strings.ToLower(why))
	}
}

func emitMessages(emit operatorapi.Emit, m *master.Counters) {
	for kind, count := range m.Messages {
		emit(messages, float64(count), master.MessageKind(kind).String())
	}
	emit(messages, 0, "authenticate") // comes over libprocess alone, and is not spoken yet
	for _, v := range []struct {
		name           string
		valid, invalid int64
	}{
		{"framework_to_executor_messages", m.ValidToExecutor, m.InvalidToExecutor},
		{"executor_to_framework_messages", m.ValidToFramework, m.InvalidToFramework},
		{"status_updates", m.ValidStatusUpdates, m.InvalidStatusUpdates},
		{"status_update_acknowledgements", m.ValidAcknowledgements, m.InvalidAcknowledgements},
		{"operation_status_updates", m.ValidOperationUpdates, m.InvalidOperationUpdates},
		{"operation_status_update_acknowledgements", m.ValidOperationAcks, m.InvalidOperationAcks},
	} {
		emit(checked, float64(v.valid), "valid", v.name)
		emit(checked, float64(v.invalid), "invalid", v.name)
	}
	emit(dropped, float64(m.Dropped))
}

// operationGauges are the states of operations that are not over.
var operationGauges = map[string]bool{"pending": true, "recovering": true, "unreachable": true}

func emitOperations(emit operatorapi.Emit, counts *master.OperationCounters) {
	open := int64(0)
	for _, state := range operationState {
		name := strings.TrimPrefix(state.name, "operation_")
		count := counts[state.number]
		switch {
		case name == "unsupported" || name == "unknown": // have no metric
			continue
		case operationGauges[name]:
			open += count
			emit(operationsOpen, float64(count), name)
		default:
			emit(operationsEnded, float64(count), name)
		}
		for _, t := range operationTypes {
			if strings.HasPrefix(t.name, "launch") {
				continue
			}
			if operationGauges[name] {
				emit(operationsOpenByType, 0, t.name, name)
			} else {
				emit(operationsEndedByType, 0, t.name, name)
			}
		}
	}
	emit(operationsOpen, float64(open), "total")
	for _, t := range operationTypes {
		if !strings.HasPrefix(t.name, "launch") {
			emit(operationsOpenByType, 0, t.name, "total")
		}
	}
}

func emitAllocator(emit operatorapi.Emit, s *master.Snapshot) {
	emit(allocatorQueue, 0)
	emit(allocatorQueueAlias, 0)
	emit(allocationRuns, float64(s.Metrics.AllocationRuns))
	var total, taken resources.Quantities
	for a := range s.Agents.All() {
		total = total.Add(a.Total.ScalarQuantities())
		taken = taken.Add(a.Used.ScalarQuantities()).Add(a.Offered.ScalarQuantities())
	}
	for _, name := range []string{"cpus", "mem", "disk"} {
		emit(allocatorTotal, total.Get(name).Float(), name)
		emit(allocatorTaken, taken.Get(name).Float(), name)
	}
	for name, r := range rolesOf(s) {
		share := 0.0
		for resource, amount := range r.allocated.Add(r.offered).All() {
			if all := total.Get(resource); all > 0 {
				share = max(share, float64(amount)/float64(all))
			}
		}
		emit(dominantShare, share/weightOf(s, name), name)
		for _, resource := range measured {
			if amount := r.consumed.Get(resource); amount > 0 {
				emit(quotaConsumed, amount.Float(), name, resource)
			}
		}
	}
}

func emitFramework(emit operatorapi.Emit, f *master.FrameworkState) {
	name, id, m := f.Info.GetName(), f.ID, &f.Metrics
	emit(fwSubscribed, oneIf(f.Connected), name, id)
	all := int64(0)
	for _, t := range callTypes {
		all += m.Calls[t.number]
		emit(fwCallsByType, float64(m.Calls[t.number]), name, id, t.name)
	}
	emit(fwCalls, float64(all), name, id)
	all = 0
	for _, t := range eventTypes {
		all += m.Events[t.number]
		emit(fwEventsByType, float64(m.Events[t.number]), name, id, t.name)
	}
	emit(fwEvents, float64(all), name, id)
	emit(fwOffers, float64(m.OffersSent), name, id, "sent")
	emit(fwOffers, float64(m.OffersAccepted), name, id, "accepted")
	emit(fwOffers, float64(m.OffersDeclined), name, id, "declined")
	emit(fwOffers, float64(m.OffersRescinded), name, id, "rescinded")
	for _, state := range taskStates {
		if transitions.Terminal(mesosproto.TaskState(state.number)) {
			emit(fwTasksEnded, float64(m.TerminalTasks[state.number]), name, id, state.name)
		} else {
			emit(fwTasks, float64(m.ActiveTasks[state.number]), name, id, state.name)
		}
	}
	all = 0
	for _, t := range operationTypes {
		all += m.Operations[t.number]
		emit(fwOperationsByType, float64(m.Operations[t.number]), name, id, t.name)
	}
	emit(fwOperations, float64(all), name, id)
	for _, role := range f.Roles {
		emit(fwSuppressed, oneIf(slices.Contains(f.Suppressed, role)), name, id, role)
	}
}

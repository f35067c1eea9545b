package schedulertest

import (
	"bytes"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/checkpoint"
	"github.com/mesokit/mesokit/master/registry"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// Step is a step of the path that every task takes. A fault may wait for one: see [Fault].
type Step string

// The steps, with what is under way in each. Operations take the same steps as tasks.
const (
	StepRegister    Step = "register"    // agents register, frameworks subscribe, and are answered; the registry's write
	StepOffer       Step = "offer"       // OFFERS
	StepAccept      Step = "accept"      // ACCEPT
	StepLaunch      Step = "launch"      // a task goes from master to agent, is recorded, its container starts
	StepUpdate      Step = "update"      // an update is recorded, sent to the master, told to the framework
	StepAcknowledge Step = "acknowledge" // ACKNOWLEDGE, its way to the agent, its record
)

// AllSteps are all steps, in the order of the path.
func AllSteps() []Step { return slices.Clone(allSteps) }

var allSteps = []Step{StepRegister, StepOffer, StepAccept, StepLaunch, StepUpdate, StepAcknowledge}

// Moment is when, on the way of what a fault has waited for, it happens.
type Moment string

// The moments. A write is sent when it is about to be made, and under way when it is made and its
// writer has not heard of it.
const (
	MomentSent     Moment = ""          // just sent
	MomentUnderWay Moment = "under way" // half of the way
	MomentArriving Moment = "arriving"  // at the other end's door
	MomentHandled  Moment = "handled"   // the other end has done what it does at once
)

var allMoments = []Moment{MomentSent, MomentUnderWay, MomentArriving, MomentHandled}

// about is whom a step on its way concerns.
type about struct {
	step       Step
	host       string   // the agent or framework on whose connection, or machine, it is
	frameworks []string // ids
	agents     []string // ids
}

// concerning says what a message is part of; step is empty if that is no step of the path.
func concerning(m proto.Message) about {
	switch m := m.(type) {
	case *schedulerpb.Call:
		return concerningCall(m)
	case *schedulerpb.Event:
		return concerningEvent(m)
	case *executorpb.Call:
		return concerningExecutors(m)
	case *executorpb.Event:
		return about{step: stepOfExecutorEvent(m.GetType())}
	case *messagespb.RegisterSlaveMessage, *messagespb.ReregisterSlaveMessage, *messagespb.SlaveRegisteredMessage, *messagespb.SlaveReregisteredMessage:
		return about{step: StepRegister}
	case *messagespb.RunTaskMessage:
		return about{step: StepLaunch, frameworks: []string{m.GetFramework().GetId().GetValue()}}
	case *messagespb.RunTaskGroupMessage:
		return about{step: StepLaunch, frameworks: []string{m.GetFramework().GetId().GetValue()}}
	case *messagespb.ApplyOperationMessage:
		return about{step: StepLaunch, frameworks: []string{m.GetFrameworkId().GetValue()}}
	case *messagespb.StatusUpdateMessage:
		return about{step: StepUpdate, frameworks: []string{m.GetUpdate().GetFrameworkId().GetValue()}}
	case *messagespb.UpdateOperationStatusMessage:
		return about{step: StepUpdate, frameworks: []string{m.GetFrameworkId().GetValue()}}
	case *messagespb.StatusUpdateAcknowledgementMessage:
		return about{step: StepAcknowledge, frameworks: []string{m.GetFrameworkId().GetValue()}}
	case *messagespb.AcknowledgeOperationStatusMessage:
		return about{step: StepAcknowledge}
	}
	return about{}
}

func concerningCall(m *schedulerpb.Call) about {
	switch m.GetType() {
	case schedulerpb.Call_SUBSCRIBE:
		return about{step: StepRegister}
	case schedulerpb.Call_ACCEPT:
		x := about{step: StepAccept}
		for _, op := range m.GetAccept().GetOperations() {
			for _, t := range slices.Concat(op.GetLaunch().GetTaskInfos(), op.GetLaunchGroup().GetTaskGroup().GetTasks()) {
				x.agents = append(x.agents, t.GetAgentId().GetValue())
			}
		}
		return x
	case schedulerpb.Call_ACKNOWLEDGE:
		return about{step: StepAcknowledge, agents: []string{m.GetAcknowledge().GetAgentId().GetValue()}}
	case schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS:
		return about{step: StepAcknowledge, agents: []string{m.GetAcknowledgeOperationStatus().GetAgentId().GetValue()}}
	}
	return about{}
}

func concerningEvent(m *schedulerpb.Event) about {
	switch m.GetType() {
	case schedulerpb.Event_SUBSCRIBED:
		return about{step: StepRegister}
	case schedulerpb.Event_OFFERS:
		x := about{step: StepOffer}
		for _, o := range m.GetOffers().GetOffers() {
			x.agents = append(x.agents, o.GetAgentId().GetValue())
		}
		return x
	case schedulerpb.Event_UPDATE:
		return about{step: StepUpdate, agents: []string{m.GetUpdate().GetStatus().GetAgentId().GetValue()}}
	case schedulerpb.Event_UPDATE_OPERATION_STATUS:
		return about{step: StepUpdate, agents: []string{m.GetUpdateOperationStatus().GetStatus().GetAgentId().GetValue()}}
	}
	return about{}
}

func concerningExecutors(m *executorpb.Call) about {
	x := about{frameworks: []string{m.GetFrameworkId().GetValue()}}
	switch m.GetType() {
	case executorpb.Call_SUBSCRIBE:
		x.step = StepRegister
	case executorpb.Call_UPDATE:
		x.step = StepUpdate
	}
	return x
}

func stepOfExecutorEvent(t executorpb.Event_Type) Step {
	switch t {
	case executorpb.Event_SUBSCRIBED:
		return StepRegister
	case executorpb.Event_LAUNCH, executorpb.Event_LAUNCH_GROUP:
		return StepLaunch
	case executorpb.Event_ACKNOWLEDGED:
		return StepAcknowledge
	}
	return ""
}

// admissions are the agents that a write of the registry admits.
func admissions(changes []registry.Entry) (out []about) {
	for _, e := range changes {
		if id, ok := strings.CutPrefix(e.Key, "agent/"); ok && e.Value != nil {
			out = append(out, about{step: StepRegister, agents: []string{id}})
		}
	}
	return out
}

// recorded is what a write of an agent's checkpoint is part of.
func recorded(agent string, changes []checkpoint.Entry) (out []about) {
	for _, e := range changes {
		kind, rest, _ := strings.Cut(e.Key, "/")
		framework, _, _ := strings.Cut(rest, "/")
		x := about{host: agent, frameworks: []string{framework}}
		switch kind {
		case "agent":
			x.step = StepRegister
		case "task", "executor", "delivered":
			x.step = StepLaunch
		case "update", "operation":
			x.step = StepUpdate
			if e.Value == nil || bytes.Contains(e.Value, []byte(`"Acked":true`)) {
				x.step = StepAcknowledge
			}
		default:
			continue
		}
		out = append(out, x)
	}
	return out
}

// concerns reports whether a step concerns what a fault is to hit. Executors are on the machine of their
// agent; all steps concern masters and the network.
func (c *Cluster) concerns(f Fault, x about) bool {
	switch w, a := c.target(f); {
	case w != nil:
		return x.host == w.name || slices.Contains(x.frameworks, w.driver.FrameworkID().GetValue())
	case a != nil:
		machine, _, _ := strings.Cut(x.host, "/")
		return machine == a.name || slices.Contains(x.agents, a.ID())
	}
	switch f.Kind.of() {
	case ofExecutor:
		return strings.Contains(x.host, "/")
	case ofMaster, ofNetwork:
		return true
	}
	return false
}

// target is the framework or agent that a fault is to hit, if it is a fault of one and there are any.
func (c *Cluster) target(f Fault) (*Framework, *Agent) {
	switch of := f.Kind.of(); {
	case of == ofFramework && len(c.fws) > 0:
		return c.fws[f.Target%len(c.fws)], nil
	case of == ofAgent && len(c.agents) > 0:
		return nil, c.agents[f.Target%len(c.agents)]
	}
	return nil, nil
}

// owner is what a kind of fault is done to.
type owner int

const (
	ofAgent owner = iota
	ofFramework
	ofExecutor
	ofMaster
	ofNetwork
)

func (k FaultKind) of() owner {
	switch k {
	case CrashMaster, PauseMaster, SkewMaster, SlowRegistry, FailRegistry, DelayMaster, CutMaster, CutMasterOut, CutMasterIn,
		BreakElectionLink, CutElection:
		return ofMaster
	case BreakFrameworkLink, DelayFramework, LoseCall, LoseAnswer, CutFramework, CutFrameworkOut, CutFrameworkIn,
		CrashFramework, LoseFramework, PauseFramework, SkewFramework:
		return ofFramework
	case CrashExecutor, CrashExecutorAlone, BreakExecutorLink, DelayExecutor, LoseExecutorCall, LoseExecutorAnswer,
		PauseExecutor, SkewExecutor:
		return ofExecutor
	case StopElection, LoseMaster, CutPair, CutPairOneWay:
		return ofNetwork
	}
	return ofAgent
}

// ofElection reports whether a fault is one of the election's, which a single master needs not.
func (k FaultKind) ofElection() bool {
	return k == BreakElectionLink || k == CutElection || k == StopElection
}

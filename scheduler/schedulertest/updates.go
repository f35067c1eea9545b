package schedulertest

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// updates follows every task from the framework's ACCEPT to its last acknowledgement, by what passes
// on the wires.
type updates struct {
	tasks   map[taskKey]*taskLife
	order   []*taskLife
	reached Reached
}

type taskKey struct{ framework, task string }

type taskLife struct {
	key        taskKey
	agent      string
	sent       []string        // uuids, as the agent first sent them
	over       bool            // the last of them is terminal
	seen       []string        // uuids, as the framework first saw them
	acked      map[string]bool // that reached the agent
	last       mesosproto.TaskState
	lastFrom   *mesosproto.TaskStatus // nil: nothing heard
	launched   time.Time              // when its framework asked for it last
	moved      loop.Instant           // when something became of it last; see pending.go
	pending    bool                   // it is in checker.pending
	containers int                    // of it that run, of tasks without an executor
	aware      bool                   // the framework is PARTITION_AWARE
	unknown    bool                   // the last answer was that the master does not know it
	amnesic    bool                   // its agent forgot of it; see amnesic
	rebooted   bool                   // its agent's machine died; see rebooted
	survived   int                    // how many of sent an earlier process of the agent sent
	// See killed.go.
	spoken  bool          // a master has told the framework of it
	knownTo string        // the master that knows it alive; empty: none, as far as is known
	grace   time.Duration // its own
	kill    *kill         // nil: none was taken
	telling               // of its executor
}

func newUpdates() updates {
	return updates{tasks: map[taskKey]*taskLife{}, reached: Reached{map[Told]int{}, map[Change]int{}}}
}

func (u *updates) of(framework, task string) *taskLife {
	key := taskKey{framework, task}
	l := u.tasks[key]
	if l == nil {
		l = &taskLife{key: key, acked: map[string]bool{}}
		u.tasks[key] = l
		u.order = append(u.order, l)
	}
	return l
}

// crashed notes that an agent's process died. The next one knows what this one has sent.
func (k *checker) crashed(agent string) {
	for _, l := range k.updates.order {
		if l.agent == agent {
			l.survived = len(l.sent)
		}
	}
}

// rebooted notes that a machine died. Updates that are not terminal, and acknowledgements, are written
// but not synced, so the agent may send them again, and the task go back; but never from its end.
func (k *checker) rebooted(agent string) {
	k.crashed(agent)
	for _, l := range k.updates.order {
		if l.agent == agent {
			l.rebooted = true
		}
	}
}

// amnesic notes that an agent died while its disk refused writes. What could not be written is missing
// after its next start, so the tasks that it had are not held to their order.
func (k *checker) amnesic(agent string) {
	for _, l := range k.updates.order {
		if l.agent == agent {
			l.rebooted, l.amnesic = true, true
		}
	}
}

// fromAgent notes an update on its way out of an agent.
func (k *checker) fromAgent(m proto.Message) {
	x, ok := m.(*messagespb.StatusUpdateMessage)
	if !ok || len(x.GetUpdate().GetUuid()) == 0 {
		return
	}
	l := k.updates.of(x.GetUpdate().GetFrameworkId().GetValue(), x.GetUpdate().GetStatus().GetTaskId().GetValue())
	uuid := string(x.GetUpdate().GetUuid())
	for i, sent := range l.sent {
		if sent == uuid {
			if !l.rebooted && i != len(l.sent)-1 {
				k.violated(InvariantOrder, "task %s of %s: the agent sends update %x again after a later one", l.key.task, l.key.framework, uuid)
			}
			return
		}
	}
	switch n := len(l.sent); {
	case n == 0 || l.amnesic:
	case n == l.survived && (l.over || !l.rebooted && !l.acked[l.sent[n-1]]):
		k.violated(InvariantDurable, "task %s of %s: the agent that sent update %x has forgotten it after a crash; now it sends %x", l.key.task, l.key.framework, l.sent[n-1], uuid)
	case !l.rebooted && !l.acked[l.sent[n-1]]:
		k.violated(InvariantOrder, "task %s of %s: the agent sends update %x although %x is not acknowledged", l.key.task, l.key.framework, uuid, l.sent[n-1])
	}
	k.passes(l, uuid)
	l.sent = append(l.sent, uuid)
	l.over = transitions.Terminal(x.GetUpdate().GetStatus().GetState())
}

// toAgent notes an acknowledgement that arrives.
func (k *checker) toAgent(m proto.Message) {
	x, ok := m.(*messagespb.StatusUpdateAcknowledgementMessage)
	if !ok {
		return
	}
	l := k.updates.of(x.GetFrameworkId().GetValue(), x.GetTaskId().GetValue())
	uuid := string(x.GetUuid())
	l.acked[uuid] = true
	for _, seen := range l.seen {
		if seen == uuid {
			return
		}
	}
	k.violated(InvariantOrder, "task %s of %s: update %x is acknowledged, but the framework has not seen it", l.key.task, l.key.framework, uuid)
}

// saw notes an update that a framework is about to be told of.
func (k *checker) saw(framework *mesosproto.FrameworkID, aware bool, s *mesosproto.TaskStatus) {
	l := k.updates.of(framework.GetValue(), s.GetTaskId().GetValue())
	l.aware = aware
	k.updates.reached.Told[toldBy(s)]++
	seen, last, unknown := len(l.seen), l.last, l.unknown
	k.inOrder(l, string(s.GetUuid()))
	k.forward(l, s)
	if len(l.seen) > seen || l.last != last || l.unknown != unknown {
		k.moved(l)
	}
}

func (k *checker) inOrder(l *taskLife, uuid string) {
	if uuid == "" {
		return
	}
	for _, seen := range l.seen {
		if seen == uuid {
			return
		}
	}
	l.seen = append(l.seen, uuid)
	n := 0
	for _, sent := range l.sent {
		if n < len(l.seen) && sent == l.seen[n] {
			n++
		}
	}
	if n != len(l.seen) && len(l.sent) > 0 && !l.rebooted {
		k.violated(InvariantOrder, "task %s of %s: update %x is seen out of order: seen %x, sent %x", l.key.task, l.key.framework, uuid, l.seen, l.sent)
	}
}

// forward checks that a state may follow the last one.
//
// A framework that is not partition-aware is told LOST of tasks that may only be unreachable; they may
// come back. An answer to reconciliation that the master knows nothing is no news of the task: it may
// have been asked for before the task's end was heard of.
func (k *checker) forward(l *taskLife, s *mesosproto.TaskStatus) {
	to := s.GetState()
	l.unknown = to == mesosproto.TaskState_TASK_UNKNOWN
	if l.unknown {
		return
	}
	from, first := l.last, l.lastFrom == nil
	if !first && transitions.Terminal(from) && knowsNothing(s) {
		return
	}
	byMaster := l.lastFrom.GetSource() == mesosproto.TaskStatus_SOURCE_MASTER
	l.last, l.lastFrom = to, s
	if first {
		from = mesosproto.TaskState_TASK_STAGING
	}
	k.updates.reached.Changes[Change{from, to}]++
	switch {
	case first || from == to || transitions.Task.Allowed(from, to):
	case from == mesosproto.TaskState_TASK_LOST && !l.aware && byMaster: // its agent may come back
	case l.amnesic, l.rebooted && !transitions.Terminal(from):
	default:
		k.violated(InvariantForward, "task %s of %s: %v (%s) after %v", l.key.task, l.key.framework, to, why(s), from)
	}
}

// why is where a status comes from, for people.
func why(s *mesosproto.TaskStatus) string {
	out := s.GetSource().String()
	if s.Reason != nil {
		out += ", " + s.GetReason().String()
	}
	if s.Message != nil {
		out += ", " + s.GetMessage()
	}
	return out
}

// knowsNothing reports whether a status is how a master answers a question about a task that it does
// not have.
func knowsNothing(s *mesosproto.TaskStatus) bool {
	if s.GetReason() != mesosproto.TaskStatus_REASON_RECONCILIATION || s.GetSource() != mesosproto.TaskStatus_SOURCE_MASTER {
		return false
	}
	switch s.GetState() {
	case mesosproto.TaskState_TASK_UNREACHABLE, mesosproto.TaskState_TASK_LOST, mesosproto.TaskState_TASK_GONE,
		mesosproto.TaskState_TASK_GONE_BY_OPERATOR:
		return true
	}
	return false
}

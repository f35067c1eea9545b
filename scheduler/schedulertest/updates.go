package schedulertest

import (
	"slices"
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
	at         int             // of sent: which it sent last
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
	ended      bool                   // its end was heard, though its agent has forgotten that and said otherwise
	survived   int                    // how many of sent an earlier process of the agent sent
	forgot     forgetting
	// See killed.go.
	spoken  bool          // a master has told the framework of it
	knownTo string        // the master that knows it alive; empty: none, as far as is known
	grace   time.Duration // its own
	kill    *kill         // nil: none was taken
	telling               // of its executor
}

// forgetting is what an agent may not know any more of a task, because of how a process of it ended.
type forgetting struct {
	all   bool // anything; else only what is not terminal, and acknowledgements
	sent  int  // how many of sent
	said  int  // how many of said
	fresh bool // nothing was sent since
	back  bool // nothing new was heard since, so the task may go back
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
	k.forget(agent, false)
}

// amnesic notes that an agent died while its disk refused writes. What could not be written is missing
// after its next start.
func (k *checker) amnesic(agent string) { k.forget(agent, true) }

func (k *checker) forget(agent string, all bool) {
	for _, l := range k.updates.order {
		if was := l.forgot; l.agent == agent {
			l.forgot = forgetting{all || was.all && (was.fresh || was.back), len(l.sent), len(l.said), true, true}
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
	fresh, end := l.forgot.fresh, transitions.Terminal(x.GetUpdate().GetStatus().GetState())
	l.forgot.fresh = false
	if i := slices.Index(l.sent, uuid); i >= 0 {
		if !fresh && (i < l.at || i > l.at && !l.acked[l.sent[l.at]]) {
			k.violated(InvariantOrder, "task %s of %s: the agent sends update %x again after %x", l.key.task, l.key.framework, uuid, l.sent[l.at])
		}
		if l.at = i; fresh && l.forgot.all {
			l.over = end // a later end is forgotten
		}
		return
	}
	switch n := len(l.sent); {
	case n == 0 || fresh && l.forgot.all:
	case n == l.survived && (l.over || !fresh && !l.acked[l.sent[l.at]]):
		k.violated(InvariantDurable, "task %s of %s: the agent that sent update %x has forgotten it after a crash; now it sends %x", l.key.task, l.key.framework, l.sent[n-1], uuid)
	case !fresh && !l.acked[l.sent[l.at]]:
		k.violated(InvariantOrder, "task %s of %s: the agent sends update %x although %x is not acknowledged", l.key.task, l.key.framework, uuid, l.sent[l.at])
	}
	k.passes(l, uuid)
	l.at = len(l.sent)
	l.sent = append(l.sent, uuid)
	l.over = end
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
	if slices.Contains(l.seen, uuid) {
		return
	}
	l.seen = append(l.seen, uuid)
	n := 0
	for _, sent := range l.sent {
		if n < len(l.seen) && sent == l.seen[n] {
			n++
		}
	}
	if n != len(l.seen) && len(l.sent) > 0 {
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
	case l.forgot.back && (l.forgot.all || !transitions.Terminal(from)):
		l.ended = l.ended || transitions.Terminal(from)
	default:
		k.violated(InvariantForward, "task %s of %s: %v (%s) after %v", l.key.task, l.key.framework, to, why(s), from)
	}
	if slices.Index(l.sent, string(s.GetUuid())) >= l.forgot.sent {
		l.forgot.back = false
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

package schedulertest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// teller is an agent that tells a framework of one task, played by a test.
type teller struct{ k *checker }

var tellersFramework = &mesosproto.FrameworkID{Value: proto.String("f")}

func (x teller) sends(uuid string, s mesosproto.TaskState) {
	x.k.fromAgent(&messagespb.StatusUpdateMessage{Update: &messagespb.StatusUpdate{
		FrameworkId: tellersFramework, Uuid: []byte(uuid), Status: &mesosproto.TaskStatus{TaskId: taskID, State: s.Enum()},
	}})
}

func (x teller) hears(uuid string, s mesosproto.TaskState) {
	x.k.saw(tellersFramework, true, &mesosproto.TaskStatus{TaskId: taskID, Uuid: []byte(uuid), State: s.Enum()})
}

func (x teller) acknowledges(uuid string) {
	x.k.toAgent(&messagespb.StatusUpdateAcknowledgementMessage{FrameworkId: tellersFramework, TaskId: taskID, Uuid: []byte(uuid)})
}

// Who has heard the end of a task need not ask what became of it, though an agent that has forgotten the
// end says that the task runs.
func TestAnEndThatItsAgentForgotNeedNotBeHeardAgain(t *testing.T) {
	for _, forgets := range []bool{false, true} {
		x := teller{watch(t)}
		x.sends("1", starting)
		x.hears("1", starting)
		x.acknowledges("1")
		if forgets {
			x.sends("2", finished)
			x.hears("2", finished)
			x.k.amnesic("")
		}
		x.hears("", running)
		invariant, _ := x.k.updates.of("f", task).wrong(false)
		require.Equal(t, forgets, invariant == "")
		require.Empty(t, x.k.found)
	}
}

// An agent whose machine died may have forgotten what was not synced: it may repeat what it has sent, and go
// on with something else. That excuses what it says next, and what becomes of the task until then, no more.
func TestARebootExcusesOnlyWhatItExplains(t *testing.T) {
	const staging, terminal = mesosproto.TaskState_TASK_STAGING, finished
	for name, c := range map[string]struct {
		found []string
		do    func(x teller)
	}{
		"all again": {nil, func(x teller) {
			x.k.rebooted("")
			x.sends("1", starting)
			x.hears("1", starting)
			x.acknowledges("1")
			x.sends("2", running)
			x.hears("2", running)
			x.acknowledges("2")
			x.sends("3", terminal)
			x.hears("3", terminal)
		}},
		"something else": {nil, func(x teller) {
			x.k.rebooted("")
			x.sends("3", terminal)
			x.hears("3", terminal)
		}},
		"something else after an old one": {nil, func(x teller) {
			x.k.rebooted("")
			x.sends("1", starting)
			x.sends("1", starting)
			x.acknowledges("1")
			x.sends("3", terminal)
		}},
		"a second time": {nil, func(x teller) {
			x.k.rebooted("")
			x.sends("1", starting)
			x.acknowledges("1")
			x.sends("2", running)
			x.k.rebooted("")
			x.sends("1", starting)
		}},
		"in another order": {[]string{InvariantOrder}, func(x teller) {
			x.k.rebooted("")
			x.sends("2", running)
			x.sends("1", starting)
		}},
		"without an acknowledgement": {[]string{InvariantOrder}, func(x teller) {
			x.k.rebooted("")
			x.sends("3", running)
			x.sends("4", terminal)
		}},
		"an old one after a new one": {[]string{InvariantOrder}, func(x teller) {
			x.k.rebooted("")
			x.sends("3", running)
			x.hears("3", running)
			x.acknowledges("3")
			x.sends("1", starting)
		}},
		"back": {nil, func(x teller) {
			x.k.rebooted("")
			x.hears("", staging)
			x.hears("1", starting)
		}},
		"back after news": {[]string{InvariantForward}, func(x teller) {
			x.k.rebooted("")
			x.sends("3", running)
			x.hears("3", running)
			x.hears("", staging)
		}},
		"back from the end": {[]string{InvariantForward}, func(x teller) {
			x.sends("3", terminal)
			x.hears("3", terminal)
			x.k.rebooted("")
			x.hears("2", running)
		}},
		"back from the end, which was not written": {nil, func(x teller) {
			x.sends("3", terminal)
			x.hears("3", terminal)
			x.k.amnesic("")
			x.hears("", running)
			x.sends("4", terminal)
			x.hears("4", mesosproto.TaskState_TASK_FAILED)
		}},
		"and back once more": {[]string{InvariantForward}, func(x teller) {
			x.k.amnesic("")
			x.sends("4", terminal)
			x.hears("4", terminal)
			x.hears("", running)
		}},
		"a new one unseen, and the next": {[]string{InvariantOrder}, func(x teller) {
			x.k.rebooted("")
			x.sends("3", running)
			x.sends("4", terminal)
		}},
	} {
		x := teller{watch(t)}
		x.sends("1", starting)
		x.hears("1", starting)
		x.acknowledges("1")
		x.sends("2", running)
		x.hears("2", running)
		x.acknowledges("2")
		c.do(x)
		require.Equal(t, c.found, names(x.k), "%s: %v", name, x.k.found)
	}
}

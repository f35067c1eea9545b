package agent

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/evolve"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// The messages of a reference agent that registers, as captured.
func TestRegistersAsTheReferenceDoes(t *testing.T) {
	r := newRig(t, func(cfg *Config) {
		cfg.Info.Attributes = []*mesosproto.Attribute{{Name: proto.String("rack"), Type: mesosproto.Value_TEXT.Enum(), Text: &mesosproto.Value_Text{Value: proto.String("r1")}}}
	})
	r.run(5 * time.Second)
	require.Len(t, r.master.conns, 1)
	got := r.master.conn().got
	require.Len(t, got, 2)
	m := got[0].(*messagespb.RegisterSlaveMessage)
	require.Nil(t, m.GetSlave().GetId())
	require.Equal(t, "agent1.example", m.GetSlave().GetHostname())
	require.EqualValues(t, 5051, m.GetSlave().GetPort())
	require.True(t, evolve.Checkpoint(m.GetSlave()))
	require.Equal(t, "1.12.0", m.GetVersion())
	require.Len(t, m.GetAgentCapabilities(), 8)
	require.Equal(t, mesosproto.AgentInfo_Capability_MULTI_ROLE, m.GetAgentCapabilities()[0].GetType())
	require.Equal(t, mesosproto.AgentInfo_Capability_TASK_RESOURCE_LIMITS, m.GetAgentCapabilities()[7].GetType())
	require.Len(t, m.GetResourceVersionUuid().GetValue(), 16)
	require.Equal(t, "rack", m.GetSlave().GetAttributes()[0].GetName())
	for _, res := range m.GetSlave().GetResources() {
		//lint:ignore SA1019 it is what old masters read
		require.Equal(t, "*", res.GetRole(), "the format of before reservation refinement: %v", res)
	}
	u := got[1].(*messagespb.UpdateSlaveMessage)
	require.Equal(t, "m-S0", u.GetSlaveId().GetValue())
	require.False(t, u.GetUpdateOversubscribedResources())
	require.NotNil(t, u.GetOperations())
	require.NotNil(t, u.GetResourceProviders())
	require.True(t, proto.Equal(m.GetResourceVersionUuid(), u.GetResourceVersionUuid()))
	require.Equal(t, "m-S0", r.agent.Snapshot().Info.GetId().GetValue())
}

// "retry after random 0..b, b = 2 s doubling, cap 1 min, until answered"
func TestRetriesRegistrationUntilAnswered(t *testing.T) {
	r := newRig(t)
	r.master.auto = false
	r.run(time.Minute)
	sent := r.master.registrations()
	require.Greater(t, sent, 4)
	require.Len(t, r.master.conns, 1, "over one connection")
	r.run(10 * time.Minute)
	require.Greater(t, r.master.registrations()-sent, 9, "at least once a minute")
	require.Less(t, r.master.registrations()-sent, 60, "but it backs off")

	for r.master.conn().closed { // it dials again now and then
		r.run(time.Second)
	}
	r.tell(&messagespb.SlaveRegisteredMessage{SlaveId: agentIDOf("m-S0")})
	require.Equal(t, "RUNNING", r.agent.Snapshot().State)
	sent = r.master.registrations()
	r.run(70 * time.Second)
	require.Equal(t, sent, r.master.registrations())
	r.tell(&messagespb.SlaveRegisteredMessage{SlaveId: agentIDOf("m-S0")})
	require.Empty(t, r.exits, "the answer to a retry")
}

// A connection that broke without notice swallows registrations for as long as TCP does not give up.
func TestDialsAgainWhenRegistrationsAreNotAnswered(t *testing.T) {
	for name, before := range map[string]func(t *testing.T) *rig{
		"new": func(t *testing.T) *rig { return newRig(t) },
		"known": func(t *testing.T) *rig {
			r := registered(t)
			r.master.conn().breaks()
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := before(t)
			r.master.auto = false
			r.run(answerTimeout)
			silent, dialed, sent := r.master.conn(), len(r.master.conns), r.master.registrations()
			require.False(t, silent.closed)
			r.run(time.Minute)
			require.True(t, silent.closed)
			require.Len(t, r.master.conns, dialed+1)
			require.Less(t, r.master.registrations()-sent, 5, "it goes on backing off")
			r.master.auto = true
			for r.agent.Snapshot().State != "RUNNING" {
				r.run(time.Second)
				require.Less(t, len(r.master.conns), dialed+5)
			}
			dialed = len(r.master.conns)
			for range 20 { // the time-out is over, too
				r.run(10 * time.Second)
				r.tell(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
			}
			require.Equal(t, "RUNNING", r.agent.Snapshot().State)
			require.Len(t, r.master.conns, dialed)
		})
	}
}

// The registration was answered; that it takes long to write the id down is not the master's fault.
func TestASlowDiskDoesNotEndARegistration(t *testing.T) {
	r := newRig(t)
	r.master.auto = false
	r.run(5 * time.Second)
	sent := r.master.registrations()
	r.sim.WorkTime = func(*rand.Rand) time.Duration { return 2 * answerTimeout }
	r.tell(&messagespb.SlaveRegisteredMessage{SlaveId: agentIDOf("m-S0")})
	r.run(2*answerTimeout + time.Second)
	require.Equal(t, "RUNNING", r.agent.Snapshot().State)
	require.Len(t, r.master.conns, 1)
	require.Equal(t, sent, r.master.registrations())
}

func TestReregistersWhenTheLinkBreaksAndTellsWhatItRuns(t *testing.T) {
	r := registered(t)
	r.tell(r.runTask(commandTask("a"), true))
	r.tell(r.runTask(executorTask("b", "e"), true))
	r.tell(r.runTask(executorTask("c", "e"), false))
	u := r.updates()
	require.Len(t, u, 1)
	r.master.conn().breaks()
	r.run(5 * time.Second)
	require.Len(t, r.master.conns, 2)
	got := find[*messagespb.ReregisterSlaveMessage](r)
	require.Len(t, got, 1)
	m := got[0]
	require.Equal(t, "m-S0", m.GetSlave().GetId().GetValue())
	require.Len(t, m.GetFrameworks(), 1)
	require.Len(t, m.GetExecutorInfos(), 1, "generated executors are not reported")
	require.Equal(t, "e", m.GetExecutorInfos()[0].GetExecutorId().GetValue())
	require.Len(t, m.GetTasks(), 3)
	a, b := m.GetTasks()[0], m.GetTasks()[1]
	require.Equal(t, mesosproto.TaskState_TASK_RUNNING, a.GetState())
	require.Nil(t, a.GetExecutorId())
	require.Equal(t, mesosproto.TaskState_TASK_STARTING, a.GetStatusUpdateState(), "what the master was told")
	require.Equal(t, u[0].GetUpdate().GetUuid(), a.GetStatusUpdateUuid())
	require.Len(t, a.GetStatuses(), 2)
	require.Equal(t, mesosproto.TaskState_TASK_STAGING, b.GetState())
	require.Equal(t, "e", b.GetExecutorId().GetValue())
	require.Equal(t, "a STARTING EXECUTOR", r.story(), "the head is sent again at once")
}

// The master may have given the agent up between two registrations, and taken the second for news.
func TestTellsAllAgainAfterEachAnswer(t *testing.T) {
	r := registered(t)
	r.tell(r.runTask(commandTask("a"), true))
	require.Equal(t, "a STARTING EXECUTOR", r.story())
	find[*messagespb.UpdateSlaveMessage](r)
	r.tell(&messagespb.SlaveReregisteredMessage{SlaveId: agentIDOf("m-S0")})
	require.IsType(t, &messagespb.UpdateSlaveMessage{}, r.master.conn().got[len(r.master.conn().got)-1])
	require.Equal(t, "a STARTING EXECUTOR", r.story(), "before that")
}

func TestBacksOffWhileTheMasterCanNotBeReached(t *testing.T) {
	r := newRig(t)
	r.master.refuse = true
	r.run(10 * time.Minute)
	dialled := len(r.master.conns)
	require.Greater(t, dialled, 10)
	require.Less(t, dialled, 100)
	r.master.refuse = false
	r.run(2 * time.Minute)
	require.Equal(t, "RUNNING", r.agent.Snapshot().State)
}

// "no ping for total_ping_timeout (75 s) ⇒ re-detect master and re-register"
func TestRegistersAgainWithoutPings(t *testing.T) {
	r := registered(t)
	for range 10 {
		r.run(15 * time.Second)
		r.tell(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
		require.Len(t, find[*messagespb.PongSlaveMessage](r), 1)
	}
	require.Len(t, r.master.conns, 1)
	r.run(76 * time.Second)
	r.run(5 * time.Second)
	require.Len(t, r.master.conns, 2)
	require.Len(t, find[*messagespb.ReregisterSlaveMessage](r), 1)
}

// "connected=false in a ping while RUNNING ⇒ same at once"
func TestRegistersAgainWhenTheMasterSaysThatItIsDisconnected(t *testing.T) {
	r := registered(t)
	r.tell(&messagespb.PingSlaveMessage{Connected: proto.Bool(false)})
	r.run(5 * time.Second)
	require.Len(t, find[*messagespb.ReregisterSlaveMessage](r), 1)
}

func TestFollowsTheLeader(t *testing.T) {
	r := registered(t)
	r.master.leader(nil)
	r.run(time.Minute)
	require.True(t, r.master.conn().closed)
	require.Equal(t, "DISCONNECTED", r.agent.Snapshot().State)
	require.Len(t, r.master.conns, 1)
	old := r.master.conn()
	r.master.leader(&mesosproto.MasterInfo{Id: proto.String("n"), Pid: proto.String("master@10.0.0.2:5050")})
	r.run(5 * time.Second)
	require.Equal(t, "RUNNING", r.agent.Snapshot().State)
	old.closed = false
	old.deliver(r.runTask(commandTask("t"), true))
	r.run(time.Second)
	require.Empty(t, r.box.order, "the old master is not listened to")
	old.deliver(&messagespb.PingSlaveMessage{Connected: proto.Bool(false)})
	r.run(time.Second)
	require.IsType(t, &messagespb.PongSlaveMessage{}, old.got[len(old.got)-1], "but answered")
	require.Equal(t, "RUNNING", r.agent.Snapshot().State)
}

func TestGivesUpWhenRegisteredUnderAnotherID(t *testing.T) {
	r := registered(t)
	r.tell(&messagespb.SlaveRegisteredMessage{SlaveId: agentIDOf("other")})
	require.Len(t, r.exits, 1)
	require.ErrorContains(t, r.exits[0], "other")
	r.run(time.Hour)
	require.Len(t, r.exits, 1)
}

// "Agent answers for each unknown one with a reliable update DROPPED/LOST, RECONCILIATION."
func TestReconcilesTasksThatNeverArrived(t *testing.T) {
	r := registered(t)
	r.tell(r.runTask(commandTask("here"), true))
	r.acknowledgeAll(time.Second)
	r.tell(&messagespb.SlaveReregisteredMessage{
		SlaveId: agentIDOf("m-S0"),
		Reconciliations: []*messagespb.ReconcileTasksMessage{
			{FrameworkId: fid("f"), Statuses: []*mesosproto.TaskStatus{{TaskId: tid("here")}, {TaskId: tid("lost")}}},
			{FrameworkId: fid("g"), Statuses: []*mesosproto.TaskStatus{{TaskId: tid("gone")}}, Framework: &mesosproto.FrameworkInfo{Id: fid("g")}},
		},
	})
	require.Equal(t, lines(
		"lost DROPPED AGENT RECONCILIATION: Reconciliation: task unknown to the agent",
		"gone LOST AGENT RECONCILIATION: Reconciliation: task unknown to the agent",
	), r.story())
	r.run(11 * time.Second)
	require.Len(t, r.updates(), 2, "until they are acknowledged")
}

func TestShutdownEndsEverythingThenTheAgent(t *testing.T) {
	r := registered(t)
	r.tell(r.runTask(commandTask("a"), true))
	r.tell(r.runTask(executorTask("b", "e"), true))
	p := r.subscribe("e", nil)
	p.types()
	r.updates()
	r.tell(&messagespb.ShutdownMessage{Message: proto.String("Agent has been marked gone")})
	require.Equal(t, []string{"SHUTDOWN"}, p.types())
	require.Empty(t, r.exits)
	r.run(10 * time.Second)
	require.Len(t, r.exits, 1)
	require.ErrorContains(t, r.exits[0], "Agent has been marked gone")
	for _, k := range r.box.order {
		require.NotNil(t, k.ended)
	}
	require.Empty(t, r.story(), "nobody wants to hear of it")
}

func TestUnregisterTellsTheMaster(t *testing.T) {
	r := registered(t)
	r.tell(r.runTask(commandTask("a"), true))
	r.agent.Unregister("the machine is sold")
	r.run(time.Minute)
	require.Len(t, find[*messagespb.UnregisterSlaveMessage](r), 1)
	require.NotNil(t, r.box.last().ended)
	require.Len(t, r.exits, 1)
	require.ErrorContains(t, r.exits[0], "the machine is sold")
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	good := Config{Async: newBox(nil), Detector: StaticDetector("127.0.0.1:5050"), Dialer: &master{}}
	for field, change := range map[string]func(*Config){
		"Containerizer":       func(c *Config) { c.Async = nil },
		"Detector":            func(c *Config) { c.Detector = nil },
		"Dialer":              func(c *Config) { c.Dialer = nil },
		"WorkDir":             func(c *Config) { c.WorkDir = "relative" },
		"RegistrationBackoff": func(c *Config) { c.RegistrationBackoff = -1 },
	} {
		cfg := good
		change(&cfg)
		_, err := New(cfg)
		require.ErrorContains(t, err, "agent.Config."+field)
	}
	a, err := New(good)
	require.NoError(t, err)
	require.Equal(t, "slave(1)@127.0.0.1:5051", a.PID())
	a.Stop()
	a.Stop()
}

func TestStaticDetectorNamesTheMaster(t *testing.T) {
	var got *mesosproto.MasterInfo
	cancel := StaticDetector("10.0.0.1:5050").Detect(func(m *mesosproto.MasterInfo) { got = m })
	defer cancel()
	require.Equal(t, "master@10.0.0.1:5050", got.GetPid())
	require.Equal(t, "10.0.0.1", got.GetAddress().GetIp())
	require.EqualValues(t, 5050, got.GetPort())
	require.EqualValues(t, 16777226, got.GetIp())

	found := make(chan *mesosproto.MasterInfo, 1)
	cancel = StaticDetector("localhost:5050").Detect(func(m *mesosproto.MasterInfo) { found <- m })
	defer cancel()
	require.Equal(t, "master@127.0.0.1:5050", (<-found).GetPid())
	cancel = StaticDetector("no port").Detect(func(*mesosproto.MasterInfo) { t.Error("there is none") })
	cancel()
}

func TestAgentThatCanNotRememberItsIDGivesUp(t *testing.T) {
	r := newRig(t, withStore(errors.New("no space left on device")))
	r.run(10 * time.Second)
	require.Len(t, r.exits, 1)
	require.ErrorContains(t, r.exits[0], "no space left on device")
}

func TestResourcesThatCanNotBeDowngradedStayAsTheyAre(t *testing.T) {
	rs, err := resources.Parse("cpus:1")
	require.NoError(t, err)
	list := rs.Proto()
	list[0].Reservations = []*mesosproto.Resource_ReservationInfo{
		{Type: mesosproto.Resource_ReservationInfo_DYNAMIC.Enum(), Role: proto.String("a")},
		{Type: mesosproto.Resource_ReservationInfo_DYNAMIC.Enum(), Role: proto.String("a/b")},
	}
	require.Equal(t, list, (&olderForm{}).form(list))
}

// A framework whose id can't be the name of a directory, or is not the one that is meant, is not taken in.
func TestReconcilesNoFrameworkWithABadID(t *testing.T) {
	for _, c := range []struct {
		meant, id string
		taken     bool
	}{
		{"f", "f", true}, {"", "", false}, {"..", "..", false}, {"a/b", "a/b", false}, {"f", "another", false},
	} {
		r := registered(t)
		r.tell(&messagespb.SlaveReregisteredMessage{
			SlaveId: agentIDOf("m-S0"),
			Reconciliations: []*messagespb.ReconcileTasksMessage{{
				FrameworkId: fid(c.meant),
				Framework:   &mesosproto.FrameworkInfo{Id: fid(c.id), User: proto.String("nobody"), Name: proto.String("f"), Checkpoint: proto.Bool(true)},
				Statuses:    []*mesosproto.TaskStatus{{TaskId: tid("t"), State: mesosproto.TaskState_TASK_LOST.Enum()}},
			}},
		})
		require.Equal(t, c.taken, len(r.agent.core.frameworks) == 1, "%+v", c)
	}
}

package mesokit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/httpv1"
)

// peer is a framework that a test drives by hand: callbacks end up in channels.
type peer struct {
	scheduler.Base
	driver     *scheduler.Driver
	registered chan *mesosproto.FrameworkID
	offers     chan *mesosproto.Offer
	updates    chan *mesosproto.TaskStatus
	errs       chan error
}

func (p *peer) Registered(_ *scheduler.Driver, id *mesosproto.FrameworkID, _ *mesosproto.MasterInfo) {
	p.registered <- id
}

func (p *peer) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, o := range offers {
		select {
		case p.offers <- o:
		default: // nobody waits for so many
			d.Decline(scheduler.OfferIDs(o))
		}
	}
}

func (p *peer) StatusUpdate(_ *scheduler.Driver, s *mesosproto.TaskStatus) { p.updates <- s }

func (p *peer) Error(_ *scheduler.Driver, err error) { p.errs <- err }

// next takes one thing out of a channel, or fails the test after a while.
func next[T any](t *testing.T, what string, c chan T) T {
	t.Helper()
	select {
	case x := <-c:
		return x
	case <-time.After(30 * time.Second):
		require.FailNow(t, "nothing came", what)
		panic("unreachable")
	}
}

// join starts a framework and waits until it is registered.
func join(t *testing.T, dial func(*scheduler.Config), id *mesosproto.FrameworkID) *peer {
	p := connect(t, dial, id)
	next(t, "Registered", p.registered)
	return p
}

func connect(t *testing.T, dial func(*scheduler.Config), id *mesosproto.FrameworkID) *peer {
	p := &peer{
		registered: make(chan *mesosproto.FrameworkID, 8), offers: make(chan *mesosproto.Offer, 1),
		updates: make(chan *mesosproto.TaskStatus, 64), errs: make(chan error, 8),
	}
	cfg := scheduler.Config{
		Framework: &mesosproto.FrameworkInfo{Name: proto.String("peer"), User: proto.String("root"), Id: id, FailoverTimeout: proto.Float64(60)},
		Scheduler: p,
	}
	dial(&cfg)
	d, err := scheduler.New(cfg)
	require.NoError(t, err)
	require.NoError(t, d.Start())
	p.driver = d
	t.Cleanup(func() {
		d.Teardown()
		d.Join()
	})
	return p
}

// launch puts a command into the next offer.
func (p *peer) launch(t *testing.T, id, command string, change ...func(*mesosproto.TaskInfo)) *mesosproto.TaskInfo {
	room := scheduler.RoomIn(next(t, "an offer", p.offers))
	task := scheduler.CommandTask(id, command, small)
	require.True(t, room.Put(task))
	for _, f := range change {
		f(task)
	}
	require.NoError(t, p.driver.LaunchTasks(room.Offers(), []*mesosproto.TaskInfo{task}, scheduler.RefuseFor(0)))
	return task
}

// expect takes the next updates and compares task, state, source and reason.
func (p *peer) expect(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		s := next(t, w, p.updates)
		got := fmt.Sprintf("%s %s %s", s.GetTaskId().GetValue(), s.GetState(), s.GetSource())
		if s.Reason != nil {
			got += " " + s.GetReason().String()
		}
		require.Equal(t, w, got, s.GetMessage())
	}
}

// reconcile asks for the states of all tasks and waits for the answer; updates that are sent again on
// the way do not count.
func (p *peer) reconcile(t *testing.T, want string) {
	t.Helper()
	require.NoError(t, p.driver.Reconcile())
	for {
		s := next(t, want, p.updates)
		if s.GetReason() == mesosproto.TaskStatus_REASON_RECONCILIATION {
			require.Equal(t, want, s.GetTaskId().GetValue()+" "+s.GetState().String())
			return
		}
		require.NotNil(t, s.Uuid, "an update that is not acknowledged yet")
	}
}

// One body over each way from a framework to a master: what a framework sees must not depend on it.
func TestEveryTransportShowsTheSame(t *testing.T) {
	c, err := mesokit.StartCluster(t.Context(), mesokit.ClusterConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Stop()) })
	for name, dial := range map[string]func(*scheduler.Config){
		"in process":     func(cfg *scheduler.Config) { cfg.Dialer = c.Dialer() },
		"HTTP, protobuf": func(cfg *scheduler.Config) { cfg.Dialer, cfg.Master = httpv1.Dialer{}, c.Address() },
		"HTTP, JSON":     func(cfg *scheduler.Config) { cfg.Dialer, cfg.Master = httpv1.Dialer{JSON: true}, c.Address() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Run("tasks run to their end", func(t *testing.T) {
				p := join(t, dial, nil)
				p.launch(t, "good", "exit 0")
				p.expect(t, "good TASK_STARTING SOURCE_EXECUTOR", "good TASK_RUNNING SOURCE_EXECUTOR", "good TASK_FINISHED SOURCE_EXECUTOR")
				p.launch(t, "bad", "exit 3")
				p.expect(t, "bad TASK_STARTING SOURCE_EXECUTOR", "bad TASK_RUNNING SOURCE_EXECUTOR", "bad TASK_FAILED SOURCE_EXECUTOR")
			})
			t.Run("a task can be killed and reconciled", func(t *testing.T) {
				p := join(t, dial, nil)
				task := p.launch(t, "long", "sleep 1000")
				p.expect(t, "long TASK_STARTING SOURCE_EXECUTOR", "long TASK_RUNNING SOURCE_EXECUTOR")
				p.reconcile(t, "long TASK_RUNNING")
				require.NoError(t, p.driver.Kill(task.GetTaskId()))
				p.expect(t, "long TASK_KILLED SOURCE_EXECUTOR")
			})
			t.Run("what does not fit is refused with a reason", func(t *testing.T) {
				p := join(t, dial, nil)
				require.NoError(t, p.driver.Kill(&mesosproto.TaskID{Value: proto.String("nobody")}))
				p.expect(t, "nobody TASK_LOST SOURCE_MASTER REASON_RECONCILIATION")
				p.launch(t, "both", "true", func(task *mesosproto.TaskInfo) {
					task.Executor = scheduler.CustomExecutor("e", "true", small)
				})
				p.expect(t, "both TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID")
				stale := next(t, "an offer", p.offers)
				require.NoError(t, p.driver.Decline(scheduler.OfferIDs(stale), scheduler.RefuseFor(0)))
				room := scheduler.RoomIn(stale)
				task := scheduler.CommandTask("stale", "true", small)
				require.True(t, room.Put(task))
				require.NoError(t, p.driver.LaunchTasks(room.Offers(), []*mesosproto.TaskInfo{task}))
				p.expect(t, "stale TASK_LOST SOURCE_MASTER REASON_INVALID_OFFERS")
			})
			t.Run("a second driver with the same id takes over", func(t *testing.T) {
				first := connect(t, dial, nil)
				id := next(t, "Registered", first.registered)
				first.launch(t, "stays", "sleep 1000")
				first.expect(t, "stays TASK_STARTING SOURCE_EXECUTOR", "stays TASK_RUNNING SOURCE_EXECUTOR")
				second := join(t, dial, id)
				require.ErrorContains(t, next(t, "the first one's end", first.errs), "Framework failed over")
				second.reconcile(t, "stays TASK_RUNNING")
				second.driver.Teardown()
				require.NoError(t, second.driver.Join())
				third := connect(t, dial, id)
				require.ErrorContains(t, next(t, "a refusal", third.errs), "Framework has been removed")
			})
		})
	}
}

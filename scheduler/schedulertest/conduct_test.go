package schedulertest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// misbehaving is a framework that launches one task, with one thing that it may do wrong. It is its own
// disk: what is in saved.
type misbehaving struct {
	scheduler.Base
	saved map[string]mesosproto.TaskState

	hoards    bool          // keeps what it has no use for
	thinks    time.Duration // before it uses offers, whatever became of them
	twice     bool          // launches with the same offer again
	unsaved   bool          // launches before it saves
	saveAfter time.Duration // and acknowledgements don't wait for it
}

func (f *misbehaving) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	if f.thinks > 0 {
		d.AfterFunc(f.thinks, func() { f.use(d, offers) })
		return
	}
	f.use(d, offers)
}

func (f *misbehaving) use(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, o := range offers {
		if _, launched := f.saved["t"]; !launched {
			room := scheduler.RoomIn(o)
			task := scheduler.CommandTask("t", "sleep 10", resources.MustParse("cpus:1;mem:64"))
			room.Put(task)
			if !f.unsaved {
				f.saved["t"] = mesosproto.TaskState_TASK_STAGING
			}
			_ = d.LaunchTasks(room.Offers(), []*mesosproto.TaskInfo{task})
			if f.twice {
				another := scheduler.CommandTask("u", "sleep 10", resources.MustParse("cpus:1;mem:64"))
				room.Put(another)
				f.saved["u"] = mesosproto.TaskState_TASK_STAGING
				_ = d.LaunchTasks(room.Offers(), []*mesosproto.TaskInfo{another})
			}
		} else if !f.hoards {
			_ = d.Decline(scheduler.OfferIDs(o))
		}
	}
}

func (f *misbehaving) StatusUpdate(d *scheduler.Driver, s *mesosproto.TaskStatus) {
	save := func() { f.saved[s.GetTaskId().GetValue()] = s.GetState() }
	if f.saveAfter > 0 {
		d.AfterFunc(f.saveAfter, save)
	} else {
		save()
	}
}

func (f *misbehaving) Remembers(task string) (mesosproto.TaskState, bool) {
	s, ok := f.saved[task]
	return s, ok
}

func TestWhatFrameworksDoWrongIsFoundByName(t *testing.T) {
	never := schedulertest.Notice{}
	for _, c := range []struct {
		name     string
		f        misbehaving
		mishap   func(c *schedulertest.Cluster, f *schedulertest.Framework)
		violates string
	}{
		{name: "nothing", mishap: func(c *schedulertest.Cluster, f *schedulertest.Framework) { f.BreakLink(never) }},
		{name: "keeps offers", f: misbehaving{hoards: true}, violates: schedulertest.InvariantHoarded},
		{name: "thinks for long, but in time", f: misbehaving{thinks: time.Minute}},
		{
			name: "uses offers that were rescinded", f: misbehaving{thinks: 30 * time.Second}, violates: schedulertest.InvariantStale,
			mishap: func(c *schedulertest.Cluster, f *schedulertest.Framework) {
				f.WaitForOffer()
				c.Agent(0).BreakLink(schedulertest.Notice{})
			},
		},
		{
			name: "uses offers of the last connection", f: misbehaving{thinks: 30 * time.Second}, violates: schedulertest.InvariantStale,
			mishap: func(c *schedulertest.Cluster, f *schedulertest.Framework) {
				f.WaitForOffer()
				f.BreakLink(schedulertest.Notice{})
			},
		},
		{name: "uses an offer twice", f: misbehaving{twice: true}, violates: schedulertest.InvariantStale},
		{name: "launches before it saves", f: misbehaving{unsaved: true}, violates: schedulertest.InvariantSaved},
		{name: "acknowledges before it saves", f: misbehaving{saveAfter: time.Second}, violates: schedulertest.InvariantSaved},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := explore(t, schedulertest.Exploration{
				Seeds: 1, Faults: 1, Within: time.Microsecond, NoShrink: true, // one that does nothing
				Kinds: []schedulertest.FaultKind{schedulertest.SlowRegistry},
				Scenario: func(_ testing.TB, cluster *schedulertest.Cluster) {
					c.f.saved = map[string]mesosproto.TaskState{}
					f := cluster.Run(scheduler.Config{Framework: info(), Scheduler: &c.f})
					if c.mishap != nil {
						c.mishap(cluster, f)
					}
					cluster.Advance(time.Minute)
				},
			})
			if c.violates == "" {
				require.Empty(t, text)
			} else {
				require.Contains(t, text, "invariant violated: "+c.violates+":")
			}
		})
	}
}

// A framework that has launched nothing may come back as another; one that has may not, unless its disk
// is gone or the master has removed it.
func TestAFrameworkThatComesBackAsAnotherIsFound(t *testing.T) {
	for _, c := range []struct {
		name     string
		launches bool
		disk     bool
		bad      bool
	}{
		{"nothing launched", false, true, false},
		{"its disk is gone", true, false, false},
		{"it forgot its id", true, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := explore(t, schedulertest.Exploration{
				Seeds: 1, Faults: 1, Within: time.Microsecond, NoShrink: true,
				Kinds: []schedulertest.FaultKind{schedulertest.SlowRegistry},
				Scenario: func(_ testing.TB, cluster *schedulertest.Cluster) {
					f := cluster.RunProcess(func(bool) scheduler.Config {
						l := &launcher{}
						if c.launches {
							l.commands = []string{"server"}
						}
						return scheduler.Config{Framework: info(), Scheduler: l}
					})
					cluster.Advance(time.Minute)
					f.Crash()
					f.Restart(c.disk)
					cluster.Advance(time.Minute)
				},
			})
			if c.bad {
				require.Contains(t, text, "invariant violated: "+schedulertest.InvariantIdentity+":")
			} else {
				require.Empty(t, text)
			}
		})
	}
}

func TestWhatAFrameworkWasToldAndAskedForCanBeLookedAt(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{})
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: &launcher{commands: []string{"sleep 10"}}})
	f.WaitForAcknowledgement("task-0", finished)
	require.Equal(t, []mesosproto.TaskState{starting, running, finished}, f.Acknowledged("task-0"))
	require.Nil(t, f.Acknowledged("task-1"))
	require.Equal(t, "sleep 10", f.Task("task-0").GetCommand().GetValue())
	require.Nil(t, f.Task("task-1"))
	require.Len(t, f.Launched, 1)
	offered, err := resources.FromProto(f.Offers[0].GetResources())
	require.NoError(t, err)
	require.True(t, offered.Unallocate().Equal(resources.MustParse(schedulertest.DefaultResources)), "%s", offered)
	require.Same(t, c.Agent(0), f.AgentOf("task-0"))
	require.Nil(t, f.AgentOf("task-1"))

	idle := c.Run(scheduler.Config{Framework: info(), Scheduler: &misbehaving{saved: map[string]mesosproto.TaskState{"t": finished}, hoards: true}})
	id := idle.WaitForOffer()
	require.Equal(t, idle.Offers[0].GetId().GetValue(), id)
	require.NoError(t, idle.Driver().Decline([]*mesosproto.OfferID{{Value: proto.String(id)}}))
}

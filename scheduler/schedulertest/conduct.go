package schedulertest

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/scheduler"
)

// Rememberer is implemented by a Scheduler that lets its disk be looked into: what is said there of a
// task must not be behind what the framework has told the cluster ([InvariantSaved]).
type Rememberer interface {
	// Remembers returns the state in which the framework would find a task after a crash now; ok is
	// false if it would know nothing of it.
	Remembers(task string) (state mesosproto.TaskState, ok bool)
}

// DefaultHoldOffers is how long a framework may keep an offer, unless Config says otherwise. It is more
// than frameworks keep offers for that do so on purpose: five to six minutes.
const DefaultHoldOffers = 10 * time.Minute

// maxVoid is how many offers that are not valid any more a conduct knows.
const maxVoid = 1024

// conduct is how a framework behaves: what its present process was told, against what it does.
type conduct struct {
	held  map[string]time.Time            // offers that it has to answer, by id: since when
	queue []string                        // of these, and of some that it has answered, the oldest first
	void  map[string]string               // offers that it was told are not valid any more, and how
	order []string                        // of void, the oldest first
	ends  map[string]mesosproto.TaskState // ends that it was told of and has not acknowledged, by uuid
	disk  Rememberer                      // nil: it does not show its disk
	awake time.Time                       // when the process stood still last

	// id is under which it has launched tasks. It outlives the process, as disks do.
	id string
}

// begin forgets what died with the last process, and checks under which id the new one starts. It can
// know one only if its disk is still there.
func (f *Framework) begin(cfg scheduler.Config, disk bool) {
	c := &f.conduct
	id := c.id
	*c = conduct{held: map[string]time.Time{}, void: map[string]string{}, ends: map[string]mesosproto.TaskState{}}
	c.disk, _ = cfg.Scheduler.(Rememberer)
	if !disk || id == "" {
		return
	}
	c.id = id
	if now := cfg.Framework.GetId().GetValue(); now != id {
		f.cluster.check.violated(InvariantIdentity, "%s has launched tasks as framework %s and comes back as framework %q", f.name, id, now)
	}
}

// called notes what a framework asks for, when it asks.
func (k *checker) called(f *Framework, m *schedulerpb.Call) {
	switch m.GetType() {
	case schedulerpb.Call_ACCEPT:
		f.answered(m.GetAccept().GetOfferIds(), true)
		k.asksFor(m)
		for t := range launches(m) {
			f.launches(m.GetFrameworkId().GetValue(), t)
		}
	case schedulerpb.Call_DECLINE:
		f.answered(m.GetDecline().GetOfferIds(), false)
	case schedulerpb.Call_ACKNOWLEDGE:
		f.acknowledges(m.GetAcknowledge())
	}
}

// answered notes that a framework has used or declined offers. To decline one that is void is no mistake.
func (f *Framework) answered(offers []*mesosproto.OfferID, used bool) {
	for _, o := range offers {
		delete(f.conduct.held, o.GetValue())
		if how, void := f.conduct.void[o.GetValue()]; void && used {
			f.cluster.check.violated(InvariantStale, "%s accepts offer %s although %s", f.name, o.GetValue(), how)
		}
		if used {
			f.conduct.invalidate("it has used it before", o.GetValue())
		}
	}
}

func (f *Framework) launches(id string, t *mesosproto.TaskInfo) {
	c, task := &f.conduct, t.GetTaskId().GetValue()
	c.id = id
	l := f.cluster.check.updates.of(id, task)
	l.agent, l.grace = t.GetAgentId().GetValue(), grace(t.GetKillPolicy())
	l.launched = f.cluster.sim.Now()
	f.cluster.check.moved(l)
	if !f.cluster.cfg.NoRecords {
		f.Launched = append(f.Launched, t)
	}
	if c.disk != nil {
		if _, known := c.disk.Remembers(task); !known {
			f.cluster.check.violated(InvariantSaved, "%s launches task %s before it has saved that it does", f.name, task)
		}
	}
}

// acknowledges checks that the end of a task is on disk, for nobody will tell it again. What a task does
// before can be asked for.
func (f *Framework) acknowledges(m *schedulerpb.Call_Acknowledge) {
	c, task := &f.conduct, m.GetTaskId().GetValue()
	end, told := c.ends[string(m.GetUuid())]
	delete(c.ends, string(m.GetUuid()))
	if !told || c.disk == nil {
		return
	}
	if state, known := c.disk.Remembers(task); known && !transitions.Terminal(state) {
		f.cluster.check.violated(InvariantSaved, "%s acknowledges that task %s is %v; on its disk it is %v", f.name, task, end, state)
	}
}

// voided notes that the framework has just been told that offers are void: these, or all that it holds.
// What it asked its driver to send before may still be on its way there, so this takes effect behind it.
func (f *Framework) voided(how string, ids []string) {
	c := &f.conduct
	f.loop.Post(func() {
		for _, id := range ids {
			delete(c.held, id)
		}
		c.invalidate(how, ids...)
	})
}

// invalidate notes of the latest maxVoid offers that can't be used any more why.
func (c *conduct) invalidate(how string, ids ...string) {
	for _, id := range ids {
		c.void[id] = how
	}
	c.order = append(c.order, ids...)
	for len(c.order) > maxVoid {
		delete(c.void, c.order[0])
		c.order = c.order[1:]
	}
}

// hoarded checks that no offer is kept for too long. A framework that stands still may keep its offers:
// its time begins anew.
func (k *checker) hoarded() {
	limit, now := k.cluster.cfg.HoldOffers, k.cluster.sim.Now()
	for _, f := range k.cluster.fws {
		c := &f.conduct
		for len(c.queue) > 0 && c.held[c.queue[0]].IsZero() { // answered
			c.queue = c.queue[1:]
		}
		if limit < 0 || len(c.queue) == 0 || !f.serves() {
			continue
		}
		if f.loop.Paused() || f.calls.Paused() {
			c.awake = now
		}
		if kept := now.Sub(c.held[c.queue[0]]); min(kept, now.Sub(c.awake)) > limit {
			k.violated(InvariantHoarded, "%s has kept offer %s for %v without using or declining it", f.name, c.queue[0], kept.Round(time.Second))
		}
	}
}

// lineUp makes the queue from scratch.
func (c *conduct) lineUp() {
	c.queue = slices.SortedFunc(maps.Keys(c.held), func(a, b string) int {
		return cmp.Or(c.held[a].Compare(c.held[b]), cmp.Compare(a, b))
	})
}

// recorder stands between a driver and its Scheduler and notes what that is told. What it keeps are
// copies: the Scheduler may change what it was given.
type recorder struct {
	scheduler.Scheduler
	framework *Framework
}

func (r recorder) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	f := r.framework
	for _, o := range offers {
		f.conduct.held[o.GetId().GetValue()] = f.cluster.sim.Now()
		f.conduct.queue = append(f.conduct.queue, o.GetId().GetValue())
		f.cluster.check.offersTo(f, o)
		if !f.cluster.cfg.NoRecords {
			f.Offers = append(f.Offers, proto.CloneOf(o))
		}
	}
	r.Scheduler.ResourceOffers(d, offers)
}

func (r recorder) OfferRescinded(d *scheduler.Driver, id *mesosproto.OfferID) {
	r.framework.voided("it was told that it is rescinded", []string{id.GetValue()})
	r.Scheduler.OfferRescinded(d, id)
}

func (r recorder) Disconnected(d *scheduler.Driver) {
	r.framework.voided("it was disconnected since", slices.Sorted(maps.Keys(r.framework.conduct.held)))
	r.Scheduler.Disconnected(d)
}

func (r recorder) StatusUpdate(d *scheduler.Driver, s *mesosproto.TaskStatus) {
	f, id := r.framework, s.GetTaskId().GetValue()
	kept := brief(s)
	f.cluster.check.saw(d.FrameworkID(), f.aware, kept)
	if len(s.GetUuid()) > 0 && transitions.Terminal(s.GetState()) {
		f.conduct.ends[string(s.GetUuid())] = s.GetState()
	}
	if f.cluster.cfg.NoRecords {
		f.Updates[id] = append(f.Updates[id][:0], kept)
	} else {
		f.Updates[id] = append(f.Updates[id], proto.CloneOf(s))
	}
	r.Scheduler.StatusUpdate(d, s)
}

// brief is what the invariants need of a status: less than its framework may keep.
func brief(s *mesosproto.TaskStatus) *mesosproto.TaskStatus {
	return &mesosproto.TaskStatus{TaskId: s.TaskId, State: s.State, Source: s.Source, Reason: s.Reason, Message: s.Message, Uuid: s.Uuid}
}

// Error ends the claim to an id when the driver has ended: the master has removed the framework, or
// another process has taken it over.
func (r recorder) Error(d *scheduler.Driver, err error) {
	var call *scheduler.CallError
	if !errors.As(err, &call) {
		r.framework.conduct.id = ""
	}
	r.Scheduler.Error(d, err)
}

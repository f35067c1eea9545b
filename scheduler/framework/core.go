package framework

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/backoff"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/scheduler"
)

// core is the framework's state during one driver's life. It is touched only from the framework's loop.
type core struct {
	scheduler.Base
	framework *Framework
	cfg       *Config
	store     Store
	log       *zap.Logger

	driver    *scheduler.Driver // nil before Registered
	id        string
	connected bool
	since     time.Time // of the present subscription, or the last one
	latest    time.Time // that was seen; the clock may go back

	declared map[string]*declared // by name
	heard    map[string]*word     // that are in declared, and not known to be saved

	specs map[string]*workload // by name; "" is for tasks that belong to none
	names []string             // of specs, sorted
	tasks map[string]*task

	changes map[string][]byte        // not saved yet
	acks    []*mesosproto.TaskStatus // to be sent when what they say is saved, one a task
	owed    map[string]int           // where in acks, by task
	broken  bool                     // saving failed, and is to be tried again
	saving  backoff.Backoff

	posted  bool        // work will run
	wake    func() bool // stops the timer for what is next to do
	demand  demand      // what the master was told about offers
	asking  func() bool // stops the timer of the next explicit reconciliation; nil: none is due
	askWait backoff.Backoff
	again   func() bool // stops the timer of the next reconciliation without a cause

	ending   bool          // Teardown was called
	endAfter time.Duration // how long a subscription must have lasted for that
	waits    bool          // a timer runs for that
	asked    bool          // the driver was told to do it

	removed bool  // by the master
	done    bool  // and so for good
	failure error // why the framework stopped itself
}

// workload is one spec and what became of it.
type workload struct {
	name    string
	spec    *spec // nil: not declared any more
	tasks   []*task
	slots   []*slot
	ready   int // slots that wait for nothing but an offer
	dirty   bool
	next    time.Time // when something is to be done without an event; zero: never
	refused []Refusal // since the last launch, by agent
}

// task is a Task and what need not survive the process.
type task struct {
	Task
	confirmed bool      // heard of since reconciliation began
	killNext  time.Time // when the kill is repeated; zero: at once
	killWait  backoff.Backoff
	running   time.Time // since when it has been ready, as seen by this process
}

func (t *task) ready(s *spec) bool {
	if t.State != mesosproto.TaskState_TASK_RUNNING || t.Killing != "" {
		return false
	}
	return s == nil || s.task.HealthCheck == nil || t.Healthy != nil && *t.Healthy
}

func newCore(f *Framework) *core {
	return &core{
		framework: f, endAfter: f.endAfter, cfg: &f.cfg, store: f.cfg.Store, log: f.cfg.Logger.Named("framework"),
		declared: map[string]*declared{}, specs: map[string]*workload{}, tasks: map[string]*task{}, changes: map[string][]byte{}, owed: map[string]int{},
		saving:  backoff.Backoff{First: time.Second, Max: 30 * time.Second},
		askWait: backoff.Backoff{First: 2 * time.Second, Max: time.Minute},
	}
}

// Registered remembers the id, before anything can be launched with it, and reads what was left. It does
// so now and not earlier because the former instance, if there was one, has just lost the framework.
func (c *core) Registered(d *scheduler.Driver, id *mesosproto.FrameworkID, _ *mesosproto.MasterInfo) {
	c.driver, c.id = d, id.GetValue()
	c.framework.driver.Store(d)
	entries, err := c.store.Load()
	if err != nil {
		c.fail(err)
		return
	}
	r, err := decode(entries)
	if err != nil {
		c.fail(err)
		return
	}
	if r.id != c.id {
		c.changes[idKey] = []byte(c.id)
	}
	c.ending = r.ending
	c.recall(r.specs)
	for _, t := range r.tasks {
		c.add(&task{Task: t})
	}
	for _, name := range slices.Sorted(maps.Keys(r.outcomes)) {
		w := c.workload(name)
		outcomes := r.outcomes[name]
		for _, index := range slices.Sorted(maps.Keys(outcomes)) {
			for len(w.slots) <= index {
				w.slots = append(w.slots, &slot{index: len(w.slots)})
			}
			w.slots[index].outcome, w.slots[index].last = outcomes[index], outcomes[index].Message
		}
	}
	c.clockWentBack(d.Now()) // that of the last process may have been ahead
	c.subscribed()
}

// Reregistered starts from what is known already.
func (c *core) Reregistered(*scheduler.Driver, *mesosproto.MasterInfo) { c.subscribed() }

func (c *core) subscribed() {
	c.connected, c.since, c.demand = true, c.driver.Now(), unknown
	c.log.Info("subscribed", zap.String("framework_id", c.id), zap.Int("tasks", len(c.tasks)))
	for _, name := range c.names {
		for _, t := range c.specs[name].tasks {
			t.killNext = time.Time{} // a kill of before may be lost
		}
	}
	c.everything()
	c.flush() // the id, first of all
	c.reconcile()
}

// Disconnected stops what needs a connection.
func (c *core) Disconnected(*scheduler.Driver) {
	c.connected = false
	c.post()
}

// AgentLost, ExecutorLost and the like say nothing that updates don't.

// InverseOffers are declined: instances are not moved before their agent goes.
func (c *core) InverseOffers(d *scheduler.Driver, offers []*mesosproto.InverseOffer) {
	ids := make([]*mesosproto.OfferID, len(offers))
	for i, o := range offers {
		ids[i] = o.GetId()
	}
	c.call(d.DeclineInverseOffers(ids))
}

// Error deals with calls that were lost, and notes why the driver ends.
func (c *core) Error(_ *scheduler.Driver, err error) {
	var lost *scheduler.CallError
	if !errors.As(err, &lost) {
		c.connected = false
		c.removed = strings.Contains(apierror.Message(err), "has been removed")
		switch {
		case c.removed && (c.ending || c.framework.ending.Load()):
			c.forgetAll()
		case c.removed && c.cfg.OnRemoved == StartOver:
			c.forget(func(key string) bool { return !strings.HasPrefix(key, specPrefix) })
		}
		c.publish() // nothing comes after it
		return
	}
	c.log.Warn("call lost", zap.Stringer("call", lost.Call.GetType()), zap.String("error", apierror.Message(lost.Err)))
	switch lost.Call.GetType() {
	case schedulerpb.Call_ACCEPT: // did the launch arrive?
		for _, op := range lost.Call.GetAccept().GetOperations() {
			for _, info := range op.GetLaunch().GetTaskInfos() {
				if t := c.tasks[info.GetTaskId().GetValue()]; t != nil {
					t.confirmed = false
				}
			}
		}
		c.askSoon()
		c.declineAgain(lost.Call.GetAccept().GetOfferIds(), refuseUnfit)
	case schedulerpb.Call_DECLINE:
		if status.Code(lost.Err) != codes.Unavailable { // it arrived, and would be refused again
			return
		}
		d := lost.Call.GetDecline()
		c.declineAgain(d.GetOfferIds(), time.Duration(d.GetFilters().GetRefuseSeconds()*float64(time.Second)))
	case schedulerpb.Call_RECONCILE:
		c.askSoon()
	case schedulerpb.Call_SUPPRESS, schedulerpb.Call_REVIVE:
		c.demand = unknown
		c.driver.AfterFunc(time.Second, c.post)
	}
	// A lost KILL is repeated anyway, a lost ACKNOWLEDGE brings the update again.
}

// declineAgain declines offers of which the master may not have heard that they are used or declined: it
// would keep them for this framework for ever. It ignores those that it has heard of, and those of a
// subscription that is over.
func (c *core) declineAgain(offers []*mesosproto.OfferID, refuse time.Duration) {
	c.driver.AfterFunc(time.Second, func() { c.call(c.driver.Decline(offers, scheduler.RefuseFor(refuse))) })
}

// fail ends the framework because it can't remember.
func (c *core) fail(err error) {
	c.log.Error("the framework stops", zap.Error(err))
	c.failure = err
	c.connected = false
	if d := c.driver; d != nil {
		d.Stop(true)
	}
}

// call logs the error of a call that was not queued. The state that it was made from calls for it again
// after the next subscription.
func (c *core) call(err error) {
	if err != nil {
		c.log.Debug("call not made", zap.String("error", apierror.Message(err)))
	}
}

// post has work run after the events that are waiting already, which it then deals with at once. What it
// does takes about a microsecond a task, and a sync of the disk; so that it is not all that is done, it
// waits that long for more.
func (c *core) post() {
	if !c.posted && c.driver != nil {
		c.posted = true
		wait := time.Duration(0)
		if n := len(c.tasks); n > 100 {
			wait = min(time.Duration(n)*time.Microsecond, 50*time.Millisecond)
		}
		c.driver.AfterFunc(wait, func() {
			c.posted = false
			c.work()
		})
	}
}

// everything has all workloads looked at.
func (c *core) everything() {
	c.adopt()
	for _, name := range c.names {
		c.specs[name].dirty = true
	}
	c.post()
}

// work brings what is in line with what should be, after events and when the time has come.
func (c *core) work() {
	now := c.driver.Now()
	c.convergeDue(now)
	if c.flush() && c.ending {
		c.end()
	}
	c.askForOffers()
	c.publish()
	c.setTimer(now)
}

// setTimer wakes the core for whatever is next to do.
func (c *core) setTimer(now time.Time) {
	if c.wake != nil {
		c.wake()
		c.wake = nil
	}
	next := time.Time{}
	for _, name := range c.names {
		if at := c.specs[name].next; !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if !next.IsZero() {
		c.wake = c.driver.AfterFunc(next.Sub(now), func() {
			c.wake = nil
			c.work()
		})
	}
}

// workload returns that of a name, new if need be.
func (c *core) workload(name string) *workload {
	w := c.specs[name]
	if w == nil {
		w = &workload{name: name, dirty: true}
		c.specs[name] = w
		i, _ := slices.BinarySearch(c.names, name)
		c.names = slices.Insert(c.names, i, name)
	}
	return w
}

// add begins to keep a task.
func (c *core) add(t *task) {
	t.killWait = backoff.Backoff{First: c.cfg.KillRetry, Max: 12 * c.cfg.KillRetry}
	w := c.workload(t.Spec)
	w.tasks = append(w.tasks, t)
	w.dirty = true
	c.tasks[t.ID] = t
}

// drop ends keeping a task.
func (c *core) drop(t *task) {
	w := c.specs[t.Spec]
	w.tasks = slices.DeleteFunc(w.tasks, func(x *task) bool { return x == t })
	w.dirty = true
	delete(c.tasks, t.ID)
	c.changes[taskKey(t.ID)] = nil
}

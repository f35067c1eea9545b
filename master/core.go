package master

import (
	"sync/atomic"
	"time"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/internal/masterinfo"
	"github.com/mesokit/mesokit/internal/randomid"
	"github.com/mesokit/mesokit/master/allocator"
	"github.com/mesokit/mesokit/master/offer"
	"github.com/mesokit/mesokit/master/registry"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// phase is how far a master has come.
type phase int

const (
	idle       phase = iota // not started
	following               // not the leader
	recovering              // the leader, reading the registry
	leading                 // serving
	stopped
)

// core decides. All of it but published is touched only on its loop.
type core struct {
	cfg    Config
	loop   loop.Loop
	guards guard.Set
	log    *zap.Logger
	phase  phase

	info                   *mesosproto.MasterInfo
	leader                 *mesosproto.MasterInfo // nil: none known
	startTime, electedTime time.Time
	stopElection           func()
	registrar              *registry.Registrar
	allocator              allocator.Allocator
	stopTimers             []func() bool // of the master itself

	seq            uint64 // orders tasks and executors
	nextFramework  int
	nextAgent      int
	nextOffer      int
	frameworks     map[string]*framework
	frameworkOrder ordered[*framework]
	completed      []*FrameworkState
	completedID    map[string]bool
	orphans        map[string]map[*operation]struct{} // operations of frameworks that are not here; by framework id
	streams        map[link.Stream[*schedulerpb.Event]]*framework

	inbox       *link.Inbox           // of what agents say
	agents      ordered[*agent]       // registered
	byPeer      map[string]*agent     // registered, by pid
	conns       map[link.Conn]*peer   // whatever connection has said something
	admitting   map[string]*admission // pids whose registration waits for the registry
	returning   map[string]*comeback  // ids whose re-registration does
	awaited     ordered[awaitedAgent] // admitted, not yet back since the election
	leavingID   map[string]bool       // awaited ids that are being marked unreachable
	unreachable ordered[lostAgent]
	gone        ordered[lostAgent]
	removed     ordered[struct{}]

	offers     offer.Book
	offerTimes map[string]func() bool  // stop of --offer_timeout, by offer id
	offersOver map[string]*offer.Offer // what is not outstanding any more; empty with guard.OfferCheck

	counters Counters
	reasons  map[Reason]int64

	publisher
	published atomic.Pointer[Snapshot]
}

// awaitedAgent is an agent that the registry knows.
type awaitedAgent struct {
	info *mesosproto.AgentInfo
	slot int
}

// lostAgent is an agent that is unreachable or gone.
type lostAgent struct {
	since time.Time
	slot  int
}

func (c *core) start() {
	if c.phase != idle {
		return
	}
	c.phase = following
	c.startTime = c.loop.Now()
	info, err := completeInfo(c.cfg.Info, c.uuid)
	if err != nil {
		c.fatal(err)
		return
	}
	c.info = info
	c.admitting = make(map[string]*admission)
	c.returning = make(map[string]*comeback)
	c.leavingID = make(map[string]bool)
	c.offerTimes = make(map[string]func() bool)
	c.offersOver = make(map[string]*offer.Offer)
	c.touch()
	c.stopElection = c.cfg.Election.Contend(info, func(leader *mesosproto.MasterInfo) {
		c.loop.Post(func() { c.elected(leader) })
	})
}

// elected hears who leads. A leader that is deposed ends itself, as the reference's process does: nothing
// that it knows may be used any more.
func (c *core) elected(leader *mesosproto.MasterInfo) {
	if c.phase == stopped {
		return
	}
	c.leader = leader
	c.touch()
	mine := leader != nil && leader.GetId() == c.info.GetId()
	switch {
	case mine && c.phase == following:
		c.recover()
	case mine || c.phase == following || c.guards.Off(guard.StepDown):
	case leader == nil: // the election does not hear this master any more, or has no leader itself
		c.fatal(status.Error(codes.Aborted, "this master does not lead any more; no other is known to"))
	default:
		c.fatal(status.Errorf(codes.Aborted, "another master was elected: %s", masterinfo.HostPort(leader)))
	}
}

func (c *core) recover() {
	c.phase = recovering
	c.electedTime = c.loop.Now()
	c.log.Info("elected", zap.String("id", c.info.GetId()))
	c.registrar = registry.New(c.loop, c.cfg.Storage)
	c.registrar.Recover(c.info, func(state *registry.State, err error) {
		if c.phase != recovering {
			return
		}
		if err != nil {
			c.fatal(err)
			return
		}
		c.lead(state)
	})
}

// lead begins to serve with what the registry holds.
func (c *core) lead(state *registry.State) {
	for _, a := range state.Agents() {
		c.await(a.GetInfo())
	}
	for _, a := range state.UnreachableAgents() {
		c.setUnreachable(a.GetId().GetValue(), time.Unix(0, a.GetTimestamp().GetNanoseconds()))
	}
	for _, a := range state.GoneAgents() {
		c.setGone(a.GetId().GetValue(), time.Unix(0, a.GetTimestamp().GetNanoseconds()))
	}
	c.allocator = c.cfg.NewAllocator(c.loop)
	c.allocator.Initialize(allocator.Callbacks{Offer: c.offer, InverseOffer: c.inverseOffer})
	c.allocator.Recover(c.awaited.len(), nil)
	if c.awaited.len() > 0 {
		c.every(c.cfg.AgentReregisterTimeout, false, c.giveUpAwaited)
	}
	c.every(c.cfg.RegistryGCInterval, true, c.forgetLostAgents)
	c.phase = leading
	c.touch()
	c.log.Info("leading", zap.Int("awaited_agents", c.awaited.len()))
}

// every runs f after d, and then again and again if repeat is set, until the master stops.
func (c *core) every(d time.Duration, repeat bool, f func()) {
	i := len(c.stopTimers)
	c.stopTimers = append(c.stopTimers, nil)
	var run func()
	run = func() {
		f()
		if repeat && c.phase != stopped {
			c.stopTimers[i] = c.loop.AfterFunc(d, run)
		}
	}
	c.stopTimers[i] = c.loop.AfterFunc(d, run)
}

// fatal ends the master because it can't go on.
func (c *core) fatal(err error) {
	if c.phase == stopped {
		return
	}
	c.log.Error("the master ends itself", zap.Error(err))
	c.stop()
	c.cfg.OnFatal(err)
}

func (c *core) stop() {
	if c.phase == stopped {
		return
	}
	c.phase = stopped
	if c.stopElection != nil {
		c.stopElection()
	}
	for _, stop := range c.stopTimers {
		stop()
	}
	if c.later != nil {
		c.later.Stop()
	}
	for _, f := range c.frameworkOrder.all() {
		c.stopFrameworkTimers(f)
		if f.stream != nil {
			f.stream.Close()
		}
	}
	for _, a := range c.agents.all() {
		a.stopTimers()
		if a.conn != nil {
			a.conn.Close()
		}
	}
	for _, stop := range sortedStops(c.offerTimes) {
		stop()
	}
	if c.allocator != nil {
		c.allocator.Pause() // and never Resume: no run uses the loop any more
	}
	c.leader = nil
	c.touch()
	c.publish()
}

// serving refuses what only the leader may do.
func (c *core) serving() error {
	switch c.phase {
	case leading:
		return nil
	case recovering:
		return status.Error(codes.Unavailable, "Master has not finished recovery")
	}
	return &apierror.NotLeaderError{Leader: masterinfo.HostPort(c.leader)}
}

// uuid returns a random UUID in its usual form.
func (c *core) uuid() string { return randomid.Text(c.loop.Rand()) }

// seconds is a time as statuses and updates carry it.
func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

// connection tells an agent how long to wait for a ping.
func (c *core) connection() *messagespb.MasterSlaveConnection {
	total := (c.cfg.AgentPingTimeout * time.Duration(c.cfg.MaxAgentPingTimeouts)).Seconds()
	return &messagespb.MasterSlaveConnection{TotalPingTimeoutSeconds: &total}
}

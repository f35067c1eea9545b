package master

import (
	"maps"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
)

// publisher makes snapshots. It remembers what has changed since the last one, so that making the
// next costs in proportion to that.
type publisher struct {
	version     uint64
	scheduled   bool
	later       loop.Timer // runs publish; nil without Config.SnapshotInterval
	dirtyTasks  []*task
	dirtyFws    []*framework
	dirtyAgents []*agent
	newReasons  bool

	last             *Snapshot
	frameworkTable   tableBuilder[FrameworkState]
	agentTable       tableBuilder[AgentState]
	awaitedTable     tableBuilder[mesosproto.AgentInfo]
	unreachableTable tableBuilder[LostAgent]
	goneTable        tableBuilder[LostAgent]
}

// touch asks for a snapshot as soon as what is queued on the loop now has run, or when the time for the next
// one has come.
func (c *core) touch() {
	if c.scheduled {
		return
	}
	c.scheduled = true
	if c.later != nil && c.last != nil {
		if ago := c.loop.Now().Sub(c.last.At); ago >= 0 && ago < c.cfg.SnapshotInterval {
			c.later.Set(c.cfg.SnapshotInterval - ago)
			return
		}
	}
	c.loop.Post(c.publish)
}

func (c *core) touchTask(t *task) {
	if !t.dirty {
		t.dirty = true
		c.dirtyTasks = append(c.dirtyTasks, t)
	}
	c.touchFramework(t.framework)
}

func (c *core) touchFramework(f *framework) {
	if !f.dirty {
		f.dirty = true
		c.dirtyFws = append(c.dirtyFws, f)
	}
	c.touch()
}

func (c *core) touchAgent(a *agent) {
	if !a.dirty {
		a.dirty = true
		c.dirtyAgents = append(c.dirtyAgents, a)
	}
	c.touch()
}

// publish makes a snapshot of what is known now.
func (c *core) publish() {
	c.scheduled = false
	for i, t := range c.dirtyTasks {
		t.dirty = false
		if t.slot >= 0 {
			t.framework.taskTable.set(t.slot, t.snapshot())
		}
		c.dirtyTasks[i] = nil
	}
	c.dirtyTasks = c.dirtyTasks[:0]
	for i, f := range c.dirtyFws {
		f.dirty = false
		if f.slot >= 0 {
			c.frameworkTable.set(f.slot, f.snapshot())
		}
		c.dirtyFws[i] = nil
	}
	c.dirtyFws = c.dirtyFws[:0]
	for i, a := range c.dirtyAgents {
		a.dirty = false
		if a.slot >= 0 {
			c.agentTable.set(a.slot, a.snapshot())
		}
		c.dirtyAgents[i] = nil
	}
	c.dirtyAgents = c.dirtyAgents[:0]

	c.version++
	s := &Snapshot{
		Version:     c.version,
		At:          c.loop.Now(),
		Info:        c.info,
		Cluster:     c.cfg.Cluster,
		Leader:      c.leader,
		Elected:     c.phase == recovering || c.phase == leading,
		Recovered:   c.phase == leading,
		StartTime:   c.startTime,
		ElectedTime: c.electedTime,
		Frameworks:  c.frameworkTable.table(),
		Completed:   c.completed[:len(c.completed):len(c.completed)],
		Agents:      c.agentTable.table(),
		Awaited:     c.awaitedTable.table(),
		Unreachable: c.unreachableTable.table(),
		Gone:        c.goneTable.table(),
	}
	metrics := c.counters
	metrics.OutstandingOffers = int64(c.offers.Len())
	if counting, ok := c.allocator.(interface{ Runs() uint64 }); ok {
		metrics.AllocationRuns = int64(counting.Runs())
	}
	if c.registrar != nil {
		metrics.RegistryQueued, metrics.RegistrySize = int64(c.registrar.Queued()), int64(c.registrar.Size())
	}
	metrics.Reasons = nil
	if c.last != nil && !c.newReasons {
		metrics.Reasons = c.last.Metrics.Reasons
	} else {
		metrics.Reasons = maps.Clone(c.reasons)
	}
	s.Metrics = &metrics
	c.newReasons = false
	c.last = s
	c.published.Store(s)
}

package allocator

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto/quotapb"
	"github.com/mesokit/mesokit/resources"
)

// Hierarchical is the [Allocator] of Mesos: hierarchical dominant resource fairness. It belongs to one
// loop and is touched on that loop alone.
type Hierarchical struct {
	cfg  Config
	loop loop.Loop
	log  *zap.Logger
	back Callbacks

	frameworks map[string]*framework
	roles      map[string]*role
	agentByID  map[string]*agent
	agents     []*agent // by slot; nil: free
	freeSlots  []int
	seats      []*seat // by index; nil: free
	freeSeats  []int

	tree     *tree
	weights  map[string]float64
	quotas   map[string]*quotapb.QuotaConfig
	expiries expiries
	grid     time.Duration // of ticks
	minimum  minimum       // of roles for which frameworks don't say

	whitelist map[string]bool // hostnames; nil: all

	board  board  // what is known of each seat on each agent
	era    uint32 // the last that a seat was given
	active bitset // seats that want offers

	dirty        []*agent // to be looked at by the next run
	allDirty     bool     // all are
	inverseDirty []*agent
	maintained   int      // agents with planned maintenance
	later        []*agent // to be looked at after the interval
	laterArmed   bool
	posted       bool // a run is
	delivering   bool // its offers are being handed over
	paused       int
	awaiting     int // agents to come before anything is offered; 0: no hold
	added        int // agents added so far
	sparse       int // up to so many seats are visited without walking the tree

	run      run
	used     resources.Quantities // scalars offered or used on all agents
	counters Stats
}

var _ Allocator = (*Hierarchical)(nil)

// New makes an allocator that belongs to l. It does nothing before Initialize.
func New(l loop.Loop, cfg Config) *Hierarchical {
	cfg = cfg.withDefaults()
	return &Hierarchical{
		cfg:        cfg,
		loop:       l,
		log:        cfg.Logger,
		frameworks: make(map[string]*framework),
		roles:      make(map[string]*role),
		agentByID:  make(map[string]*agent),
		tree:       newTree(cfg.ExcludeFromShares),
		weights:    make(map[string]float64),
		quotas:     make(map[string]*quotapb.QuotaConfig),
		minimum:    minimumOf(cfg.MinAllocatable),
		grid:       max(cfg.Interval/16, time.Millisecond),
		sparse:     32,
	}
}

// Initialize starts allocation. Called once, first.
func (h *Hierarchical) Initialize(c Callbacks) {
	h.back = c
	h.schedule()
}

// Recover keeps the quotas and, if there are any, holds allocation back until RecoveryFactor of the
// expected agents were added or RecoveryTimeout has passed.
func (h *Hierarchical) Recover(expectedAgents int, quotas map[string]*quotapb.QuotaConfig) {
	for _, role := range sortedKeys(quotas) {
		h.UpdateQuota(role, quotas[role])
	}
	need := int(math.Floor(float64(expectedAgents) * h.cfg.RecoveryFactor))
	if len(h.quotas) == 0 || need <= h.added {
		return
	}
	h.awaiting = need
	h.log.Info("waiting for agents", zap.Int("agents", need), zap.Duration("at_most", h.cfg.RecoveryTimeout))
	h.loop.AfterFunc(h.cfg.RecoveryTimeout, h.endRecovery)
}

func (h *Hierarchical) endRecovery() {
	if h.awaiting == 0 {
		return
	}
	h.log.Info("no longer waiting for agents", zap.Int("agents", h.added))
	h.awaiting = 0
	h.schedule()
}

// Pause holds runs back until as many calls of Resume as of Pause. What happens meanwhile is not
// forgotten.
func (h *Hierarchical) Pause() { h.paused++ }

// Resume ends a Pause; without one it does nothing.
func (h *Hierarchical) Resume() {
	if h.paused > 0 {
		h.paused--
	}
	h.schedule()
}

// held tells whether runs are.
func (h *Hierarchical) held() bool {
	return h.paused > 0 || h.awaiting > 0 || h.back.Offer == nil
}

// touch has the next run look at an agent.
func (h *Hierarchical) touch(a *agent) {
	if !a.dirty {
		a.dirty = true
		h.dirty = append(h.dirty, a)
	}
	h.schedule()
}

// touchAll has the next run look at all agents.
func (h *Hierarchical) touchAll() {
	h.allDirty = true
	h.schedule()
}

// touchLater has a run look at an agent once the interval has passed.
func (h *Hierarchical) touchLater(a *agent) {
	if a.later {
		return
	}
	a.later = true
	h.later = append(h.later, a)
	if h.laterArmed {
		return
	}
	h.laterArmed = true
	h.loop.AfterFunc(h.cfg.Interval, func() {
		h.laterArmed = false
		for _, a := range h.later {
			a.later = false
			h.touch(a)
		}
		clear(h.later)
		h.later = h.later[:0]
	})
}

// schedule posts a run if there is something for it to do: everything that was already posted to the
// loop comes first, so a backlog of events makes one run.
func (h *Hierarchical) schedule() {
	if h.posted || h.held() || len(h.dirty) == 0 && !h.allDirty && len(h.inverseDirty) == 0 {
		return
	}
	h.posted = true
	h.loop.Post(h.allocate)
}

// UpdateWhitelist offers only the agents on these hosts; all lifts that.
func (h *Hierarchical) UpdateWhitelist(hostnames []string, all bool) {
	h.whitelist = nil
	if !all {
		h.whitelist = make(map[string]bool, len(hostnames))
		for _, name := range hostnames {
			h.whitelist[name] = true
		}
	}
	h.touchAll()
}

func (h *Hierarchical) whitelisted(a *agent) bool {
	return h.whitelist == nil || h.whitelist[a.info.GetHostname()]
}

// UpdateQuota keeps a quota; nil, or one without guarantees and limits, removes it. It is not enforced.
func (h *Hierarchical) UpdateQuota(role string, q *quotapb.QuotaConfig) {
	if len(q.GetGuarantees()) == 0 && len(q.GetLimits()) == 0 {
		delete(h.quotas, role)
		return
	}
	h.quotas[role] = q
}

// Quota returns what was kept for a role, or nil.
func (h *Hierarchical) Quota(role string) *quotapb.QuotaConfig { return h.quotas[role] }

// UpdateWeights changes the weights of these roles, each above zero; others keep theirs.
func (h *Hierarchical) UpdateWeights(weights map[string]float64) {
	for _, name := range sortedKeys(weights) {
		w := weights[name]
		if !(w > 0) {
			continue
		}
		h.weights[name] = w
		if r := h.roles[name]; r != nil {
			r.node.weight = w
			r.node.touch()
		}
	}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	if len(m) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(m))
}

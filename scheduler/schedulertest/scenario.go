package schedulertest

import (
	"time"

	"github.com/mesokit/mesokit/agent/containerizer"
)

// Seed is what everything that is left to chance follows from: also what a scenario does should.
func (c *Cluster) Seed() uint64 { return c.cfg.Seed }

// AfterFunc has f called after d of virtual time, whatever happens meanwhile: for a scenario that wants
// something else while faults happen. f must not advance the cluster.
func (c *Cluster) AfterFunc(d time.Duration, f func()) (stop func() bool) { return c.sim.After(d, f) }

// Behave says what containers do that are launched from now on, in place of Config.Behave: for a
// scenario that has a state of its own, which clusters must not share.
func (c *Cluster) Behave(f func(*containerizer.Spec) Behaviour) { c.cfg.Behave = f }

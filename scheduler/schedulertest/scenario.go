package schedulertest

import "time"

// Seed is what everything that is left to chance follows from: also what a scenario does should.
func (c *Cluster) Seed() uint64 { return c.cfg.Seed }

// AfterFunc has f called after d of virtual time, whatever happens meanwhile: for a scenario that wants
// something else while faults happen. f must not advance the cluster.
func (c *Cluster) AfterFunc(d time.Duration, f func()) (stop func() bool) { return c.sim.After(d, f) }

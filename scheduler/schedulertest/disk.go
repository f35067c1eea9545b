package schedulertest

import (
	"time"

	"github.com/mesokit/mesokit/agent/checkpoint"
	checkpointmemory "github.com/mesokit/mesokit/agent/checkpoint/memory"
	"github.com/mesokit/mesokit/internal/loop"
)

// disk says how the disk under a process behaves.
type disk struct {
	slow   time.Duration // each work takes up to that much longer
	broken bool          // writes of the master's registry fail; the agent's store knows by itself
	// passage is that of what is just being written.
	passage *passage
}

// time is how long a work takes.
func (d *disk) time(sim *loop.Sim) time.Duration {
	takes := sim.WorkTime(sim.Rand())
	if d.slow > 0 {
		takes += time.Duration(sim.Rand().Int64N(int64(d.slow)))
	}
	return takes
}

// diskLoop is a loop whose work takes place at some moment within the time that it takes: a crash may
// come before it, or between it and its being heard of.
type diskLoop struct {
	*loop.SimLoop
	sim  *loop.Sim
	disk *disk
}

var _ loop.Loop = diskLoop{}

// Do runs work later, and done after it, unless the process ends before.
func (l diskLoop) Do(work func() error, done func(error)) {
	sim := l.sim
	takes := l.disk.time(sim)
	before := time.Duration(sim.Rand().Int64N(int64(takes) + 1))
	sim.After(before, func() {
		if l.Closed() {
			return
		}
		err := work()
		p := l.disk.passage
		l.disk.passage = nil
		p.halfway(takes - before)
		sim.After(takes-before, func() {
			p.reaches(MomentArriving)
			l.Post(func() { done(err) })
			p.arrived()
		})
	})
}

// agentStore is what an agent's checkpoint is kept in. It knows whether it was refused something that it
// has not been given since: the agent's writer gives it all that it was refused with whatever follows.
type agentStore struct {
	checkpointmemory.Store
	behind bool
}

// Append stores the changes.
func (s *agentStore) Append(changes []checkpoint.Entry, sync bool) error {
	err := s.Store.Append(changes, sync)
	s.behind = err != nil
	return err
}

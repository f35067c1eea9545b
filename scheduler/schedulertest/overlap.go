package schedulertest

import (
	"time"

	"github.com/mesokit/mesokit/internal/loop"
)

// lasting is something that faults do for a while, to a loop, disk or machine.
type lasting struct {
	kind FaultKind
	to   any
}

// during returns what ends a fault that lasts: what it does ends with the last of those that do it.
func (c *Cluster) during(what lasting, end func()) (undo func()) {
	c.lasting[what]++
	return func() {
		if c.lasting[what]--; c.lasting[what] == 0 {
			delete(c.lasting, what)
			end()
		}
	}
}

// pause lets loops stand still. One that has ended meanwhile is not woken.
func (c *Cluster) pause(kind FaultKind, loops ...*loop.SimLoop) (undo func()) {
	for _, l := range loops {
		l.Pause()
	}
	return c.during(lasting{kind, loops[0]}, func() {
		for _, l := range loops {
			if !l.Closed() {
				l.Resume()
			}
		}
	})
}

// skew sets clocks wrong. Of several at a time the last counts.
func (c *Cluster) skew(f Fault, of any, set func(time.Duration)) (undo func()) {
	set(f.By)
	return c.during(lasting{f.Kind, of}, func() { set(0) })
}

// slow makes a disk slow, of several times to the last of them.
func (c *Cluster) slow(f Fault, d *disk) (undo func()) {
	d.slow = f.By
	return c.during(lasting{f.Kind, d}, func() { d.slow = 0 })
}

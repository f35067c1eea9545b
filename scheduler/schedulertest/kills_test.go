package schedulertest_test

import (
	"testing"
	"time"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// killing is a careful framework that kills what it launches, sooner or later, and only once.
type killing struct{ *careful }

func (f killing) StatusUpdate(d *scheduler.Driver, s *mesosproto.TaskStatus) {
	was := f.disk.tasks[s.GetTaskId().GetValue()]
	f.careful.StatusUpdate(d, s)
	kill := func() { _ = d.Kill(s.GetTaskId()) } // while it is disconnected: not at all
	switch n := len(f.disk.order); {
	case was == s.GetState():
	case s.GetState() == starting && n%3 == 0, s.GetState() == unreachable:
		kill()
	case s.GetState() == running && n%3 == 1:
		d.AfterFunc(time.Duration(n)*time.Second, kill)
	}
}

func TestKillsAreNotForgottenWhateverFails(t *testing.T) {
	e := exploration()
	e.Seeds = max(e.Seeds/5, 1)
	e.Scenario = func(_ testing.TB, c *schedulertest.Cluster) {
		c.RunProcess(killers(process("aware", 4, partitionAware)))
		c.RunProcess(killers(process("plain", 3)))
		c.Advance(5 * time.Second)
	}
	ran := schedulertest.Explore(t, e)
	t.Log(ran)
	requireKnown(t, ran.Reached)
}

func killers(begin func(disk bool) scheduler.Config) func(disk bool) scheduler.Config {
	return func(disk bool) scheduler.Config {
		cfg := begin(disk)
		cfg.Scheduler = killing{cfg.Scheduler.(*careful)}
		return cfg
	}
}

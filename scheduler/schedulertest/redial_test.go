package schedulertest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// The connection over which an agent registers again breaks while the answer is on its way, and nobody
// hears of it. TCP would need a quarter of an hour to find out.
func TestAnAgentDoesNotWaitForTCPToRegisterAgain(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{})
	a := c.Agent(0)
	running := func() bool { return a.Snapshot().State == "RUNNING" }
	c.RunUntil(time.Minute, "the agent to register", running)
	a.BreakLink(schedulertest.Notice{})
	c.RunUntil(time.Minute, "the agent to register again", func() bool { return strings.Contains(c.Trace(), "ReregisterSlave") })
	a.BreakLink(schedulertest.Notice{Client: schedulertest.Never, Server: schedulertest.Never})
	c.RunUntil(3*time.Minute, "the agent to register on a new connection", running)
	c.Advance(5 * time.Minute)
	c.CheckSettled()
}

package schedulertest_test

import (
	"testing"
	"time"

	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// An agent that starts anew while the registry takes it in: whoever is admitted is replaced at once, and as
// long as it is there all of the master knows it.
func TestAnAgentThatIsReplacedWhileItIsAdmitted(t *testing.T) {
	for seed := range uint64(10) {
		c := schedulertest.New(t, schedulertest.Config{Seed: seed + 1, Agents: -1})
		c.Advance(time.Second)
		c.Inject(schedulertest.Faults{{Kind: schedulertest.SlowRegistry, For: 3 * time.Minute, By: time.Minute}})
		a := c.AddAgent("cpus:2;mem:1024")
		for range 4 {
			c.Advance(5 * time.Second)
			a.Crash()
			a.LoseDisk()
			a.Restart()
		}
		c.Advance(10 * time.Minute)
		c.CheckSettled()
	}
}

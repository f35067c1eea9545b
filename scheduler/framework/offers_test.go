package framework_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/scheduler/framework"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// held is how many offers the master has out.
func (w *world) held() (n int) {
	for fw := range w.Master().Frameworks.All() {
		n += fw.Offers.Len()
	}
	return n
}

// A master that has not heard of the answer to an offer keeps it for the framework for ever.
func TestNoOfferIsLeakedWhenTheAnswerToItIsLost(t *testing.T) {
	for _, c := range []struct {
		name, agent string
		lose        func(*schedulertest.Framework)
	}{
		{"accept", "cpus:1;mem:64", (*schedulertest.Framework).LoseCall},
		{"answer to accept", "cpus:1;mem:64", (*schedulertest.Framework).LoseAnswer},
		{"decline", "cpus:1;mem:32", (*schedulertest.Framework).LoseCall},
		{"answer to decline", "cpus:1;mem:32", (*schedulertest.Framework).LoseAnswer},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := start(t, schedulertest.Config{Agents: -1}, service(1, "server"))
			w.until("it to wait", func(s *framework.Snapshot) bool { return len(s.Spec("web").Waiting) == 1 })
			w.Advance(time.Minute)
			c.lose(w.runs)
			w.AddAgent(c.agent)
			w.Advance(time.Minute)
			require.Zero(t, w.held())
			if c.agent == "cpus:1;mem:64" {
				w.settled("web", 1)
			}
		})
	}
}

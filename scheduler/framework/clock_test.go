package framework_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/scheduler/framework"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// ahead lets the framework's clock be ten hours ahead for a minute.
func (w *world) ahead(during func()) {
	over := w.Inject(schedulertest.Faults{{Kind: schedulertest.SkewFramework, By: 10 * time.Hour, For: time.Minute}})
	during()
	w.Advance(over.Sub(w.Now()))
}

func TestAClockThatWasAheadDoesNotKeepAnInstanceWaiting(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		w := start(t, schedulertest.Config{}, service(1, "exit 1"))
		w.Advance(time.Minute)
		w.ahead(func() { w.Advance(50 * time.Second) })
		if restarted {
			w.runs.Crash()
			w.begin()
		}
		w.until("it to be launched again", func(s *framework.Snapshot) bool { return len(s.Spec("web").Tasks) > 0 })
	}
}

func TestAClockThatWasAheadDoesNotKeepATaskAlive(t *testing.T) {
	w := start(t, schedulertest.Config{}, service(1, "server"))
	w.ready("web", 1)
	w.Agent(0).Crash()
	w.ahead(func() {
		w.Advance(time.Second)
		w.f.Remove("web")
		w.Advance(50 * time.Second)
	})
	before := strings.Count(w.Trace(), "KILL")
	require.Positive(t, before)
	w.Advance(5 * time.Minute)
	require.Greater(t, strings.Count(w.Trace(), "KILL"), before)
}

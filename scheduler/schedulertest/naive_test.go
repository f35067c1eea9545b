package schedulertest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// failure is a testing.TB that takes the failure of an exploration.
type failure struct {
	testing.TB
	text string
}

func (f *failure) Helper() {}
func (f *failure) Fatalf(format string, args ...any) {
	f.text = fmt.Sprintf(format, args...)
	panic(f)
}

// explore returns how an exploration fails; empty if it does not.
func explore(t *testing.T, e schedulertest.Exploration) string {
	f := &failure{TB: t}
	func() {
		defer func() {
			if x := recover(); x != nil && x != any(f) {
				panic(x)
			}
		}()
		schedulertest.Explore(f, e)
	}()
	return f.text
}

// script is the part of a failure that lists the faults.
func script(text string) []string {
	_, text, _ = strings.Cut(text, "faults:\n")
	text, _, _ = strings.Cut(text, "\nschedulertest.Faults{")
	return strings.Split(strings.TrimSpace(text), "\n")
}

// unasking is a framework that never asks: what it was not told it does not know.
type unasking struct{ *careful }

func (f unasking) Registered(*scheduler.Driver, *mesosproto.FrameworkID, *mesosproto.MasterInfo) {}
func (f unasking) Reregistered(*scheduler.Driver, *mesosproto.MasterInfo)                        {}

func TestAFrameworkThatNeverReconcilesIsCaughtByLostCalls(t *testing.T) {
	e := exploration()
	e.First, e.Seeds, e.Faults = 1, 50, 60
	e.Kinds = []schedulertest.FaultKind{schedulertest.LoseCall, schedulertest.DelayAgent, schedulertest.SkewAgent}
	e.Scenario = func(_ testing.TB, c *schedulertest.Cluster) {
		begin := process("task", 4, partitionAware)
		c.RunProcess(func(disk bool) scheduler.Config {
			cfg := begin(disk)
			cfg.Scheduler = unasking{cfg.Scheduler.(*careful)}
			return cfg
		})
	}
	text := explore(t, e)
	require.Contains(t, text, schedulertest.InvariantBounded+":")
	require.Less(t, len(script(text)), 10, "most of the faults have nothing to do with it")
	require.Contains(t, strings.Join(script(text), "\n"), string(schedulertest.LoseCall))
	require.Contains(t, text, "schedulertest.Faults{", "it can be repeated")
}

// Conditions of the test itself are explored in the same way.
func TestWhatTheScenarioWantsIsShrunkLikeAnInvariant(t *testing.T) {
	e := exploration()
	e.First, e.Seeds, e.Within = 3, 20, time.Minute
	e.Kinds = []schedulertest.FaultKind{schedulertest.CrashAgent, schedulertest.DelayFramework}
	e.Settled = func(t testing.TB, c *schedulertest.Cluster) {
		if strings.Contains(c.Trace(), "crash: agent") {
			t.Error("no agent may ever crash")
		}
	}
	text := explore(t, e)
	require.Contains(t, text, "no agent may ever crash")
	require.Len(t, script(text), 1)
	require.Contains(t, script(text)[0], string(schedulertest.CrashAgent))
}

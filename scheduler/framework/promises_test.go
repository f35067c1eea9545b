package framework_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/framework"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// calls are the times, since the start, of the framework's calls in the trace that match.
func (w *world) calls(expression string) (at []time.Duration) {
	for _, m := range regexp.MustCompile(`(?m)^ *(\S+)  framework-\d+ > master-\d+ `+expression+`$`).FindAllStringSubmatch(w.Trace(), -1) {
		d, err := time.ParseDuration(m[1])
		require.NoError(w.t, err)
		at = append(at, d)
	}
	return at
}

// All tasks are asked for after each subscription, and every ten minutes.
func TestReconciliationIsImplicitAfterEachSubscriptionAndPeriodic(t *testing.T) {
	w := start(t, schedulertest.Config{}, service(2, "server"))
	w.Advance(35 * time.Minute)
	require.Len(t, w.calls("RECONCILE"), 4, "at 0, 10, 20 and 30 minutes")
	w.runs.BreakLink(schedulertest.Notice{})
	w.Advance(time.Minute)
	require.Len(t, w.calls("RECONCILE"), 5)
	w.Advance(9 * time.Minute)
	require.Len(t, w.calls("RECONCILE"), 5, "the ten minutes begin anew")
}

// What is not heard of is asked for by name, with growing waits, until it is.
func TestWhatIsNotHeardOfIsAskedForWithGrowingWaits(t *testing.T) {
	w := start(t, schedulertest.Config{Agents: 2}, service(6, "server"))
	w.ready("web", 6)
	w.CrashMaster()
	w.Agent(0).Crash()
	w.RestartMaster()
	w.Advance(9 * time.Minute) // the new master does not know yet what became of the agent
	asked := w.calls("RECONCILE task .*")
	require.Greater(t, len(asked), 5)
	var waits []time.Duration
	for i := range asked[1:] {
		waits = append(waits, (asked[i+1] - asked[i]).Round(time.Second))
	}
	require.Equal(t, []time.Duration{4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute}, waits[:5])
	w.Agent(0).Restart()
	w.Advance(5 * time.Minute)
	n := len(w.calls("RECONCILE task .*"))
	w.Advance(time.Hour)
	require.Len(t, w.calls("RECONCILE task .*"), n, "all were heard of")
	w.settled("web", 6)
}

// An update that comes again, as its acknowledgement was lost, is acknowledged again and changes nothing.
func TestAnUpdateThatComesAgainIsAcknowledgedAgain(t *testing.T) {
	w := start(t, schedulertest.Config{}, service(1, "sleep 60"))
	id := w.ready("web", 1).Tasks[0].ID
	w.Advance(50 * time.Second)
	w.RunUntil(time.Minute, "the end", func() bool {
		w.runs.LoseCall() // the acknowledgement is the next call
		return len(w.runs.States(id)) == 3
	})
	w.Advance(time.Minute)
	require.Len(t, w.runs.Updates[id], 4, "the last one twice")
	require.GreaterOrEqual(t, len(w.calls("ACKNOWLEDGE "+id+" uuid .*")), 3)
	require.Contains(t, w.runs.Acknowledged(id), mesosproto.TaskState_TASK_FINISHED)
	require.Len(t, w.runs.Launched, 2, "it was replaced once")
}

// A framework that nobody runs is kept for a week.
func TestTheFailoverTimeoutIsAWeek(t *testing.T) {
	w := start(t, schedulertest.Config{}, service(2, "server"))
	before := ids(w.ready("web", 2).Tasks)
	w.runs.Crash()
	w.Advance(7*24*time.Hour - time.Minute)
	w.begin()
	w.settled("web", 2)
	require.Equal(t, before, w.active())
}

// Each operator, in a cluster of six agents on three racks.
func TestConstraintsInACluster(t *testing.T) {
	rack := func(n int) string { return string(rune('a' + n%3)) }
	for _, c := range []struct {
		constraint string
		run        int                             // of six
		ok         func(racks map[string]int) bool // how they may be spread
	}{
		{"rack:UNIQUE", 3, func(r map[string]int) bool { return r["a"] == 1 && r["b"] == 1 && r["c"] == 1 }},
		{"rack:CLUSTER", 6, func(r map[string]int) bool { return len(r) == 1 }},
		{"rack:CLUSTER:b", 6, func(r map[string]int) bool { return r["b"] == 6 }},
		{"rack:GROUP_BY:3", 6, func(r map[string]int) bool { return r["a"] == 2 && r["b"] == 2 && r["c"] == 2 }},
		{"rack:LIKE:[ab]", 6, func(r map[string]int) bool { return r["c"] == 0 }},
		{"rack:UNLIKE:[ab]", 6, func(r map[string]int) bool { return r["c"] == 6 }},
		{"rack:MAX_PER:1", 3, func(r map[string]int) bool { return r["a"] == 1 && r["b"] == 1 && r["c"] == 1 }},
		{"rack:IS:a", 6, func(r map[string]int) bool { return r["a"] == 6 }},
	} {
		t.Run(c.constraint, func(t *testing.T) {
			n := 0
			s := service(6, "server")
			s.Constraints = []framework.Constraint{framework.MustConstraint(c.constraint)}
			w := start(t, schedulertest.Config{Agents: 6, Agent: func(cfg *agent.Config) {
				attributes, err := resources.ParseAttributes("rack:" + rack(n))
				require.NoError(t, err)
				cfg.Info.Attributes = attributes
				n++
			}}, s)
			w.Advance(10 * time.Minute)
			racks := map[string]int{}
			for _, task := range w.ready("web", c.run).Tasks {
				racks[task.Fields["rack"]]++
			}
			require.True(t, c.ok(racks), "%v", racks)
			require.Len(t, w.f.Explain("web"), 6-c.run)
			for _, why := range w.f.Explain("web") {
				require.Contains(t, why.String(), c.constraint)
			}
		})
	}
}

// Of two instances with one id and one store one goes on, however the connection of the first breaks.
func TestTwoInstancesFailOverCleanly(t *testing.T) {
	for _, n := range []schedulertest.Notice{{}, {Client: 20 * time.Second}, {Server: 20 * time.Second}, {Client: schedulertest.Never}, {Server: schedulertest.Never}} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := start(t, schedulertest.Config{Agents: 2}, service(4, "server"))
			before := ids(w.ready("web", 4).Tasks)
			first := w.runs
			first.BreakLink(n)
			w.begin()
			second := w.runs
			w.Advance(10 * time.Minute)
			ended := func(f *schedulertest.Framework) bool { return f.Driver().Err() != nil }
			require.NotEqual(t, ended(first), ended(second), "one of them goes on, the other has ended")
			require.Equal(t, before, w.active())
			for _, f := range []*schedulertest.Framework{first, second} {
				if ended(f) {
					require.True(t, strings.Contains(f.Driver().Err().Error(), "failed over"), f.Driver().Err())
				}
			}
		})
	}
}

// A DECLINE that was lost is sent again; one that was refused would be refused again.
func TestOnlyALostDeclineIsSentAgain(t *testing.T) {
	for code, want := range map[codes.Code]int{codes.Unavailable: 1, codes.InvalidArgument: 0} {
		r := &right{}
		c := schedulertest.New(t, schedulertest.Config{Agents: -1})
		var s scheduler.Scheduler
		f := c.RunProcess(func(disk bool) scheduler.Config {
			cfg := r.process(disk)
			s = cfg.Scheduler
			return cfg
		})
		c.Advance(time.Minute)
		s.Error(f.Driver(), &scheduler.CallError{
			Call: &schedulerpb.Call{Type: schedulerpb.Call_DECLINE.Enum(), Decline: &schedulerpb.Call_Decline{OfferIds: []*mesosproto.OfferID{{Value: proto.String("o")}}}},
			Err:  status.Error(code, "no"),
		})
		c.Advance(time.Minute)
		require.Equal(t, want, strings.Count(c.Trace(), " DECLINE "), "%v", code)
	}
}

package schedulertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
)

// violations are those of a cluster in which something is played.
func violations(t *testing.T, cfg Config, play func(s *stage)) []Violation {
	p := &probe{TB: t}
	var c *Cluster
	p.run(func() {
		c = New(p, cfg)
		play(&stage{c})
	}, func(x any) { panic(x) })
	return c.Violations()
}

// never is a container that never gets ready.
func never(*containerizer.Spec) Behaviour { return Behaviour{Start: 1000 * time.Hour} }

// A task that does not get on is found a minute after its time, at most. The time is counted from the last
// trouble of those on which it depends: no other's, and none that is bearable.
func TestTheTimeOfATaskIsCountedFromTheLastTrouble(t *testing.T) {
	const at, bound = 9 * time.Minute, 10 * time.Minute
	fault := func(f Fault) func(*stage) {
		return func(s *stage) { s.Inject(Faults{f}) }
	}
	for name, c := range map[string]struct {
		anew    bool
		masters int
		do      func(s *stage)
	}{
		"nothing happens":          {false, 1, func(*stage) {}},
		"the framework stands":     {true, 1, fault(Fault{Kind: PauseFramework, For: time.Second})},
		"its connection breaks":    {true, 1, func(s *stage) { s.fws[0].BreakLink(Notice{}) }},
		"it is cut off":            {true, 1, fault(Fault{Kind: CutFrameworkIn, For: time.Second})},
		"it loses a call":          {true, 1, fault(Fault{Kind: LoseCall})},
		"another framework stands": {false, 1, fault(Fault{Kind: PauseFramework, Target: 1, For: time.Second})},
		"its messages are slow":    {false, 1, fault(Fault{Kind: DelayFramework, For: time.Second, By: time.Second})},
		"they are very slow":       {true, 1, fault(Fault{Kind: DelayFramework, For: time.Second, By: time.Minute})},
		"the agent's link breaks":  {true, 1, fault(Fault{Kind: BreakAgentLink})},
		"its containers hang":      {true, 1, fault(Fault{Kind: HangContainerizer, For: time.Second})},
		"its clock is wrong":       {false, 1, fault(Fault{Kind: SkewAgent, For: time.Second, By: time.Hour})},
		"another agent dies":       {false, 1, fault(Fault{Kind: RebootAgent, Target: 1, For: time.Second})},
		"the master crashes":       {true, 1, fault(Fault{Kind: CrashMaster, For: time.Second})},
		"the leader crashes":       {true, 3, fault(Fault{Kind: CrashMaster, For: time.Second})},
		"it is cut off from all":   {true, 3, fault(Fault{Kind: CutMaster, For: time.Second})},
		"the election stands":      {true, 3, fault(Fault{Kind: StopElection, For: time.Second})},
		"another pair is cut":      {false, 3, fault(Fault{Kind: CutPair, Target: 1 + 2*5, Other: 7, For: time.Second})},
	} {
		var begin time.Duration
		found := violations(t, Config{Masters: c.masters, Agents: 1, Behave: never, Bound: bound, HoldOffers: -1}, func(s *stage) {
			f := s.join()
			f.launch(f.offer(), "server")
			s.launched()
			s.AddAgent(DefaultResources)
			s.join()
			begin = s.sinceStart()
			s.Advance(at)
			c.do(s)
			s.Advance(time.Hour)
		})
		require.NotEmpty(t, found, name)
		require.Equal(t, InvariantBounded, found[0].Invariant, name)
		after := found[0].At - begin - bound
		if c.anew {
			require.Greater(t, after, at-time.Minute, name)
			require.Less(t, after, at+5*time.Minute, "%s: even if another has to be elected", name)
		} else {
			require.Positive(t, after, name)
			require.LessOrEqual(t, after, time.Minute, name)
		}
	}
}

func TestNoTimeRunsWhileTroubleLasts(t *testing.T) {
	for _, f := range []Fault{
		{Kind: PauseFramework}, {Kind: CutFramework}, {Kind: HangContainerizer}, {Kind: FailDisk}, {Kind: PauseMaster},
		{Kind: SlowDisk, By: time.Minute},
	} {
		f.For = 40 * time.Minute
		require.Empty(t, violations(t, Config{Behave: never, Bound: 10 * time.Minute}, func(s *stage) {
			p := s.join()
			p.launch(p.offer(), "server")
			s.launched()
			s.Inject(Faults{f})
			s.Advance(f.For + 9*time.Minute)
		}), "%v", f)
	}
}

// An agent that is away can do nothing; its master has to say that it is.
func TestWhileAnAgentIsAwayItsContainersAreNotHeldAgainstIt(t *testing.T) {
	require.Empty(t, violations(t, Config{Bound: 10 * time.Minute}, func(s *stage) {
		f := s.join()
		f.runs("server")
		s.Agent(0).Isolate()
		f.WaitForState(task, mesosproto.TaskState_TASK_LOST)
		s.Advance(2 * time.Hour)
		require.Len(t, s.check.containers(), 1)
	}))
	require.Equal(t, InvariantTruth, violations(t, Config{Bound: 5 * time.Minute, Without: []Guard{GuardAgentSilence}}, func(s *stage) {
		s.join().runs("server")
		s.Agent(0).Destroy()
		s.Advance(10 * time.Minute)
	})[0].Invariant)
}

func TestAnOfferThatIsKeptIsFoundAMinuteAfterItsTime(t *testing.T) {
	for _, c := range []struct {
		hold, stands time.Duration
		found        time.Duration // 0: not
	}{
		{0, 0, DefaultHoldOffers},
		{5 * time.Minute, 0, 5 * time.Minute},
		{-1, 0, 0},
		{0, 30 * time.Minute, 30*time.Minute + DefaultHoldOffers},
	} {
		begin := time.Duration(0)
		found := violations(t, Config{HoldOffers: c.hold}, func(s *stage) {
			s.join().offer()
			begin = s.sinceStart()
			s.Inject(Faults{{Kind: PauseFramework, For: c.stands}})
			s.Advance(time.Hour)
		})
		if c.found == 0 {
			require.Empty(t, found)
			continue
		}
		require.Equal(t, InvariantHoarded, found[0].Invariant)
		require.InDelta(t, (begin + c.found + 30*time.Second).Seconds(), found[0].At.Seconds(), 60, "%+v", c)
	}
}

func TestWhatRunsOnAfterItsFrameworkIsFoundInTime(t *testing.T) {
	found := violations(t, Config{Bound: 10 * time.Minute}, func(s *stage) {
		f := s.join()
		f.runs("server")
		f.driver.Stop(false)
		s.RunUntil(time.Minute, "the teardown", func() bool { return len(s.check.torndown) > 0 })
		m := s.Agent(0).machine
		id := m.order[0]
		x := m.containers[id]
		s.Advance(time.Minute)
		require.NotContains(t, m.containers, id)
		m.containers[id], m.order, x.ended = x, append(m.order, id), false // had it been forgotten
		s.check.emptying = true
		s.Advance(30 * time.Minute)
	})
	require.NotEmpty(t, found)
	require.Equal(t, InvariantTruth, found[0].Invariant)
	require.Contains(t, found[0].What, "was torn down")
	require.Less(t, found[0].At, 15*time.Minute)
}

// What is not looked at every minute is found by the hour.
func TestOnceAnHourEverythingIsChecked(t *testing.T) {
	for invariant, play := range map[string]func(s *stage){
		InvariantBounded: func(s *stage) {
			f := s.join()
			f.launch(f.offer(), "server")
			s.launched()
			s.check.pending = nil
		},
		InvariantHoarded: func(s *stage) {
			f := s.join()
			f.offer()
			f.conduct.queue = nil
		},
	} {
		found := violations(t, Config{Behave: never}, func(s *stage) {
			play(s)
			s.Advance(2 * time.Hour)
		})
		require.Len(t, found, 1, invariant)
		require.Equal(t, invariant, found[0].Invariant)
		require.Equal(t, time.Hour, found[0].At, invariant)
	}
}

// Who sets no bound is only told when all has settled.
func TestWithoutABoundOnlyWhatHasSettledIsChecked(t *testing.T) {
	found := violations(t, Config{Behave: never, Bound: -1}, func(s *stage) {
		f := s.join()
		f.launch(f.offer(), "server")
		s.Advance(24 * time.Hour)
		require.Empty(t, s.Violations())
		s.CheckSettled()
	})
	require.Len(t, found, 1)
}

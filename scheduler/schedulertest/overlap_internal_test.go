package schedulertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What several faults do to the same thing ends with the last of them.
func TestFaultsThatOverlapEndWithTheLast(t *testing.T) {
	for kind, on := range map[FaultKind]func(s *stage) bool{
		PauseMaster:    func(s *stage) bool { return s.master.loop.Paused() },
		PauseAgent:     func(s *stage) bool { return s.Agent(0).loop.Paused() },
		PauseFramework: func(s *stage) bool { return s.fws[0].loop.Paused() && s.fws[0].calls.Paused() },
		PauseExecutor:  func(s *stage) bool { return s.executors()[0].loop.Paused() && s.executors()[0].calls.Paused() },
		SkewMaster:     func(s *stage) bool { return !s.master.loop.Now().Equal(s.Now()) },
		SkewAgent:      func(s *stage) bool { return !s.Agent(0).loop.Now().Equal(s.Now()) },
		SkewFramework: func(s *stage) bool {
			return !s.fws[0].loop.Now().Equal(s.Now()) && !s.fws[0].calls.Now().Equal(s.Now())
		},
		SkewExecutor:      func(s *stage) bool { return !s.executors()[0].loop.Now().Equal(s.Now()) },
		SlowRegistry:      func(s *stage) bool { return s.master.host.disk.slow > 0 },
		FailRegistry:      func(s *stage) bool { return s.master.host.disk.broken },
		SlowDisk:          func(s *stage) bool { return s.Agent(0).disk.slow > 0 },
		FailDisk:          func(s *stage) bool { return s.Agent(0).store.Store.Append(nil, false) != nil },
		HangContainerizer: func(s *stage) bool { return s.Agent(0).machine.hung },
		DelayAgent:        func(s *stage) bool { return len(s.net.lag) > 0 },
		CutAgent:          func(s *stage) bool { return len(s.net.cut) > 0 },
	} {
		s := &stage{New(t, Config{})}
		f := s.join()
		f.launchUnder(f.offer())
		f.WaitForState(task, running)
		s.Inject(Faults{
			{Kind: kind, By: time.Second, For: 3 * time.Second},
			{At: 2 * time.Second, Kind: kind, By: time.Second, For: 3 * time.Second},
		})
		for second, want := range []bool{true, true, true, true, true, false} {
			s.Advance(time.Millisecond)
			require.Equal(t, want, on(s), "%s, after %d s", kind, second)
			s.Advance(time.Second - time.Millisecond)
		}
	}
}

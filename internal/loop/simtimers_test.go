package loop

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever is set and stopped, near or far, timers expire in the order of their times, and among equals in
// that in which they were set.
func TestSimTimersExpireInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type set struct {
			id   int
			at   Instant
			stop func() bool
		}
		s := NewSim(1)
		var waiting []set
		var got, want []int
		id := 0
		for range rapid.IntRange(1, 300).Draw(t, "operations") {
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0, 1, 2:
				mine := id
				id++
				scale := rapid.SampledFrom([]time.Duration{1, time.Microsecond, time.Millisecond, time.Second}).Draw(t, "scale")
				d := time.Duration(rapid.IntRange(-2, 20).Draw(t, "d")) * scale
				stop := s.After(d, func() { got = append(got, mine) })
				waiting = append(waiting, set{mine, s.in(d), stop})
			case 3, 4:
				if n := len(waiting); n > 0 {
					i := rapid.IntRange(0, n-1).Draw(t, "stopped")
					require.True(t, waiting[i].stop())
					require.False(t, waiting[i].stop())
					waiting = slices.Delete(waiting, i, i+1)
				}
			case 5:
				d := time.Duration(rapid.IntRange(0, 30).Draw(t, "advance")) * rapid.SampledFrom([]time.Duration{1, time.Millisecond, time.Second}).Draw(t, "unit")
				end := s.Instant() + Instant(d)
				s.Advance(d)
				require.Equal(t, end, s.Instant())
				slices.SortStableFunc(waiting, func(a, b set) int { return int(a.at - b.at) })
				for len(waiting) > 0 && waiting[0].at <= end {
					require.False(t, waiting[0].stop(), "it is over")
					want = append(want, waiting[0].id)
					waiting = waiting[1:]
				}
				require.Equal(t, want, got)
			}
		}
	})
}

// A timer that is set again and again, for earlier or later, runs once, at the last of these times; the
// order of all is that in which they were set last.
func TestTimersAreSetAnew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type set struct {
			id int
			at Instant
		}
		s := NewSim(1)
		l := s.Loop("l")
		var waiting []set
		var got, want []int
		var timers []Timer
		for id := range 5 {
			timers = append(timers, l.Timer(func() { got = append(got, id) }))
		}
		forget := func(id int) bool {
			n := len(waiting)
			waiting = slices.DeleteFunc(waiting, func(w set) bool { return w.id == id })
			return len(waiting) < n
		}
		for range rapid.IntRange(1, 500).Draw(t, "operations") {
			id := rapid.IntRange(0, len(timers)-1).Draw(t, "timer")
			scale := rapid.SampledFrom([]time.Duration{1, time.Microsecond, time.Millisecond, time.Second}).Draw(t, "scale")
			d := time.Duration(rapid.IntRange(0, 20).Draw(t, "d")) * scale
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0, 1, 2:
				forget(id)
				timers[id].Set(d)
				waiting = append(waiting, set{id, s.in(d)})
			case 3:
				require.Equal(t, forget(id), timers[id].Stop())
			case 4:
				s.Advance(d)
				slices.SortStableFunc(waiting, func(a, b set) int { return int(a.at - b.at) })
				for len(waiting) > 0 && waiting[0].at <= s.Instant() {
					want = append(want, waiting[0].id)
					waiting = waiting[1:]
				}
				require.Equal(t, want, got)
			}
		}
		require.LessOrEqual(t, len(s.timers.soon)+len(s.timers.far), 200, "what is of no use any more is thrown away")
	})
}

// Until the function runs, the timer can be stopped or set anew, though it has expired.
func TestAnExpiredTimerIsSetAnew(t *testing.T) {
	s := NewSim(1)
	l := s.Loop("l")
	ran := 0
	timer := l.Timer(func() { ran++ })
	l.Pause()
	timer.Set(time.Second)
	s.Advance(2 * time.Second)
	timer.Set(time.Second) // it waits on the loop
	l.Resume()
	s.Settle()
	require.Zero(t, ran)
	s.Advance(time.Second)
	require.Equal(t, 1, ran)
	require.False(t, timer.Stop(), "it is over")

	timer.Set(0)
	l.Pause()
	s.Settle()
	require.True(t, timer.Stop())
	l.Resume()
	s.Settle()
	require.Equal(t, 1, ran)
}

func TestSettingATimerAllocatesNothing(t *testing.T) {
	s := NewSim(1)
	timer := s.Loop("l").Timer(func() {})
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		timer.Set(time.Minute) // as a time-out that hardly ever comes
		timer.Set(time.Second)
		timer.Set(time.Minute)
		s.Advance(time.Second)
	}))
}

func TestSimForgetsStoppedTimers(t *testing.T) {
	s := NewSim(1)
	ran := 0
	s.After(time.Hour, func() { ran++ })
	for range 10_000 {
		stop := s.After(time.Minute, func() { ran += 100 })
		s.After(time.Millisecond, func() { ran++ })
		stop()
		s.Step()
	}
	require.Less(t, len(s.timers.far)+len(s.timers.soon), 1000)
	s.Advance(2 * time.Hour)
	require.Equal(t, 10_001, ran)
}

func TestSimAlarmIsSetAgainAndAgain(t *testing.T) {
	s := NewSim(1)
	var at []Instant
	var a Alarm
	a = s.Alarm(func() {
		at = append(at, s.Instant())
		if len(at) < 3 {
			a.Set(s.Instant() + Instant(time.Second))
		}
	})
	a.Set(Instant(time.Minute))
	require.Panics(t, func() { a.Set(0) }, "it is set")
	s.Advance(time.Hour)
	require.Equal(t, []Instant{Instant(time.Minute), Instant(time.Minute + time.Second), Instant(time.Minute + 2*time.Second)}, at)
	require.Zero(t, testing.AllocsPerRun(100, func() { // but for what at needs, which it has
		a.Set(s.Instant() + 1)
		s.Step()
		at = at[:3]
	}))
}

func TestSimALoopThatIsNeverIdleKeepsNoMoreThanItHasToDo(t *testing.T) {
	s := NewSim(1)
	l := s.Loop("l")
	n := 0
	var again func()
	again = func() {
		n++
		l.Post(again)
	}
	for range 5 {
		l.Post(again)
	}
	for range 10_000 {
		s.Step()
	}
	require.Equal(t, 10_000, n)
	require.Less(t, cap(l.queue), 64)
}

// What a process that died had is let go, however far away its timers are.
func TestClosedLoopLeavesNoTimersBehind(t *testing.T) {
	s := NewSim(1)
	dead, other := s.Loop("dead"), s.Loop("other")
	stop := dead.AfterFunc(7*24*time.Hour, func() { t.Error("it is dead") })
	again := dead.Timer(func() { t.Error("it is dead") })
	again.Set(time.Microsecond)
	again.Set(time.Hour)
	ran := 0
	other.AfterFunc(time.Hour, func() { ran++ })
	dead.Close()
	require.Equal(t, 1, len(s.timers.soon)+len(s.timers.far))
	again.Set(time.Second)
	dead.AfterFunc(time.Second, func() { t.Error("it is dead") })
	require.Equal(t, 1, len(s.timers.soon)+len(s.timers.far))
	stop()
	s.Advance(8 * 24 * time.Hour)
	require.Equal(t, 1, ran)
	require.Zero(t, s.timers.dead)
}

package loop

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRealRunsWhatOneCallerPostsInOrder(t *testing.T) {
	l := New()
	defer l.Close()
	var got []int
	done := make(chan struct{})
	for i := range 1000 {
		l.Post(func() { got = append(got, i) })
	}
	l.Post(func() { close(done) })
	<-done
	for i := range 1000 {
		require.Equal(t, i, got[i])
	}
}

func TestRealTimerStoppedOnTheLoopNeverRuns(t *testing.T) {
	l := New()
	defer l.Close()
	done := make(chan bool)
	l.Post(func() {
		ran := false
		stop := l.AfterFunc(0, func() { ran = true })
		l.AfterFunc(5*time.Millisecond, func() {
			// The first timer ran before this one: stopping it now must say so.
			require.False(t, stop())
			done <- ran
		})
	})
	require.True(t, <-done)

	l.Post(func() {
		ran := false
		stop := l.AfterFunc(0, func() { ran = true })
		for start := time.Now(); time.Since(start) < time.Millisecond; { // the operating system's timer expires meanwhile
		}
		require.True(t, stop())
		l.AfterFunc(5*time.Millisecond, func() { done <- ran })
	})
	require.False(t, <-done)
}

func TestRealTimerIsSetAnewAndStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New()
		defer l.Close()
		start := time.Now()
		var ran []time.Duration
		timer := l.Timer(func() { ran = append(ran, time.Since(start)) })
		on := func(f func()) {
			l.Post(f)
			synctest.Wait()
		}
		on(func() {
			timer.Set(time.Second)
			timer.Set(3 * time.Second)
		})
		time.Sleep(2 * time.Second)
		on(func() {
			time.Sleep(2 * time.Second) // it expires while the loop is busy
			timer.Set(time.Second)
		})
		time.Sleep(4 * time.Second)
		synctest.Wait()
		require.Equal(t, []time.Duration{5 * time.Second}, ran)
		on(func() {
			require.False(t, timer.Stop())
			timer.Set(time.Second)
			time.Sleep(2 * time.Second)
			require.True(t, timer.Stop())
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Len(t, ran, 1)
	})
}

func TestRealDoPostsTheErrorOfItsWork(t *testing.T) {
	l := New()
	defer l.Close()
	boom := errors.New("boom")
	got := make(chan error)
	l.Do(func() error { return boom }, func(err error) { got <- err })
	require.Equal(t, boom, <-got)
}

func TestRealCloseWaitsDropsTheQueueAndMayBeCalledTwice(t *testing.T) {
	l := New()
	entered, leave := make(chan struct{}), make(chan struct{})
	ran := false
	l.Post(func() { close(entered); <-leave })
	l.Post(func() { ran = true })
	<-entered
	var closers sync.WaitGroup
	for range 2 {
		closers.Go(l.Close)
	}
	for !l.closed.Load() {
		time.Sleep(time.Millisecond)
	}
	close(leave)
	closers.Wait()
	l.Post(func() { ran = true })
	l.Do(func() error { ran = true; return nil }, func(error) {})
	require.False(t, ran)
}

// trace runs three loops that post to each other and returns what happened.
func trace(seed uint64) string {
	s := NewSim(seed)
	var out string
	loops := []*SimLoop{s.Loop("a"), s.Loop("b"), s.Loop("c")}
	var hop func(l *SimLoop, n int)
	hop = func(l *SimLoop, n int) {
		out += fmt.Sprintf("%s%d@%d ", l.Name(), n, s.Now().Sub(Epoch).Microseconds())
		if n == 0 {
			return
		}
		next := loops[l.Rand().IntN(3)]
		l.Do(func() error { return nil }, func(error) { next.Post(func() { hop(next, n-1) }) })
		l.AfterFunc(time.Millisecond, func() { hop(l, 0) })
	}
	for _, l := range loops {
		l.Post(func() { hop(l, 10) })
	}
	s.Advance(time.Second)
	return out
}

func TestSimSameSeedSameRun(t *testing.T) {
	require.Equal(t, trace(1), trace(1))
	require.NotEqual(t, trace(1), trace(2))
}

func TestSimClockMovesOnlyWhenNothingIsReady(t *testing.T) {
	s := NewSim(1)
	l := s.Loop("l")
	var at []time.Duration
	note := func() { at = append(at, s.Now().Sub(Epoch)) }
	l.AfterFunc(time.Hour, note)
	l.AfterFunc(time.Minute, func() { note(); l.Post(note) })
	require.True(t, s.RunUntil(func() bool { return len(at) == 3 }, 2*time.Hour))
	require.Equal(t, []time.Duration{time.Minute, time.Minute, time.Hour}, at)
}

func TestSimRunUntilStopsAtItsLimit(t *testing.T) {
	s := NewSim(1)
	l := s.Loop("l")
	ran := false
	l.AfterFunc(time.Minute, func() { ran = true })
	require.False(t, s.RunUntil(func() bool { return ran }, time.Minute-1))
	require.True(t, s.RunUntil(func() bool { return ran }, time.Minute))
}

func TestSimStoppedTimersAndClosedLoopsRunNothing(t *testing.T) {
	s := NewSim(1)
	l, dead := s.Loop("l"), s.Loop("dead")
	ran := 0
	stop := l.AfterFunc(time.Second, func() { ran++ })
	require.True(t, stop())
	require.False(t, stop())
	dead.AfterFunc(time.Second, func() { ran++ })
	dead.Post(func() { ran++ })
	dead.Do(func() error { return nil }, func(error) { ran++ })
	dead.Close()
	dead.Post(func() { ran++ })
	s.Advance(time.Minute)
	require.Zero(t, ran)
	require.Equal(t, Epoch.Add(time.Minute), s.Now())
}

func TestSimPausedLoopCatchesUpWhenResumed(t *testing.T) {
	s := NewSim(1)
	l := s.Loop("l")
	var got []int
	l.Pause()
	l.Post(func() { got = append(got, 1) })
	l.AfterFunc(time.Second, func() { got = append(got, 2) })
	s.Advance(30 * time.Second)
	require.Empty(t, got)
	l.Resume()
	s.Settle()
	require.Equal(t, []int{1, 2}, got)
}

func TestSimSkewedClock(t *testing.T) {
	s := NewSim(1)
	l := s.Loop("l")
	l.SetSkew(time.Hour)
	require.Equal(t, Epoch.Add(time.Hour), l.Now())
}

func BenchmarkRealPost(b *testing.B) {
	l := New()
	defer l.Close()
	b.ReportAllocs()
	done := make(chan struct{})
	f := func() {}
	for b.Loop() {
		l.Post(f)
	}
	l.Post(func() { close(done) })
	<-done
}

func BenchmarkSimStep(b *testing.B) {
	s := NewSim(1)
	l := s.Loop("l")
	b.ReportAllocs()
	var again func()
	again = func() { l.AfterFunc(time.Millisecond, again) }
	l.Post(again)
	for b.Loop() {
		s.Step()
	}
}

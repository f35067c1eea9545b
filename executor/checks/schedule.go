package checks

import (
	"math"
	"time"

	"github.com/mesokit/mesokit/internal/loop"
)

// schedule makes one probe after another. Health and Check give it what to do with the results.
type schedule struct {
	loop     loop.Loop
	prober   Prober
	probe    Probe
	interval time.Duration
	result   func(Result)

	paused  bool
	stopped bool
	timer   func() bool // the next probe's; nil if none is set
	cancel  func()      // the probe's that is under way; nil if none is
	epoch   int         // results of probes of an earlier epoch are dropped
}

func (s *schedule) start(delay time.Duration) { s.after(delay) }

func (s *schedule) after(d time.Duration) {
	s.timer = s.loop.AfterFunc(d, func() {
		s.timer = nil
		s.run()
	})
}

func (s *schedule) run() {
	epoch := s.epoch
	s.cancel = s.prober.Probe(s.probe, func(r Result) {
		if epoch != s.epoch {
			return
		}
		s.cancel = nil
		if !r.Transient {
			s.result(r)
		}
		// result may have stopped or paused us.
		if epoch == s.epoch && !s.stopped && !s.paused {
			s.after(s.interval)
		}
	})
}

// halt drops the timer and the probe under way.
func (s *schedule) halt() {
	s.epoch++
	if s.timer != nil {
		s.timer()
		s.timer = nil
	}
	if s.cancel != nil {
		s.cancel()
		s.cancel = nil
	}
}

func (s *schedule) stop() {
	if !s.stopped {
		s.stopped = true
		s.halt()
	}
}

func (s *schedule) pause() {
	if !s.stopped && !s.paused {
		s.paused = true
		s.halt()
	}
}

func (s *schedule) resume() {
	if !s.stopped && s.paused {
		s.paused = false
		s.run()
	}
}

// seconds converts a field of a check. What a Duration can't hold becomes the longest there is.
func seconds(s float64) time.Duration {
	ns := s * float64(time.Second)
	if !(ns < math.MaxInt64) {
		return math.MaxInt64
	}
	return time.Duration(max(ns, 0))
}

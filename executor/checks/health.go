package checks

import (
	"time"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
)

// Report is what a health check has to say of its task.
type Report struct {
	Healthy bool
	// Kill: the task failed too often in a row and must be killed.
	Kill bool
	// ConsecutiveFailures is how often it has failed in a row.
	ConsecutiveFailures int
	// Err is why the probe failed, for logs; nil if it told the failure itself.
	Err error
}

// Health runs a task's health check. It is owned by a loop.
type Health struct {
	schedule schedule
	report   func(Report)
	delay    time.Duration
	grace    time.Duration
	limit    int // consecutive failures

	started  time.Time
	seen     bool // a success
	failures int
}

// NewHealth returns a health check that does nothing until Start. info is valid. report runs on l.
func NewHealth(l loop.Loop, info *mesosproto.HealthCheck, p Prober, report func(Report)) *Health {
	h := &Health{
		report: report,
		delay:  seconds(info.GetDelaySeconds()),
		grace:  seconds(info.GetGracePeriodSeconds()),
		limit:  max(1, int(info.GetConsecutiveFailures())),
	}
	probe := Probe{Timeout: seconds(info.GetTimeoutSeconds())}
	switch info.GetType() {
	case mesosproto.HealthCheck_HTTP:
		x := info.GetHttp()
		probe.HTTP = &HTTPProbe{Scheme: x.GetScheme(), Port: uint16(x.GetPort()), Path: x.GetPath(), IPv6: x.GetProtocol() == mesosproto.NetworkInfo_IPv6}
	case mesosproto.HealthCheck_TCP:
		x := info.GetTcp()
		probe.TCP = &TCPProbe{Port: uint16(x.GetPort()), IPv6: x.GetProtocol() == mesosproto.NetworkInfo_IPv6}
	default:
		probe.Command = info.GetCommand()
	}
	h.schedule = schedule{loop: l, prober: p, probe: probe, interval: seconds(info.GetIntervalSeconds()), result: h.result}
	return h
}

// Start begins: the task runs.
func (h *Health) Start() {
	h.started = h.schedule.loop.Now()
	h.schedule.start(h.delay)
}

// Stop ends the check for good; nothing is reported after it.
func (h *Health) Stop() { h.schedule.stop() }

// Pause holds the check; Resume goes on with it, at once.
func (h *Health) Pause() { h.schedule.pause() }

// Resume ends Pause.
func (h *Health) Resume() { h.schedule.resume() }

func (h *Health) result(r Result) {
	if healthy(h.schedule.probe, r) {
		news := !h.seen || h.failures > 0
		h.seen, h.failures = true, 0
		if news {
			h.report(Report{Healthy: true})
		}
		return
	}
	if !h.seen && h.schedule.loop.Now().Sub(h.started) <= h.grace {
		return
	}
	h.failures++
	h.report(Report{Kill: h.failures >= h.limit, ConsecutiveFailures: h.failures, Err: r.Err})
}

func healthy(p Probe, r Result) bool {
	switch {
	case r.Err != nil:
		return false
	case p.HTTP != nil:
		return r.StatusCode >= 200 && r.StatusCode < 400
	case p.Command != nil:
		return r.Status.Exited() && r.Status.ExitStatus() == 0
	}
	return true
}

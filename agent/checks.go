package agent

import (
	"context"
	"errors"
	"net/netip"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/mesokit/mesokit/executor/checks"
	"github.com/mesokit/mesokit/mesosproto"
)

// checker runs the health check and the check of a supervised task.
type checker struct {
	health  *checks.Health
	check   *checks.Check
	healthy *bool // as last reported
}

// stop is called when the task is killed or has ended; a nil checker has nothing to stop.
func (k *checker) stop() {
	if k == nil {
		return
	}
	if k.health != nil {
		k.health.Stop()
	}
	if k.check != nil {
		k.check.Stop()
	}
}

// startChecks begins to check a task that runs.
func (c *core) startChecks(s *supervisor) {
	if s.task.info.GetHealthCheck() == nil && s.task.info.GetCheck() == nil {
		return
	}
	k := &checker{}
	s.checker = k
	p := prober{c, s}
	if info := s.task.info.GetHealthCheck(); info != nil {
		k.health = checks.NewHealth(c.loop, info, p, func(r checks.Report) { c.healthReport(s, r) })
		k.health.Start()
	}
	if info := s.task.info.GetCheck(); info != nil && info.Type != nil {
		k.check = checks.NewCheck(c.loop, info, p, func(*mesosproto.CheckStatusInfo) {
			c.sayRunning(s, mesosproto.TaskStatus_REASON_TASK_CHECK_STATUS_UPDATED)
		})
		k.check.Start()
	}
}

// healthReport tells the framework, and kills a task that failed too often.
func (c *core) healthReport(s *supervisor, r checks.Report) {
	if r.Err != nil {
		c.log.Info("health check failed", zap.String("framework_id", s.ex.fw.id), zap.String("task_id", s.task.id), zap.Int("in_a_row", r.ConsecutiveFailures), zap.Error(r.Err))
	}
	s.checker.healthy = &r.Healthy
	c.sayRunning(s, mesosproto.TaskStatus_REASON_TASK_HEALTH_CHECK_STATUS_UPDATED)
	if r.Kill {
		c.log.Info("task is unhealthy and will be killed", zap.String("framework_id", s.ex.fw.id), zap.String("task_id", s.task.id))
		s.unhealthy = true
		c.kill(s, nil)
	}
}

// sayRunning repeats that the task runs, with what its checks have found.
func (c *core) sayRunning(s *supervisor, reason mesosproto.TaskStatus_Reason) {
	status := &mesosproto.TaskStatus{
		State:   mesosproto.TaskState_TASK_RUNNING.Enum(),
		Reason:  reason.Enum(),
		Healthy: s.checker.healthy,
	}
	if s.checker.check != nil {
		status.CheckStatus = s.checker.check.Status()
	}
	c.say(s, status)
}

// emptyCheckStatus is the result of a check that has none yet; nil without a check.
func emptyCheckStatus(info *mesosproto.TaskInfo) *mesosproto.CheckStatusInfo {
	if check := info.GetCheck(); check != nil && check.Type != nil {
		return checks.EmptyStatus(check)
	}
	return nil
}

// prober probes a supervised task: commands inside its container, the rest over the network.
type prober struct {
	core *core
	s    *supervisor
}

// networkProber may be implemented by an asynchronous containerizer: a simulated one answers for
// servers that do not exist.
type networkProber interface {
	Probe(id *mesosproto.ContainerID, p checks.Probe, done func(checks.Result)) (cancel func())
}

var errProbeTimeout = errors.New("the check took longer than its timeout_seconds")

func (p prober) Probe(probe checks.Probe, done func(checks.Result)) (cancel func()) {
	switch {
	case probe.Command != nil:
		return p.exec(probe, done)
	case probe.HTTP == nil && probe.TCP == nil:
		p.core.loop.Post(func() { done(checks.Result{Err: errors.New("the check says nothing to do")}) })
		return func() {}
	}
	if n, ok := p.core.containers.(networkProber); ok {
		return n.Probe(p.s.ex.container, probe, done)
	}
	return p.network(probe, done)
}

func (p prober) exec(probe checks.Probe, done func(checks.Result)) (cancel func()) {
	late, stop := false, noTimer
	cancel = p.core.containers.Exec(p.s.ex.container, probe.Command, func(status syscall.WaitStatus, _ []byte, err error) {
		stop()
		if late {
			err = errProbeTimeout
		}
		done(checks.Result{Status: status, Err: err})
	})
	if probe.Timeout > 0 {
		stop = p.core.loop.AfterFunc(probe.Timeout, func() {
			late = true
			cancel()
		})
	}
	return cancel
}

func (p prober) network(probe checks.Probe, done func(checks.Result)) (cancel func()) {
	ctx, cancel := context.WithCancel(context.Background())
	if probe.Timeout > 0 {
		ctx, cancel = context.WithTimeout(context.Background(), probe.Timeout)
	}
	var r checks.Result
	ipv6 := probe.HTTP != nil && probe.HTTP.IPv6 || probe.TCP != nil && probe.TCP.IPv6
	address := p.address(ipv6)
	p.core.loop.Do(func() error {
		defer cancel()
		if probe.HTTP != nil {
			r.StatusCode, r.Err = checks.HTTP(ctx, address, *probe.HTTP)
		} else {
			r.Err = checks.TCP(ctx, address, *probe.TCP)
		}
		return nil
	}, func(error) { done(r) })
	return cancel
}

// address is where the task listens: the container's own address if it has a network of its own.
func (p prober) address(ipv6 bool) netip.Addr {
	if d := p.s.task.info.GetContainer().GetDocker(); p.s.docker && d.GetNetwork() != mesosproto.ContainerInfo_DockerInfo_HOST {
		for _, n := range p.s.ex.status.GetNetworkInfos() {
			for _, a := range n.GetIpAddresses() {
				if ip, err := netip.ParseAddr(a.GetIpAddress()); err == nil && ip.Is6() == ipv6 {
					return ip
				}
			}
		}
	}
	if ipv6 {
		return netip.IPv6Loopback()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// elapsed is how long ago a task was delivered, by its first update.
func (c *core) elapsed(t *task) time.Duration {
	if len(t.statuses) == 0 || t.statuses[0].Timestamp == nil {
		return 0
	}
	return max(0, seconds(c.timestamp()-t.statuses[0].GetTimestamp()))
}

var _ checks.Prober = prober{}

package agent

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/executor/checks"
	"github.com/mesokit/mesokit/mesosproto"
)

func healthCheck() *mesosproto.HealthCheck {
	return &mesosproto.HealthCheck{
		Type:                mesosproto.HealthCheck_COMMAND.Enum(),
		Command:             &mesosproto.CommandInfo{Value: proto.String("test -f ok")},
		DelaySeconds:        proto.Float64(0),
		IntervalSeconds:     proto.Float64(1),
		TimeoutSeconds:      proto.Float64(2),
		ConsecutiveFailures: proto.Uint32(2),
		GracePeriodSeconds:  proto.Float64(0),
	}
}

// answer ends the check that is under way.
func (k *container) answer(code int) {
	k.execs[len(k.execs)-1](syscall.WaitStatus(code<<8), nil, nil)
}

// The order of updates is that of v1-health-checks as captured.
func TestUnhealthyTaskIsKilled(t *testing.T) {
	info := commandTask("command")
	info.HealthCheck = healthCheck()
	r, k := started(t, info)
	require.Len(t, k.execs, 1)
	k.answer(0)
	require.Equal(t, "command RUNNING EXECUTOR TASK_HEALTH_CHECK_STATUS_UPDATED healthy=true", r.acknowledgeAll(1500*time.Millisecond))
	k.answer(0)
	require.Empty(t, r.acknowledgeAll(1500*time.Millisecond), "no news")
	k.answer(1)
	require.Equal(t, "command RUNNING EXECUTOR TASK_HEALTH_CHECK_STATUS_UPDATED healthy=false", r.acknowledgeAll(1500*time.Millisecond))
	k.answer(1)
	require.Equal(t, lines(
		"command RUNNING EXECUTOR TASK_HEALTH_CHECK_STATUS_UPDATED healthy=false",
		"command KILLING EXECUTOR",
		"command KILLED EXECUTOR healthy=false: Command terminated with signal Terminated",
	), r.acknowledgeAll(time.Minute))
	require.Len(t, k.execs, 4, "no more checks")
}

func TestHealthCheckThatHangsFails(t *testing.T) {
	info := commandTask("t")
	info.HealthCheck = healthCheck()
	r, _ := started(t, info)
	require.Contains(t, r.acknowledgeAll(3*time.Second), "healthy=false")
}

// "`check_status` present in every status if a check is defined"; empty again in the terminal one.
func TestCheckResultsAreReported(t *testing.T) {
	info := commandTask("t")
	info.Check = &mesosproto.CheckInfo{
		Type:            mesosproto.CheckInfo_COMMAND.Enum(),
		Command:         &mesosproto.CheckInfo_Command{Command: &mesosproto.CommandInfo{Value: proto.String("exit 1")}},
		DelaySeconds:    proto.Float64(0),
		IntervalSeconds: proto.Float64(1),
	}
	r := registered(t)
	r.tell(r.runTask(info, true))
	var got []string
	step := func() {
		for range 3 {
			for _, u := range r.updates() {
				s := u.GetUpdate().GetStatus()
				code := "empty"
				if s.GetCheckStatus().GetCommand().ExitCode != nil {
					code = string(rune('0' + s.GetCheckStatus().GetCommand().GetExitCode()))
				}
				require.NotNil(t, s.GetCheckStatus().GetCommand())
				got = append(got, line(s)+" "+code)
				r.acknowledge(u)
			}
		}
	}
	step()
	k := r.box.last()
	k.answer(1)
	r.run(1100 * time.Millisecond)
	step()
	k.answer(1)
	r.run(1100 * time.Millisecond)
	k.answer(2)
	r.run(100 * time.Millisecond)
	step()
	r.box.end(k, exited(0))
	r.run(100 * time.Millisecond)
	step()
	require.Equal(t, []string{
		"t STARTING EXECUTOR empty",
		"t RUNNING EXECUTOR empty",
		"t RUNNING EXECUTOR TASK_CHECK_STATUS_UPDATED 1",
		"t RUNNING EXECUTOR TASK_CHECK_STATUS_UPDATED 2",
		"t FINISHED EXECUTOR: Command exited with status 0 empty",
	}, got)
}

// answering is a simulated containerizer that also answers network probes.
type answering struct {
	*box
	status int
	asked  []checks.Probe
}

func (a *answering) Probe(_ *mesosproto.ContainerID, p checks.Probe, done func(checks.Result)) func() {
	a.asked = append(a.asked, p)
	a.later(func() { done(checks.Result{StatusCode: a.status}) })
	return func() {}
}

func TestNetworkProbesGoToTheContainerizerThatMakesThem(t *testing.T) {
	var a *answering
	r := registered(t, func(cfg *Config) {
		a = &answering{box: cfg.Async.(*box), status: 500}
		cfg.Async = a
	})
	info := commandTask("t")
	info.HealthCheck = healthCheck()
	info.HealthCheck.Type = mesosproto.HealthCheck_HTTP.Enum()
	info.HealthCheck.Http = &mesosproto.HealthCheck_HTTPCheckInfo{Port: proto.Uint32(8080), Path: proto.String("/health")}
	r.tell(r.runTask(info, true))
	require.Contains(t, r.acknowledgeAll(10*time.Second), "t KILLED EXECUTOR healthy=false")
	require.Equal(t, "/health", a.asked[0].HTTP.Path)
}

func TestWhereTasksListen(t *testing.T) {
	at := func(info *mesosproto.TaskInfo, ipv6 bool) string {
		ex := &executor{status: &mesosproto.ContainerStatus{NetworkInfos: []*mesosproto.NetworkInfo{{IpAddresses: []*mesosproto.NetworkInfo_IPAddress{
			{IpAddress: proto.String("172.17.0.2")}, {IpAddress: proto.String("fd00::2")},
		}}}}}
		s := &supervisor{ex: ex}
		s.adopt(&task{info: info})
		return prober{s: s}.address(ipv6).String()
	}
	bridge := dockerTask("t")
	bridge.Container.Docker.Network = mesosproto.ContainerInfo_DockerInfo_BRIDGE.Enum()
	require.Equal(t, "127.0.0.1", at(commandTask("t"), false))
	require.Equal(t, "::1", at(commandTask("t"), true))
	require.Equal(t, "127.0.0.1", at(dockerTask("t"), false), "on the host's network")
	require.Equal(t, "172.17.0.2", at(bridge, false))
	require.Equal(t, "fd00::2", at(bridge, true))
}

package checks_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/mesokit/mesokit/executor/checks"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
)

// script is a Prober that gives prepared results; each probe takes a second.
type script struct {
	loop    *loop.SimLoop
	results []checks.Result
	at      []time.Duration // of each probe, since the epoch
	probes  []checks.Probe
}

func (s *script) Probe(p checks.Probe, done func(checks.Result)) func() {
	s.at = append(s.at, s.loop.Now().Sub(loop.Epoch))
	s.probes = append(s.probes, p)
	r := s.results[0]
	if len(s.results) > 1 {
		s.results = s.results[1:]
	}
	s.loop.AfterFunc(time.Second, func() { done(r) })
	return func() {}
}

func exit(n int) checks.Result { return checks.Result{Status: syscall.WaitStatus(n << 8)} }

type bundle struct {
	sim     *loop.Sim
	script  *script
	reports []checks.Report
	health  *checks.Health
}

func health(t *testing.T, text string, results ...checks.Result) *bundle {
	info := &mesosproto.HealthCheck{}
	require.NoError(t, prototext.Unmarshal([]byte(text), info))
	b := &bundle{sim: loop.NewSim(1)}
	l := b.sim.Loop("agent")
	b.script = &script{loop: l, results: results}
	b.health = checks.NewHealth(l, info, b.script, func(r checks.Report) { b.reports = append(b.reports, r) })
	b.health.Start()
	return b
}

const command = `type: COMMAND command { value: "true" } `

func TestFirstProbeAfterTheDelayThenAnIntervalAfterEachEnd(t *testing.T) {
	b := health(t, command, exit(0))
	b.sim.Advance(40 * time.Second)
	require.Equal(t, []time.Duration{15 * time.Second, 26 * time.Second, 37 * time.Second}, b.script.at, "defaults: delay 15 s, interval 10 s; a probe takes 1 s")
	require.Equal(t, 20*time.Second, b.script.probes[0].Timeout)
	require.Equal(t, []checks.Report{{Healthy: true}}, b.reports, "only the first success is news")
}

func TestEveryFailureIsReportedAndTheLastOneKills(t *testing.T) {
	b := health(t, command+`consecutive_failures: 3`, exit(1))
	b.sim.Advance(48 * time.Second)
	require.Equal(t, []checks.Report{{ConsecutiveFailures: 1}, {ConsecutiveFailures: 2}, {Kill: true, ConsecutiveFailures: 3}}, b.reports)
}

func TestZeroConsecutiveFailuresMeansOne(t *testing.T) {
	b := health(t, command+`consecutive_failures: 0`, exit(1))
	b.sim.Advance(17 * time.Second)
	require.Equal(t, []checks.Report{{Kill: true, ConsecutiveFailures: 1}}, b.reports)
}

func TestASuccessAfterAFailureIsNewsAndClearsTheCount(t *testing.T) {
	b := health(t, command+`interval_seconds: 1`, exit(0), exit(1), exit(1), exit(0), exit(1), exit(0))
	b.sim.Advance(27 * time.Second)
	require.Equal(t, []checks.Report{{Healthy: true}, {ConsecutiveFailures: 1}, {ConsecutiveFailures: 2}, {Healthy: true}, {ConsecutiveFailures: 1}, {Healthy: true}}, b.reports)
}

func TestFailuresInTheGracePeriodDoNotCountUntilTheFirstSuccess(t *testing.T) {
	b := health(t, command+`delay_seconds: 0 interval_seconds: 1 grace_period_seconds: 60`, exit(1))
	b.sim.Advance(60 * time.Second)
	require.Empty(t, b.reports)
	b.sim.Advance(3 * time.Second)
	require.NotEmpty(t, b.reports)

	b = health(t, command+`delay_seconds: 0 interval_seconds: 1 grace_period_seconds: 60`, exit(1), exit(0), exit(1))
	b.sim.Advance(6 * time.Second)
	require.Equal(t, []checks.Report{{Healthy: true}, {ConsecutiveFailures: 1}}, b.reports, "the first success ends the grace period")
}

func TestWhatCountsAsHealthy(t *testing.T) {
	const http, tcp = `type: HTTP http { port: 80 path: "/x" }`, `type: TCP tcp { port: 80 }`
	for _, c := range []struct {
		check   string
		result  checks.Result
		healthy bool
	}{
		{command, exit(0), true}, {command, exit(1), false}, {command, checks.Result{Status: syscall.WaitStatus(syscall.SIGKILL)}, false},
		{command, checks.Result{Err: context.DeadlineExceeded}, false},
		{http, checks.Result{StatusCode: 199}, false}, {http, checks.Result{StatusCode: 200}, true}, {http, checks.Result{StatusCode: 399}, true},
		{http, checks.Result{StatusCode: 400}, false}, {http, checks.Result{Err: errors.New("refused")}, false},
		{tcp, checks.Result{}, true}, {tcp, checks.Result{Err: errors.New("refused")}, false},
	} {
		b := health(t, c.check, c.result)
		b.sim.Advance(17 * time.Second)
		require.Len(t, b.reports, 1, "%s %+v", c.check, c.result)
		require.Equal(t, c.healthy, b.reports[0].Healthy, "%s %+v", c.check, c.result)
	}
}

func TestATransientFailureSaysNothing(t *testing.T) {
	b := health(t, command, checks.Result{Transient: true, Err: errors.New("agent unreachable")})
	b.sim.Advance(time.Minute)
	require.Empty(t, b.reports)
	require.Len(t, b.script.at, 5, "but the next probe comes")
}

func TestPauseDropsResultsAndResumeProbesAtOnce(t *testing.T) {
	b := health(t, command, exit(1))
	b.sim.Advance(15*time.Second + 500*time.Millisecond) // a probe is under way
	b.health.Pause()
	b.sim.Advance(time.Minute)
	require.Empty(t, b.reports)
	require.Len(t, b.script.at, 1)
	b.health.Resume()
	b.sim.Advance(time.Second)
	require.Len(t, b.script.at, 2)
	require.Len(t, b.reports, 1)
	b.health.Stop()
	b.sim.Advance(time.Hour)
	require.Len(t, b.script.at, 2)
	b.health.Resume()
	b.sim.Advance(time.Hour)
	require.Len(t, b.script.at, 2, "stopped for good")
}

func TestChecksReportEachNewResult(t *testing.T) {
	for _, c := range []struct {
		check   string
		results []checks.Result
		want    []string
	}{
		{`type: COMMAND command { command { value: "true" } }`, []checks.Result{exit(0), exit(0), exit(3), {Err: context.DeadlineExceeded}, {Status: syscall.WaitStatus(9)}, exit(0)},
			[]string{`type:COMMAND command:{exit_code:0}`, `type:COMMAND command:{exit_code:3}`, `type:COMMAND command:{}`, `type:COMMAND command:{exit_code:0}`}},
		{`type: HTTP http { port: 80 }`, []checks.Result{{Err: errors.New("refused")}, {StatusCode: 503}, {StatusCode: 200}},
			[]string{`type:HTTP http:{status_code:503}`, `type:HTTP http:{status_code:200}`}},
		{`type: TCP tcp { port: 80 }`, []checks.Result{{Err: errors.New("refused")}, {}},
			[]string{`type:TCP tcp:{succeeded:false}`, `type:TCP tcp:{succeeded:true}`}},
	} {
		info := &mesosproto.CheckInfo{}
		require.NoError(t, prototext.Unmarshal([]byte(c.check), info))
		sim := loop.NewSim(1)
		l := sim.Loop("agent")
		var got []*mesosproto.CheckStatusInfo
		s := &script{loop: l, results: c.results}
		check := checks.NewCheck(l, info, s, func(r *mesosproto.CheckStatusInfo) { got = append(got, r) })
		require.Equal(t, checks.EmptyStatus(info), check.Status())
		check.Start()
		sim.Advance(time.Duration(len(c.results)+1) * 12 * time.Second)
		require.Len(t, got, len(c.want), c.check)
		for i, text := range c.want {
			want := &mesosproto.CheckStatusInfo{}
			require.NoError(t, prototext.Unmarshal([]byte(text), want))
			require.Equal(t, want.String(), got[i].String())
		}
		require.Equal(t, got[len(got)-1], check.Status())
	}
}

func TestHTTPFollowsRedirectsAndTrustsAnyCertificate(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/a", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/b", http.StatusFound) })
	mux.HandleFunc("/b", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	mux.HandleFunc("/forever", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/forever", http.StatusFound) })
	for scheme, start := range map[string]func(http.Handler) *httptest.Server{"http": httptest.NewServer, "https": httptest.NewTLSServer} {
		s := start(mux)
		defer s.Close()
		port := netip.MustParseAddrPort(s.Listener.Addr().String()).Port()
		status, err := checks.HTTP(t.Context(), netip.MustParseAddr("127.0.0.1"), checks.HTTPProbe{Scheme: scheme, Port: port, Path: "/a"})
		require.NoError(t, err)
		require.Equal(t, http.StatusTeapot, status)
		_, err = checks.HTTP(t.Context(), netip.MustParseAddr("127.0.0.1"), checks.HTTPProbe{Scheme: scheme, Port: port, Path: "/forever"})
		require.ErrorContains(t, err, "redirects")
	}
}

func TestTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := netip.MustParseAddrPort(l.Addr().String()).Port()
	require.NoError(t, checks.TCP(t.Context(), netip.MustParseAddr("127.0.0.1"), checks.TCPProbe{Port: port}))
	require.NoError(t, l.Close())
	require.Error(t, checks.TCP(t.Context(), netip.MustParseAddr("127.0.0.1"), checks.TCPProbe{Port: port}))
}

package executor

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
)

// environmentOf is what an agent sets.
func environmentOf(change map[string]string) func(string) (string, bool) {
	all := map[string]string{
		"MESOS_FRAMEWORK_ID":                   "f-1",
		"MESOS_EXECUTOR_ID":                    "e-1",
		"MESOS_SLAVE_ID":                       "a-1",
		"MESOS_DIRECTORY":                      "/var/lib/mesos/x",
		"MESOS_SANDBOX":                        "/mnt/mesos/sandbox",
		"MESOS_SLAVE_PID":                      "slave(1)@10.0.0.1:5051",
		"MESOS_AGENT_ENDPOINT":                 "10.0.0.1:5051",
		"MESOS_CHECKPOINT":                     "1",
		"MESOS_RECOVERY_TIMEOUT":               "15mins",
		"MESOS_SUBSCRIPTION_BACKOFF_MAX":       "2secs",
		"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "5secs",
		"MESOS_HTTP_COMMAND_EXECUTOR":          "0",
		"LIBPROCESS_PORT":                      "0",
	}
	for name, value := range change {
		all[name] = value
	}
	return func(name string) (string, bool) {
		value, ok := all[name]
		return value, ok
	}
}

func TestFromVariables(t *testing.T) {
	got, err := Config{BackoffMax: time.Hour}.FromVariables(environmentOf(map[string]string{
		"MESOS_RECOVERY_TIMEOUT":               "1.5hrs",
		"MESOS_SUBSCRIPTION_BACKOFF_MAX":       "250ms",
		"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "7secs",
		"MESOS_DOMAIN_SOCKET":                  "/run/agent.sock",
		"MESOS_EXECUTOR_AUTHENTICATION_TOKEN":  "secret",
		"LIBPROCESS_SSL_ENABLED":               "true",
	}))
	require.NoError(t, err)
	require.Equal(t, "f-1", got.FrameworkID.GetValue())
	require.Equal(t, "e-1", got.ExecutorID.GetValue())
	require.Equal(t, Agent{
		Endpoint: "10.0.0.1:5051", PID: "slave(1)@10.0.0.1:5051", DomainSocket: "/run/agent.sock", Token: "secret", TLS: true,
	}, got.Agent)
	require.True(t, got.Checkpoint)
	require.Equal(t, 90*time.Minute, got.RecoveryTimeout)
	require.Equal(t, 250*time.Millisecond, got.BackoffMax)
	require.Equal(t, 7*time.Second, got.ShutdownGrace)
	require.Nil(t, got.Exit, "a function in another's process must not kill it")
}

func TestFromVariablesThatAreMissing(t *testing.T) {
	got, err := Config{}.FromVariables(environmentOf(map[string]string{
		"MESOS_AGENT_ENDPOINT": "", "MESOS_CHECKPOINT": "0", "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "",
		"MESOS_RECOVERY_TIMEOUT": "not looked at",
	}))
	require.NoError(t, err)
	require.Equal(t, "10.0.0.1:5051", got.Agent.Endpoint, "from MESOS_SLAVE_PID")
	require.False(t, got.Checkpoint)
	require.Zero(t, got.RecoveryTimeout)
	require.Zero(t, got.ShutdownGrace, "the default")

	got, err = Config{}.FromVariables(environmentOf(map[string]string{"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "0ns"}))
	require.NoError(t, err)
	require.EqualValues(t, 1, got.ShutdownGrace, "none at all is not the default")
}

func TestErrorsNameTheVariable(t *testing.T) {
	for _, c := range []struct{ name, value, says string }{
		{"MESOS_FRAMEWORK_ID", "", "MESOS_FRAMEWORK_ID is not set; agents set it"},
		{"MESOS_EXECUTOR_ID", "", "MESOS_EXECUTOR_ID is not set; agents set it"},
		{"MESOS_CHECKPOINT", "maybe", `MESOS_CHECKPOINT is "maybe"; expecting 1 or 0`},
		{"LIBPROCESS_SSL_ENABLED", "yes", `LIBPROCESS_SSL_ENABLED is "yes"; expecting 1 or 0`},
		{"MESOS_RECOVERY_TIMEOUT", "15", `MESOS_RECOVERY_TIMEOUT is "15"; expecting a duration such as 15mins: a number and one of ns,`},
		{"MESOS_SUBSCRIPTION_BACKOFF_MAX", "-2secs", `MESOS_SUBSCRIPTION_BACKOFF_MAX is "-2secs"`},
		{"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5s", `MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD is "5s"`},
	} {
		_, err := Config{}.FromVariables(environmentOf(map[string]string{c.name: c.value}))
		require.Equal(t, codes.InvalidArgument, status.Code(err), c.name)
		require.ErrorContains(t, err, c.says)
	}
	_, err := Config{}.FromVariables(environmentOf(map[string]string{"MESOS_AGENT_ENDPOINT": "", "MESOS_SLAVE_PID": ""}))
	require.ErrorContains(t, err, "MESOS_AGENT_ENDPOINT is not set; agents set it for the executors that they start")
}

func TestFromEnvironment(t *testing.T) {
	_, err := Config{}.FromEnvironment()
	require.ErrorContains(t, err, "MESOS_FRAMEWORK_ID is not set")

	lookup := environmentOf(nil)
	for _, name := range []string{envFrameworkID, envExecutorID, envAgentEndpoint} {
		value, _ := lookup(name)
		t.Setenv(name, value)
	}
	t.Setenv(envToken, "secret")
	called := false
	c, err := Config{Exit: func() { called = true }}.FromEnvironment()
	require.NoError(t, err)
	require.Equal(t, "secret", c.Agent.Token)
	_, there := os.LookupEnv(envToken)
	require.False(t, there, "tasks must not inherit it")
	c.Exit()
	require.True(t, called, "what is set counts")

	c, err = Config{}.FromEnvironment()
	require.NoError(t, err)
	require.NotNil(t, c.Exit)
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"1ns": 1, "2us": 2 * time.Microsecond, "3ms": 3 * time.Millisecond, "2secs": 2 * time.Second,
		"15mins": 15 * time.Minute, "1.5hrs": 90 * time.Minute, "2days": 48 * time.Hour, "1weeks": 168 * time.Hour,
		"0secs": 0, ".5secs": 500 * time.Millisecond, "0.1ns": 0, "10000weeks": 10000 * 168 * time.Hour,
	} {
		got, ok := parseDuration(text)
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "2", "secs", "2 secs", "2sec", "-1secs", "+1secs", "1e3secs", "1.2.3secs", "infsecs", "100000weeks", "2secs ", "0x1secs"} {
		_, ok := parseDuration(text)
		require.False(t, ok, text)
	}
}

// FuzzDuration: no text makes it panic, and what is understood is neither negative nor cut off.
func FuzzDuration(f *testing.F) {
	for _, seed := range []string{"15mins", "1.5hrs", "9223372036854775807ns", "0.0000001weeks", "..secs"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, ok := parseDuration(text)
		if !ok {
			return
		}
		require.GreaterOrEqual(t, d, time.Duration(0))
		require.Less(t, int64(d), int64(math.MaxInt64))
		digits := strings.IndexFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		doubled, ok := parseDuration("1" + text[:digits] + text[digits:]) // a digit more is never shorter
		require.True(t, !ok || doubled >= d)
	})
}

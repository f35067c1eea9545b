package executor

import (
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
)

// The variables that an agent sets for its executors.
const (
	envFrameworkID   = "MESOS_FRAMEWORK_ID"
	envExecutorID    = "MESOS_EXECUTOR_ID"
	envAgentEndpoint = "MESOS_AGENT_ENDPOINT"
	envAgentPID      = "MESOS_SLAVE_PID"
	envDomainSocket  = "MESOS_DOMAIN_SOCKET"
	envToken         = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN"
	envCheckpoint    = "MESOS_CHECKPOINT"
	envRecovery      = "MESOS_RECOVERY_TIMEOUT"
	envBackoffMax    = "MESOS_SUBSCRIPTION_BACKOFF_MAX"
	envShutdownGrace = "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"
	envTLS           = "LIBPROCESS_SSL_ENABLED"
	envOldTLS        = "SSL_ENABLED"
)

// FromEnvironment returns c with what the agent that started this process says in its environment: ids,
// Agent, Checkpoint, the timeouts, and, unless it is set, Exit. MESOS_EXECUTOR_AUTHENTICATION_TOKEN is
// removed from the environment, so that tasks don't inherit it; call FromEnvironment once, first.
//
// Errors: InvalidArgument, with the name of the variable, its value and what would be right.
// Mesos: src/executor/executor.cpp, MesosProcess; docs/executor-http-api.md, "Environment variables".
func (c Config) FromEnvironment() (Config, error) {
	c, err := c.FromVariables(os.LookupEnv)
	if err != nil {
		return c, err
	}
	os.Unsetenv(envToken)
	if c.Exit == nil {
		c.Exit = KillProcessGroup
	}
	return c, nil
}

// FromVariables is FromEnvironment for variables from elsewhere, such as those of an executor that is a
// function in the agent's process. It leaves Exit alone. lookup is as [os.LookupEnv].
func (c Config) FromVariables(lookup func(name string) (value string, ok bool)) (Config, error) {
	e := environment{lookup: lookup}
	c.FrameworkID = &mesosproto.FrameworkID{Value: proto.String(e.must(envFrameworkID))}
	c.ExecutorID = &mesosproto.ExecutorID{Value: proto.String(e.must(envExecutorID))}
	c.Agent = Agent{
		Endpoint:     e.get(envAgentEndpoint),
		PID:          e.get(envAgentPID),
		DomainSocket: e.get(envDomainSocket),
		Token:        e.get(envToken),
		TLS:          e.flag(envTLS) || e.flag(envOldTLS),
	}
	if c.Agent.Endpoint == "" { // agents before 0.28 did not set it
		_, c.Agent.Endpoint, _ = strings.Cut(c.Agent.PID, "@")
	}
	if c.Agent.Endpoint == "" && c.Agent.DomainSocket == "" {
		e.must(envAgentEndpoint)
	}
	c.Checkpoint = e.flag(envCheckpoint)
	if c.Checkpoint {
		c.RecoveryTimeout = e.duration(envRecovery)
		c.BackoffMax = e.duration(envBackoffMax)
	}
	c.ShutdownGrace = e.duration(envShutdownGrace)
	return c, e.err
}

// environment reads variables and keeps the first error.
type environment struct {
	lookup func(string) (string, bool)
	err    error
}

func (e *environment) fail(format string, args ...any) {
	if e.err == nil {
		e.err = invalid(format, args...)
	}
}

func (e *environment) get(name string) string {
	value, _ := e.lookup(name)
	return value
}

func (e *environment) must(name string) string {
	value := e.get(name)
	if value == "" {
		e.fail("%s is not set; agents set it for the executors that they start, so let an agent start this program", name)
	}
	return value
}

func (e *environment) flag(name string) bool {
	switch value := e.get(name); value {
	case "1", "true":
		return true
	case "", "0", "false":
		return false
	default:
		e.fail("%s is %q; expecting 1 or 0", name, value)
		return false
	}
}

// duration is 0, which stands for the default, only if the variable is not set.
func (e *environment) duration(name string) time.Duration {
	value := e.get(name)
	if value == "" {
		return 0
	}
	d, ok := parseDuration(value)
	if !ok {
		e.fail("%s is %q; expecting a duration such as 15mins: a number and one of ns, us, ms, secs, mins, hrs, days, weeks",
			name, value)
	}
	return max(d, 1)
}

// units are those of the reference's durations.
var units = []struct {
	name string
	size time.Duration
}{
	{"ns", 1}, {"us", time.Microsecond}, {"ms", time.Millisecond}, {"secs", time.Second}, {"mins", time.Minute},
	{"hrs", time.Hour}, {"days", 24 * time.Hour}, {"weeks", 7 * 24 * time.Hour},
}

// parseDuration reads 15mins, 1.5hrs and the like. ok is false for what is no such text, negative, or
// longer than a Duration can be.
//
// Mesos: 3rdparty/stout, Duration::parse.
func parseDuration(text string) (d time.Duration, ok bool) {
	at := strings.IndexFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if at < 0 {
		return 0, false
	}
	number, err := strconv.ParseFloat(text[:at], 64)
	if err != nil {
		return 0, false
	}
	for _, u := range units {
		if text[at:] == u.name {
			ns := math.Round(number * float64(u.size))
			if ns < math.MaxInt64 {
				return time.Duration(ns), true
			}
		}
	}
	return 0, false
}

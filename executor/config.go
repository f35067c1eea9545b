package executor

import (
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
)

// Config is what a Driver needs. Executor, Dialer and the ids must be set; the zero value of every other
// field works. An executor that an agent has started in a process of its own sets Executor and Dialer and
// gets the rest by [Config.FromEnvironment].
type Config struct {
	// Executor gets the callbacks.
	Executor Executor

	// Dialer connects to the agent.
	Dialer Dialer

	// FrameworkID and ExecutorID say who this is (MESOS_FRAMEWORK_ID, MESOS_EXECUTOR_ID).
	FrameworkID *mesosproto.FrameworkID
	ExecutorID  *mesosproto.ExecutorID

	// Agent is passed to Dialer.
	Agent Agent

	// Checkpoint says that the agent, once restarted, knows its executors again (MESOS_CHECKPOINT, the
	// framework's FrameworkInfo.Checkpoint). Then the driver connects again when the agent is lost.
	// Default: the executor is shut down.
	Checkpoint bool

	// RecoveryTimeout is how long to wait for a lost agent before the executor is shut down
	// (MESOS_RECOVERY_TIMEOUT). Default 15min (--recovery_timeout). It counts only with Checkpoint.
	RecoveryTimeout time.Duration

	// BackoffMax bounds the random wait before each attempt to connect again
	// (MESOS_SUBSCRIPTION_BACKOFF_MAX). Default 2s (--executor_reregistration_timeout). It does not
	// grow, since the agent waits for its executors only so long.
	BackoffMax time.Duration

	// ShutdownGrace is how long the executor may take to stop after Shutdown
	// (MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD). Default 5s (--executor_shutdown_grace_period).
	ShutdownGrace time.Duration

	// Exit, if set, is called when ShutdownGrace has passed and nobody has called Stop: tasks may be
	// running that nobody controls. Default: nothing; FromEnvironment sets KillProcessGroup. It is
	// called on a goroutine of its own; if it returns, the driver ends.
	Exit func()

	// Logger gets one line for each change of the connection and each error. Default: none.
	Logger *zap.Logger

	// Loop and ExecutorLoop are where the driver and the callbacks run. Default: loops of their own.
	// If only Loop is set, the callbacks run there, too. Simulations set them.
	Loop, ExecutorLoop loop.Loop
}

// Defaults of agents, for what they do not say.
const (
	defaultRecoveryTimeout = 15 * time.Minute
	defaultBackoffMax      = 2 * time.Second
	defaultShutdownGrace   = 5 * time.Second
)

// filled returns a copy with defaults, or what is wrong.
func (c Config) filled() (Config, error) {
	switch {
	case c.Executor == nil:
		return c, invalid("Config.Executor is not set; it gets the callbacks")
	case c.Dialer == nil:
		return c, invalid("Config.Dialer is not set; httpv1.Dialer{} speaks to any agent over HTTP")
	case c.FrameworkID.GetValue() == "":
		return c, invalid("Config.FrameworkID is not set; Config.FromEnvironment reads it from %s", envFrameworkID)
	case c.ExecutorID.GetValue() == "":
		return c, invalid("Config.ExecutorID is not set; Config.FromEnvironment reads it from %s", envExecutorID)
	case c.Loop == nil && c.ExecutorLoop != nil:
		return c, invalid("Config.ExecutorLoop is set and Config.Loop is not; set both or neither")
	}
	for _, f := range []struct {
		name     string
		value    *time.Duration
		standard time.Duration
	}{
		{"RecoveryTimeout", &c.RecoveryTimeout, defaultRecoveryTimeout},
		{"BackoffMax", &c.BackoffMax, defaultBackoffMax},
		{"ShutdownGrace", &c.ShutdownGrace, defaultShutdownGrace},
	} {
		if *f.value < 0 {
			return c, invalid("Config.%s is %v; expecting a positive duration, or 0 for %v", f.name, *f.value, f.standard)
		}
		if *f.value == 0 {
			*f.value = f.standard
		}
	}
	c.FrameworkID = proto.CloneOf(c.FrameworkID)
	c.ExecutorID = proto.CloneOf(c.ExecutorID)
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	if c.ExecutorLoop == nil {
		c.ExecutorLoop = c.Loop
	}
	return c, nil
}

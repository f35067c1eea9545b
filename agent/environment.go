package agent

import (
	"maps"
	"math"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// spec says what the containerizer is to run for an executor.
func (c *core) spec(ex *executor, user string) *containerizer.Spec {
	s := &containerizer.Spec{
		ID:                ex.container,
		FrameworkID:       ex.fw.id,
		ExecutorID:        ex.id,
		AgentID:           c.agentID(),
		Environment:       c.environment(ex),
		SharedEnvironment: c.sharedEnvironment(ex),
		Resources:         ex.liveResources(),
		Limits:            ex.limits(),
		Sandbox:           ex.sandbox,
		User:              user,
		Checkpointed:      ex.fw.info.GetCheckpoint(),
	}
	if t := ex.supervised(); t != nil {
		s.Task, s.Command, s.Container = t.info, t.info.GetCommand(), t.info.GetContainer()
		return s
	}
	s.Executor, s.Command, s.Container = ex.info, ex.info.GetCommand(), ex.info.GetContainer()
	if needsDefault(ex) {
		s.Command = c.cfg.DefaultExecutor
	}
	return s
}

// user is who the container runs as; empty: the agent's own user.
func (c *core) user(ex *executor) string {
	if c.cfg.NoSwitchUser {
		return ""
	}
	command := ex.info.GetCommand()
	if t := ex.supervised(); t != nil {
		command = t.info.GetCommand()
	}
	if command.GetUser() != "" {
		return command.GetUser()
	}
	return ex.fw.info.GetUser()
}

// environment is what an executor learns from the agent, besides what all executors learn. Docker tasks get
// only what the reference's Docker executor passes into the container.
func (c *core) environment(ex *executor) map[string]string {
	var list []*mesosproto.Resource
	if t := ex.supervised(); t != nil {
		list = t.info.GetResources()
	}
	env := make(map[string]string, 6)
	if len(list) > 0 {
		env["MESOS_ALLOCATION_ROLE"] = list[0].GetAllocationInfo().GetRole()
	}
	if ex.docker() {
		return env
	}
	env["MESOS_FRAMEWORK_ID"] = ex.fw.id
	env["MESOS_EXECUTOR_ID"] = ex.id
	env["MESOS_DIRECTORY"] = ex.sandbox
	env["MESOS_SANDBOX"] = ex.sandbox
	env["MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"] = durationText(c.shutdownGrace(ex))
	return env
}

// docker reports whether the executor is a Docker task.
func (ex *executor) docker() bool {
	t := ex.supervised()
	return t != nil && t.info.GetContainer() != nil && t.info.GetContainer().GetType() == mesosproto.ContainerInfo_DOCKER
}

// sharedEnvironment is what all executors learn from the agent, but for Docker tasks. It is made once for
// those that are checkpointed and once for the others.
func (c *core) sharedEnvironment(ex *executor) map[string]string {
	if ex.docker() {
		return nil
	}
	made := &c.shared
	if ex.fw.info.GetCheckpoint() {
		made = &c.sharedCheckpointed
	}
	if *made != nil && (*made)["MESOS_SLAVE_ID"] == c.agentID() {
		return *made
	}
	env := make(map[string]string, len(c.cfg.ExecutorEnvironment)+9)
	maps.Copy(env, c.cfg.ExecutorEnvironment)
	endpoint := c.cfg.PID
	if i := strings.IndexByte(endpoint, '@'); i >= 0 {
		endpoint = endpoint[i+1:]
	}
	env["MESOS_SLAVE_ID"] = c.agentID()
	env["MESOS_SLAVE_PID"] = c.cfg.PID
	env["MESOS_AGENT_ENDPOINT"] = endpoint
	env["MESOS_CHECKPOINT"] = "0"
	env["MESOS_HTTP_COMMAND_EXECUTOR"] = "0"
	env["LIBPROCESS_PORT"] = "0"
	if ex.fw.info.GetCheckpoint() {
		env["MESOS_CHECKPOINT"] = "1"
		env["MESOS_RECOVERY_TIMEOUT"] = durationText(c.cfg.RecoveryTimeout)
		env["MESOS_SUBSCRIPTION_BACKOFF_MAX"] = durationText(c.cfg.ExecutorReregistrationTimeout)
	}
	*made = env
	return env
}

// liveResources are the executor's and those of its tasks that have not ended.
func (ex *executor) liveResources() resources.Resources {
	var list []*mesosproto.Resource
	if ex.supervisor == nil {
		list = append(list, ex.info.GetResources()...)
	}
	for _, t := range ex.tasks {
		if !t.terminal() {
			list = append(list, t.info.GetResources()...)
		}
	}
	rs, err := resources.FromProto(list)
	if err != nil { // the master has validated them
		return resources.Resources{}
	}
	return rs
}

// limits are the sums of the tasks' limits. A task without a limit counts with what it requested, and
// so does the executor; one infinite limit makes the sum infinite. A resource that no task limits has
// no limit here.
func (ex *executor) limits() map[string]float64 {
	sums := make(map[string]float64)
	live := make([]*task, 0, len(ex.tasks))
	for _, t := range ex.tasks {
		if !t.terminal() {
			live = append(live, t)
			for name := range t.info.GetLimits() {
				sums[name] = 0
			}
		}
	}
	for name := range sums {
		sum := 0.0
		if ex.supervisor == nil {
			sum = requested(ex.info.GetResources(), name)
		}
		for _, t := range live {
			if limit, ok := t.info.GetLimits()[name]; ok {
				sum += limit.GetValue()
			} else {
				sum += requested(t.info.GetResources(), name)
			}
		}
		sums[name] = sum
	}
	return sums
}

func requested(list []*mesosproto.Resource, name string) float64 {
	sum := 0.0
	for _, r := range list {
		if r.GetName() == name {
			sum += r.GetScalar().GetValue()
		}
	}
	return sum
}

// commandExecutorInfo is the executor that the reference would start for a command task; operators
// see it in the agent's state.
func commandExecutorInfo(fw *framework, t *mesosproto.TaskInfo) *mesosproto.ExecutorInfo {
	m := &struct { // one allocation for all: there is one for each command task
		info     mesosproto.ExecutorInfo
		executor mesosproto.ExecutorID
		id, name string
	}{id: t.GetTaskId().GetValue()}
	m.name = "Command Executor (Task: " + m.id + ") (Command: " + commandText(t.GetCommand()) + ")"
	m.executor.Value = &m.id
	info := &m.info
	info.ExecutorId, info.FrameworkId = &m.executor, fw.info.GetId()
	info.Name, info.Source = &m.name, &m.id //lint:ignore SA1019 operators' tools read it
	info.Command, info.Container = t.GetCommand(), t.GetContainer()
	info.Labels, info.Discovery = t.GetLabels(), t.GetDiscovery()
	if t.GetKillPolicy().GetGracePeriod() != nil {
		grace := t.GetKillPolicy().GetGracePeriod().GetNanoseconds() + int64(2*time.Second)
		info.ShutdownGracePeriod = &mesosproto.DurationInfo{Nanoseconds: proto.Int64(grace)}
	}
	return info
}

func commandText(command *mesosproto.CommandInfo) string {
	switch {
	case command == nil:
		return "NO COMMAND"
	case command.GetShell() && command.Value == nil:
		return "NO COMMAND"
	case command.GetShell():
		value := command.GetValue()
		if len(value) > 15 {
			value = value[:12] + "..."
		}
		return "sh -c '" + value + "'"
	case command.Value == nil:
		return "NO EXECUTABLE"
	}
	return "[" + strings.Join(append([]string{command.GetValue()}, command.GetArguments()...), ", ") + "]"
}

// durationText is a duration as the reference prints and parses it: 5secs, 1.5mins.
func durationText(d time.Duration) string {
	for _, u := range []struct {
		name string
		size time.Duration
	}{
		{"weeks", 7 * 24 * time.Hour}, {"days", 24 * time.Hour}, {"hrs", time.Hour}, {"mins", time.Minute},
		{"secs", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond},
	} {
		if math.Abs(float64(d)) >= float64(u.size) {
			return strconv.FormatFloat(float64(d)/float64(u.size), 'g', 15, 64) + u.name
		}
	}
	return strconv.FormatInt(int64(d), 10) + "ns"
}

// nanoseconds is a DurationInfo as a duration; never negative.
func nanoseconds(d *mesosproto.DurationInfo) time.Duration {
	return max(time.Duration(d.GetNanoseconds()), 0)
}

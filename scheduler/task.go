package scheduler

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// TaskOption adds to a task that [CommandTask], [DockerTask] or [ExecutorTask] makes.
type TaskOption func(*mesosproto.TaskInfo)

// CommandTask returns a task that runs a shell command with the resources need, such as
// resources.MustParse("cpus:0.1;mem:32"). Its name is id, which must be unique among the framework's
// tasks that have not ended. The agent is filled in by [Room.Put], or by the caller.
func CommandTask(id, command string, need resources.Resources, opts ...TaskOption) *mesosproto.TaskInfo {
	t := newTask(id, need)
	t.Command = &mesosproto.CommandInfo{Value: proto.String(command)}
	return withOptions(t, opts)
}

// DockerTask returns a task that runs image in the Docker engine of the agent, with the image's own
// command unless [WithCommand] or [WithArguments] gives another. The rest is as with CommandTask.
func DockerTask(id, image string, need resources.Resources, opts ...TaskOption) *mesosproto.TaskInfo {
	t := newTask(id, need)
	t.Command = &mesosproto.CommandInfo{Shell: proto.Bool(false)}
	t.Container = &mesosproto.ContainerInfo{
		Type:   mesosproto.ContainerInfo_DOCKER.Enum(),
		Docker: &mesosproto.ContainerInfo_DockerInfo{Image: proto.String(image)},
	}
	return withOptions(t, opts)
}

// ExecutorTask returns a task for an executor of the framework's own, which the agent starts if it does
// not run there already; see [CustomExecutor]. The rest is as with CommandTask.
func ExecutorTask(id string, executor *mesosproto.ExecutorInfo, need resources.Resources, opts ...TaskOption) *mesosproto.TaskInfo {
	t := newTask(id, need)
	t.Executor = proto.CloneOf(executor)
	return withOptions(t, opts)
}

// CustomExecutor returns an executor that a shell command starts, with resources of its own besides
// those of its tasks.
func CustomExecutor(id, command string, need resources.Resources) *mesosproto.ExecutorInfo {
	return &mesosproto.ExecutorInfo{
		Type:       mesosproto.ExecutorInfo_CUSTOM.Enum(),
		ExecutorId: &mesosproto.ExecutorID{Value: proto.String(id)},
		Command:    &mesosproto.CommandInfo{Value: proto.String(command)},
		Resources:  need.Proto(),
	}
}

// DefaultExecutor returns the executor for task groups that agents bring along.
func DefaultExecutor(id string, need resources.Resources) *mesosproto.ExecutorInfo {
	return &mesosproto.ExecutorInfo{
		Type:       mesosproto.ExecutorInfo_DEFAULT.Enum(),
		ExecutorId: &mesosproto.ExecutorID{Value: proto.String(id)},
		Resources:  need.Proto(),
	}
}

func newTask(id string, need resources.Resources) *mesosproto.TaskInfo {
	return &mesosproto.TaskInfo{
		Name:      proto.String(id),
		TaskId:    &mesosproto.TaskID{Value: proto.String(id)},
		Resources: need.Proto(),
	}
}

func withOptions(t *mesosproto.TaskInfo, opts []TaskOption) *mesosproto.TaskInfo {
	for _, o := range opts {
		o(t)
	}
	return t
}

// WithName gives the task a name other than its id; several tasks may have the same.
func WithName(name string) TaskOption {
	return func(t *mesosproto.TaskInfo) { t.Name = proto.String(name) }
}

// WithCommand makes the task run a shell command. An empty one changes nothing.
func WithCommand(command string) TaskOption {
	return func(t *mesosproto.TaskInfo) {
		if command == "" {
			return
		}
		c := commandOf(t)
		c.Shell, c.Value, c.Arguments = proto.Bool(true), proto.String(command), nil
	}
}

// WithArguments makes the task run a program without a shell. With DockerTask, args are the arguments
// of the image's entry point; otherwise args[0] is the program and args are what it gets, itself first.
func WithArguments(args ...string) TaskOption {
	return func(t *mesosproto.TaskInfo) {
		c := commandOf(t)
		c.Shell, c.Value, c.Arguments = proto.Bool(false), nil, args
		if t.Container.GetDocker() == nil && len(args) > 0 {
			c.Value = proto.String(args[0])
		}
	}
}

// WithEnv adds an environment variable.
func WithEnv(name, value string) TaskOption {
	return func(t *mesosproto.TaskInfo) {
		c := commandOf(t)
		if c.Environment == nil {
			c.Environment = &mesosproto.Environment{}
		}
		c.Environment.Variables = append(c.Environment.Variables,
			&mesosproto.Environment_Variable{Name: proto.String(name), Value: proto.String(value)})
	}
}

// WithUser makes the task run as a user of the agent, instead of the framework's.
func WithUser(user string) TaskOption {
	return func(t *mesosproto.TaskInfo) { commandOf(t).User = proto.String(user) }
}

// WithURI has the agent fetch uri into the sandbox before the start. Archives are extracted; with
// executable the file is made one instead.
func WithURI(uri string, executable bool) TaskOption {
	return func(t *mesosproto.TaskInfo) {
		c := commandOf(t)
		u := &mesosproto.CommandInfo_URI{Value: proto.String(uri)}
		if executable {
			u.Executable, u.Extract = proto.Bool(true), proto.Bool(false)
		}
		c.Uris = append(c.Uris, u)
	}
}

// WithLabel adds a label, which Mesos itself ignores.
func WithLabel(key, value string) TaskOption {
	return func(t *mesosproto.TaskInfo) {
		if t.Labels == nil {
			t.Labels = &mesosproto.Labels{}
		}
		t.Labels.Labels = append(t.Labels.Labels, &mesosproto.Label{Key: proto.String(key), Value: proto.String(value)})
	}
}

// WithData gives data to the task's executor.
func WithData(data []byte) TaskOption {
	return func(t *mesosproto.TaskInfo) { t.Data = data }
}

// WithKillPolicy gives the task that long to end by itself after SIGTERM before it is killed.
func WithKillPolicy(grace time.Duration) TaskOption {
	return func(t *mesosproto.TaskInfo) {
		t.KillPolicy = &mesosproto.KillPolicy{GracePeriod: duration(grace)}
	}
}

// WithMaxRuntime has the task killed when it has run that long; it ends as TASK_FAILED with
// REASON_MAX_COMPLETION_TIME_REACHED.
func WithMaxRuntime(d time.Duration) TaskOption {
	return func(t *mesosproto.TaskInfo) { t.MaxCompletionTime = duration(d) }
}

// WithHealthCheck has the task checked; when it fails too often in a row it is killed. See
// [CommandCheck], [HTTPCheck] and [TCPCheck].
func WithHealthCheck(check *mesosproto.HealthCheck) TaskOption {
	return func(t *mesosproto.TaskInfo) { t.HealthCheck = proto.CloneOf(check) }
}

// CommandCheck is a health check that runs a shell command beside the task; exit status 0 is healthy.
// Delays and counts have Mesos' defaults until set: first after 15s, then every 10s, three failures.
func CommandCheck(command string) *mesosproto.HealthCheck {
	return &mesosproto.HealthCheck{
		Type:    mesosproto.HealthCheck_COMMAND.Enum(),
		Command: &mesosproto.CommandInfo{Value: proto.String(command)},
	}
}

// HTTPCheck is a health check that gets path from the task's port; 200 to 399 is healthy.
func HTTPCheck(port uint32, path string) *mesosproto.HealthCheck {
	return &mesosproto.HealthCheck{
		Type: mesosproto.HealthCheck_HTTP.Enum(),
		Http: &mesosproto.HealthCheck_HTTPCheckInfo{Port: proto.Uint32(port), Path: proto.String(path)},
	}
}

// TCPCheck is a health check that connects to the task's port.
func TCPCheck(port uint32) *mesosproto.HealthCheck {
	return &mesosproto.HealthCheck{
		Type: mesosproto.HealthCheck_TCP.Enum(),
		Tcp:  &mesosproto.HealthCheck_TCPCheckInfo{Port: proto.Uint32(port)},
	}
}

// commandOf is what options about the command change: the task's, or its executor's.
func commandOf(t *mesosproto.TaskInfo) *mesosproto.CommandInfo {
	at := &t.Command
	if t.Executor != nil {
		at = &t.Executor.Command
	}
	if *at == nil {
		*at = &mesosproto.CommandInfo{}
	}
	return *at
}

func duration(d time.Duration) *mesosproto.DurationInfo {
	return &mesosproto.DurationInfo{Nanoseconds: proto.Int64(int64(d))}
}

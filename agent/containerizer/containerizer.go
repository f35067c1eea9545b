package containerizer

import (
	"context"
	"errors"
	"maps"
	"syscall"
	"time"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

var (
	// ErrNotSupported is returned by Launch when the container is not of this containerizer's kind;
	// a composing containerizer then asks the next one. The container stays unknown.
	ErrNotSupported = errors.New("this containerizer does not run such containers")
	// ErrUnknown is returned when no container has the given id, or when it has ended and the method
	// needs one that runs.
	ErrUnknown = errors.New("no such container")
	// ErrExists is returned by Launch when a container, ended or not, has the id already; it is not
	// touched.
	ErrExists = errors.New("a container with this id exists already")
)

// Spec says what to run. It is immutable.
type Spec struct {
	// ID of the container: random and never used again. Only top-level ids have no parent.
	ID *mesosproto.ContainerID

	// FrameworkID, ExecutorID and AgentID name the owner. For command tasks ExecutorID is the task's id.
	FrameworkID, ExecutorID, AgentID string

	// Executor is the executor to run; nil if Task is run by the agent itself.
	Executor *mesosproto.ExecutorInfo
	// Task is the command or Docker task that the agent supervises; nil for executors.
	Task *mesosproto.TaskInfo

	// Command and Container are Executor's or Task's. Container may be nil.
	Command   *mesosproto.CommandInfo
	Container *mesosproto.ContainerInfo

	// Environment is set under Command's own environment, which wins. MESOS_SANDBOX in it is replaced
	// by the sandbox as the container sees it. It is not all that the agent sets: see [Spec.Variables].
	Environment map[string]string
	// SharedEnvironment is set under Environment: what many containers have in common, so that nobody makes
	// it for each of them. It must not be changed.
	SharedEnvironment map[string]string

	// Resources to begin with: the executor's and its first tasks'. Limits holds the tasks' resource
	// limits by name (cpus, mem); +Inf means no limit.
	Resources resources.Resources
	Limits    map[string]float64

	// Sandbox is the container's directory on the host, an absolute path; it exists and belongs to
	// User. Files named stdout and stderr in it take the output.
	Sandbox string
	// User runs the command; empty means the agent's own user.
	User string

	// Checkpointed says that the container must outlive the agent.
	Checkpointed bool
}

// Variables returns what the agent sets, SharedEnvironment and Environment together, in a map of the
// caller's own.
func (s *Spec) Variables() map[string]string {
	all := make(map[string]string, len(s.SharedEnvironment)+len(s.Environment))
	maps.Copy(all, s.SharedEnvironment)
	maps.Copy(all, s.Environment)
	return all
}

// Launched is what is known of a container as soon as it runs.
type Launched struct {
	// Status goes into the status updates: network addresses, pid.
	Status *mesosproto.ContainerStatus
	// Data goes into the RUNNING update of a Docker task: the inspection as JSON.
	Data []byte
}

// Termination says how a container ended.
type Termination struct {
	// Exited is true if the exit status is known; then WaitStatus holds it, in the form of wait(2).
	Exited     bool
	WaitStatus syscall.WaitStatus

	// State and Reason, if set, override what would follow from the status: the containerizer
	// ended it (out of memory, for example). LimitedResources says which limit was hit.
	State            *mesosproto.TaskState
	Reason           *mesosproto.TaskStatus_Reason
	LimitedResources resources.Resources

	// Message is for people: it says what happened and, where something can be done, what. It is
	// empty if the status says it all, and never empty if Exited is false.
	Message string
}

// Checkpoint is what the agent remembered of a container that should still run.
type Checkpoint struct {
	Spec *Spec
	// Pid is the process that was checkpointed; 0 if none was.
	Pid int
}

// Containerizer runs containers. Methods block and may be called concurrently, also for the same
// container. Each gives up when ctx ends, which undoes nothing but leaves the container destroyable.
//
// Every implementation is held to the contract by package containerizertest. Mesos:
// src/slave/containerizer/containerizer.hpp.
type Containerizer interface {
	// Name is the name in --containerizers: mesos, docker.
	Name() string

	// Recover adopts the containers that still run from an earlier agent process and destroys
	// those of this agent that are not in known. It is called once, before any other method. Known
	// containers that are gone are known to Wait with what can still be said of their end. Those
	// that Launch would refuse with ErrNotSupported are none of its business and stay unknown.
	Recover(ctx context.Context, known []Checkpoint) error

	// Launch starts a container and returns when its process runs. The image was pulled, URIs were
	// fetched into the sandbox by the agent before. After an error other than ErrNotSupported and
	// ErrExists the caller still calls Destroy. A container that ends at once is no error.
	Launch(ctx context.Context, spec *Spec) (Launched, error)

	// Wait returns when the container has ended and its remains are gone but for the sandbox.
	// Any number of callers may wait. ErrUnknown, even if ctx has ended, if there was none or it was
	// Removed.
	Wait(ctx context.Context, id *mesosproto.ContainerID) (Termination, error)

	// Signal sends a signal to all processes of the container. For SIGTERM a container whose image
	// names another stop signal gets that. ErrUnknown if the container has ended.
	Signal(ctx context.Context, id *mesosproto.ContainerID, signal syscall.Signal) error

	// Destroy kills the container, its nested containers and everything in them, and waits for its
	// end; idempotent: for an ended container it returns what Wait returns. A container whose Launch
	// is under way is destroyed too, and Launch fails. ErrUnknown if there was none, or it was Removed.
	Destroy(ctx context.Context, id *mesosproto.ContainerID) (Termination, error)

	// Update resizes a container; unknown containers and those about to end are ignored.
	Update(ctx context.Context, id *mesosproto.ContainerID, r resources.Resources, limits map[string]float64) error

	// Status and Usage describe a running container; ErrUnknown if there is none.
	Status(ctx context.Context, id *mesosproto.ContainerID) (*mesosproto.ContainerStatus, error)
	Usage(ctx context.Context, id *mesosproto.ContainerID) (*mesosproto.ResourceStatistics, error)

	// Exec runs a command inside a running container (a COMMAND check) and returns its wait status
	// and up to [MaxExecOutput] bytes of its output, standard error included; its environment is the
	// container's under its own. A command that ends with whatever status is no error. When ctx or
	// the container ends the command and its children are killed and Exec returns an error.
	// ErrUnknown if no such container runs.
	Exec(ctx context.Context, id *mesosproto.ContainerID, command *mesosproto.CommandInfo) (syscall.WaitStatus, []byte, error)

	// Remove forgets a container that has ended; one that has not is an error, an unknown one is not.
	Remove(ctx context.Context, id *mesosproto.ContainerID) error
}

// PidReporter is implemented by containerizers whose containers have a process on this host.
type PidReporter interface {
	// Pid is the container's first process, for the checkpoint.
	Pid(id *mesosproto.ContainerID) (int, bool)
}

// Puller is implemented by containerizers that need an image; it is called before Launch so that a
// slow registry does not count as a slow start.
type Puller interface {
	// Pull makes the spec's image available. A spec without an image of this kind is none of its
	// business: nil.
	Pull(ctx context.Context, spec *Spec) error
}

const (
	// DefaultDestroyTimeout is how long Destroy may take before it is reported as failed.
	DefaultDestroyTimeout = time.Minute
	// MaxExecOutput is how much of its output Exec returns; the rest is read and dropped.
	MaxExecOutput = 64 << 10
)

package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/mesosproto"
)

// Fetcher brings files into a sandbox.
type Fetcher interface {
	// Fetch downloads or copies uris into the directory sandbox, as user (empty: the agent's own),
	// in order; the first that fails ends it. It blocks until done or ctx ends. The error says which
	// URI failed, and why.
	Fetch(ctx context.Context, uris []*mesosproto.CommandInfo_URI, sandbox, user string) error
}

func newExecutor(fw *framework, id string, seq uint64) *executor {
	ex := &executor{
		fw:               fw,
		id:               id,
		state:            executorRegistering,
		seq:              seq,
		stopRegistration: noTimer,
		stopShutdown:     noTimer,
		stopHeartbeat:    noTimer,
		cancel:           func() {},
	}
	fw.executors[id] = ex
	fw.pages = fw.pages.add(ex)
	return ex
}

// launchExecutor starts the container of an executor or of a supervised task: sandbox, URIs, image,
// container, one after the other. Whatever fails ends the executor.
func (c *core) launchExecutor(ex *executor) {
	ex.container = &mesosproto.ContainerID{Value: proto.String(c.newID())}
	user := c.user(ex)
	if c.cfg.WorkDir != "" {
		ex.sandbox = sandboxPath(c.cfg.WorkDir, c.agentID(), ex.fw.id, ex.id, ex.container.GetValue())
	}
	ex.spec = c.spec(ex, user)
	c.rememberExecutor(ex)
	c.touched(ex)
	if e := c.log.Check(zap.InfoLevel, "launching"); e != nil {
		e.Write(zap.String("framework_id", ex.fw.id), zap.String("executor_id", ex.id), zap.String("container_id", ex.container.GetValue()))
	}
	// It may have been given up while it waited.
	c.whenThere(ex.spec.Resources, func() { c.launchStep(ex, "", false, c.prepare) })
}

// prepare makes the sandbox.
func (c *core) prepare(ex *executor) {
	if !c.total.Contains(ex.spec.Resources.NeedCheckpoint().Unallocate().OneCopy()) {
		c.dropQueued(ex, mesosproto.TaskStatus_REASON_RESOURCES_UNKNOWN, "A volume that is used by the task or its executor could not be made")
		return
	}
	sandbox, user := ex.sandbox, ex.spec.User
	c.loop.Do(func() error { return makeSandbox(sandbox, user) }, func(err error) {
		c.launchStep(ex, "", false, func(*executor) {
			if err != nil {
				c.dropQueued(ex, mesosproto.TaskStatus_REASON_EXECUTOR_TERMINATED, fmt.Sprintf("Failed to create executor directory '%s': %v", sandbox, err))
				return
			}
			c.fetch(ex)
		})
	})
}

// dropQueued ends an executor that has not even a sandbox: as if its tasks had not been accepted.
func (c *core) dropQueued(ex *executor, reason mesosproto.TaskStatus_Reason, why string) {
	r := &launchRequest{framework: ex.fw.info, launch: proto.Bool(true)}
	if ex.supervisor == nil {
		r.executor = ex.info
	}
	for _, t := range slices.Clone(ex.tasks) {
		if t.terminal() { // killed meanwhile: all was said
			continue
		}
		r.tasks = append(r.tasks, t.info)
		ex.removeTask(t)
		c.forgetTask(t)
	}
	ex.queue = nil
	ex.hasEnded = true
	ex.state = executorTerminated
	if len(r.tasks) > 0 {
		c.drop(r, ex.fw, reason, why)
	}
	c.rememberExecutor(ex)
	c.removeExecutorIfDone(ex)
}

func (c *core) fetch(ex *executor) {
	if needsDefault(ex) && ex.spec.Command == nil {
		c.launchFailed(ex, "this agent has no default executor; give the task group an executor of type CUSTOM with a command", false)
		return
	}
	uris := ex.spec.Command.GetUris()
	if len(uris) == 0 {
		c.pull(ex)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	ex.cancel = cancel
	sandbox, user, fetcher := ex.sandbox, ex.spec.User, c.cfg.Fetcher
	c.loop.Do(func() error {
		if fetcher == nil {
			return errors.New("this agent has no fetcher; launch without URIs")
		}
		return fetcher.Fetch(ctx, uris, sandbox, user)
	}, func(err error) {
		cancel()
		why := ""
		if err != nil {
			why = fmt.Sprintf("Failed to fetch all URIs for container '%s': %v", ex.container.GetValue(), err)
		}
		c.launchStep(ex, why, false, c.pull)
	})
}

// needsDefault reports whether the agent must bring the executor's command.
func needsDefault(ex *executor) bool {
	return ex.supervisor == nil && ex.info.GetCommand() == nil && ex.info.GetType() == mesosproto.ExecutorInfo_DEFAULT
}

func (c *core) pull(ex *executor) {
	if ex.spec.Container == nil {
		c.startContainer(ex)
		return
	}
	ex.cancel = c.containers.Pull(ex.spec, func(err error) {
		why := ""
		if err != nil {
			why = err.Error()
		}
		c.launchStep(ex, why, false, c.startContainer)
	})
}

// launchStep goes on with a launch unless the step failed (why is not empty) or the executor was given
// up meanwhile. exists says whether the containerizer may have something to destroy.
func (c *core) launchStep(ex *executor, why string, exists bool, next func(*executor)) {
	ex.cancel = func() {}
	switch {
	case c.stopped || ex.hasEnded:
	case ex.destroying && exists: // destroyed meanwhile: Destroy, under way, ends it
	case ex.destroying:
		c.ended(ex, containerizer.Termination{}, nil)
	case why != "":
		c.launchFailed(ex, why, exists)
	default:
		next(ex)
	}
}

// launchFailed ends an executor that did not come up.
func (c *core) launchFailed(ex *executor, why string, exists bool) {
	c.log.Warn("launch failed", zap.String("framework_id", ex.fw.id), zap.String("executor_id", ex.id), zap.String("container_id", ex.container.GetValue()), zap.String("why", why))
	c.counters.ContainerLaunchErrors++
	end := &ending{
		state:   mesosproto.TaskState_TASK_FAILED.Enum(),
		reason:  mesosproto.TaskStatus_REASON_CONTAINER_LAUNCH_FAILED,
		message: "Failed to launch container: " + why,
		detail:  why,
	}
	if exists {
		c.destroy(ex, end)
		return
	}
	ex.pending = end
	c.ended(ex, containerizer.Termination{}, nil)
}

// startContainer hands the container to the containerizer.
func (c *core) startContainer(ex *executor) {
	if ex.supervisor != nil {
		c.aboutToStart(ex)
	} else {
		c.expectRegistration(ex)
		ex.spec = c.spec(ex, ex.spec.User) // tasks may have come and gone meanwhile
	}
	ex.launched = true
	c.rememberExecutor(ex)
	ex.cancel = c.containers.Launch(ex.spec, func(l containerizer.Launched, err error) {
		why := ""
		switch {
		case errors.Is(err, containerizer.ErrNotSupported):
			why = fmt.Sprintf("no containerizer of this agent (%s) runs such a container; change the task's container or --containerizers", c.containers.Name())
		case err != nil:
			why = err.Error()
		default:
			ex.status = l.Status
		}
		c.launchStep(ex, why, true, func(*executor) { c.up(ex, l) })
	})
}

// expectRegistration gives a launched executor a while to subscribe.
func (c *core) expectRegistration(ex *executor) {
	ex.stopRegistration = c.loop.AfterFunc(c.cfg.ExecutorRegistrationTimeout, func() {
		if ex.state == executorRegistering && !c.guards.Off(guard.ExecutorTimeout) {
			c.destroy(ex, &ending{
				state:   mesosproto.TaskState_TASK_FAILED.Enum(),
				reason:  mesosproto.TaskStatus_REASON_EXECUTOR_REGISTRATION_TIMEOUT,
				message: "Executor did not register within " + durationText(c.cfg.ExecutorRegistrationTimeout),
			})
		}
	})
}

// up is a container that runs.
func (c *core) up(ex *executor, l containerizer.Launched) {
	if _, has := c.containers.Pid(ex.container); has { // which is not recorded yet
		c.rememberExecutor(ex)
	}
	if e := c.log.Check(zap.InfoLevel, "container runs"); e != nil {
		e.Write(zap.String("framework_id", ex.fw.id), zap.String("executor_id", ex.id), zap.String("container_id", ex.container.GetValue()))
	}
	if ex.supervisor != nil {
		c.supervisedUp(ex, l)
	} else if !ex.spec.Resources.Equal(ex.liveResources()) { // it could not be resized before it was up
		c.shrink(ex)
	}
	ex.spec, ex.encoded = nil, nil // of no more use, and large
	c.touched(ex)
	c.await(ex)
}

// await waits for the end of the container.
func (c *core) await(ex *executor) {
	c.containers.Wait(ex.container, func(t containerizer.Termination, err error) { c.ended(ex, t, err) })
}

package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	engine "github.com/docker/docker/api/types/container"
	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/internal/proctree"
	"github.com/mesokit/mesokit/mesosproto"
)

// execMark is a variable that all processes of one Exec have in their environment. The engine has no
// way to end a command, so they are looked for in the host's process table.
const execMark = "MESOKIT_EXEC"

var errContainerEnded = errors.New("the container ended while the command ran in it")

// Exec runs a command with `docker exec`. A command that is given up is killed through the host's
// process table; an agent that sees only its own processes can't do that, and says so.
func (c *Containerizer) Exec(ctx context.Context, id *mesosproto.ContainerID, command *mesosproto.CommandInfo) (syscall.WaitStatus, []byte, error) {
	k, err := c.running(id)
	if err != nil {
		return 0, nil, err
	}
	argv, err := execArguments(command)
	if err != nil {
		return 0, nil, err
	}
	mark := uuid.NewString()
	env := map[string]string{execMark: mark}
	if err := containerizer.Overlay(env, command.GetEnvironment()); err != nil {
		return 0, nil, err
	}
	created, err := c.api.ContainerExecCreate(ctx, k.id, engine.ExecOptions{
		AttachStdout: true, AttachStderr: true, Env: containerizer.Environ(env), Cmd: argv,
	})
	if err != nil {
		return 0, nil, c.execError(k, err)
	}
	conn, err := c.api.ContainerExecAttach(ctx, created.ID, engine.ExecAttachOptions{})
	if err != nil {
		return 0, nil, c.execError(k, err)
	}
	defer conn.Close()
	out := &bounded{max: containerizer.MaxExecOutput}
	copied := make(chan error, 1)
	go func() { copied <- demultiplex(conn.Reader, false, func(_ stream, _ bool, p []byte) { out.Write(p) }) }()
	select {
	case err = <-copied:
	case <-ctx.Done():
		return 0, nil, errors.Join(context.Cause(ctx), c.killExec(k, created.ID, mark))
	case <-k.done:
		return 0, nil, errContainerEnded
	case <-c.ctx.Done():
		return 0, nil, errors.Join(errClosed, c.killExec(k, created.ID, mark))
	}
	if err != nil {
		return 0, nil, c.execError(k, err)
	}
	code, err := c.execStatus(ctx, k, created.ID)
	return code, out.Bytes(), err
}

// execArguments are those of a command without its environment. For a shell, standard error is made
// standard output inside the container, since the engine would not keep the order of the two.
func execArguments(command *mesosproto.CommandInfo) ([]string, error) {
	if command.Value == nil {
		return nil, errors.New("the command has no value; set what to run")
	}
	if command.GetShell() {
		return []string{"sh", "-c", `exec sh -c "$1" 2>&1`, "sh", command.GetValue()}, nil
	}
	return append([]string{command.GetValue()}, command.GetArguments()...), nil
}

// execError is what err means for a command in k.
func (c *Containerizer) execError(k *container, err error) error {
	switch {
	case errdefs.IsNotFound(err) || errdefs.IsConflict(err) && isClosed(k.done):
		return containerizer.ErrUnknown
	case isClosed(k.done) || c.doomed(k):
		return errContainerEnded
	}
	return explain("run a command in container "+k.name, err)
}

// execStatus is the status of a command whose output has ended. One that was killed may have been killed
// by the end of its container, which the engine may tell a little later.
func (c *Containerizer) execStatus(ctx context.Context, k *container, id string) (syscall.WaitStatus, error) {
	const killed = 128 + int(syscall.SIGKILL)
	for delay := time.Millisecond; ; delay = min(2*delay, 100*time.Millisecond) {
		is, err := c.api.ContainerExecInspect(ctx, id)
		switch {
		case err != nil && ctx.Err() != nil:
			return 0, context.Cause(ctx)
		case err != nil:
			return 0, c.execError(k, err)
		case !is.Running && is.ExitCode != killed:
			return exited(int64(is.ExitCode)), nil
		case !is.Running:
			select {
			case <-k.done:
				return 0, errContainerEnded
			case <-time.After(settleTime):
			case <-ctx.Done():
				return 0, context.Cause(ctx)
			}
			if c.doomed(k) {
				return 0, errContainerEnded
			}
			return exited(int64(is.ExitCode)), nil
		}
		// It has closed its output and goes on, or the engine has not noticed yet.
		if !pause(ctx, delay) {
			return 0, context.Cause(ctx)
		}
	}
}

// killTimeout is how long a command that was killed may take to end.
const killTimeout = 5 * time.Second

// killExec kills a command and its children, and returns when they are gone.
func (c *Containerizer) killExec(k *container, id, mark string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), killTimeout)
	defer cancel()
	for delay := time.Millisecond; ; delay = min(2*delay, 100*time.Millisecond) {
		table, err := proctree.Take()
		if err != nil {
			return fmt.Errorf("find the processes of a command that was given up: %w", err)
		}
		left := proctree.Living(table.Members(proctree.Query{Mark: execMark + "=" + mark, Everywhere: true}))
		left = slices.DeleteFunc(left, func(p proctree.Process) bool { return !inCgroup(p.Pid, k.id) })
		if len(left) == 0 {
			is, err := c.api.ContainerExecInspect(ctx, id)
			if errdefs.IsNotFound(err) || err == nil && !is.Running {
				return nil
			}
		}
		proctree.Kill(left)
		if !pause(ctx, delay) {
			c.log.Warn("command that was given up goes on in its container", zap.String("exec_id", id), zap.Int("processes", len(left)))
			return errors.New("the command may still run: the agent can't see or kill the processes of the engine; run it as root in the host's process namespace")
		}
	}
}

// inCgroup reports whether a process is in a cgroup of the container with this id; what is not is no
// business of ours, whatever its environment says.
func inCgroup(pid int, id string) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	return err == nil && strings.Contains(string(b), id)
}

package posix

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/keeper"
	"github.com/mesokit/mesokit/mesosproto"
)

// Exec runs a command beside a container's processes, with its environment, user and directory. The
// user of the command is ignored, as in the reference.
func (c *Containerizer) Exec(ctx context.Context, id *mesosproto.ContainerID, command *mesosproto.CommandInfo) (syscall.WaitStatus, []byte, error) {
	k, err := c.running(id)
	if err != nil {
		return 0, nil, err
	}
	cmd, err := c.execCommand(k, command)
	if err != nil {
		return 0, nil, err
	}
	out, in, err := pipe()
	if err != nil {
		return 0, nil, fmt.Errorf("pipe for the output of a check: %w", err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = in, in
	_, err = c.start(ctx, cmd)
	in.Close()
	if err != nil {
		c.endExec(cmd.Key)
		return 0, nil, explain(err, cmd, k.spec.User)
	}
	var output []byte
	var reading sync.WaitGroup
	reading.Go(func() { output = readSome(out) })

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(k.life, func() { cancel(errors.New("the container ended before the command did")) })()
	exit, err := c.procs.Wait(ctx, cmd.Key)
	c.endExec(cmd.Key)
	// Only what got away from its session, its parents and its environment can still hold the pipe.
	_ = out.SetReadDeadline(time.Now().Add(time.Second))
	reading.Wait()
	switch {
	case err != nil:
		return 0, output, err
	case !exit.Known:
		return 0, output, errors.New(exit.Message)
	}
	return exit.Status, output, nil
}

// execVariable names a command that Exec runs in its environment.
const execVariable = "MESOKIT_EXEC_ID"

func (c *Containerizer) execCommand(k *container, command *mesosproto.CommandInfo) (*keeper.Command, error) {
	env, err := containerizer.Environment(k.spec, k.spec.Sandbox)
	if err == nil {
		err = containerizer.Overlay(env, command.GetEnvironment())
	}
	if err != nil {
		return nil, err
	}
	credential, err := credentialOf(k.spec.User)
	if err != nil {
		return nil, err
	}
	// A mark of its own: what it leaves must not be taken for the container's, nor the other way round.
	key := fmt.Sprintf("%s/%d", k.key, c.execs.Add(1))
	env[execVariable] = key
	cmd := &keeper.Command{
		Key: key, Env: containerizer.Environ(env), Dir: k.spec.Sandbox,
		Credential: credential, Mark: execVariable + "=" + key, Transient: true,
	}
	cmd.Path, cmd.Args, err = argv(command, env["PATH"], k.spec.Sandbox)
	return cmd, err
}

// endExec kills and forgets a command. It ends with the agent's connection in any case.
func (c *Containerizer) endExec(key string) {
	ctx, cancel := context.WithTimeout(context.Background(), containerizer.DefaultDestroyTimeout)
	defer cancel()
	if c.procs.Kill(ctx, key) != nil {
		return // it was not started
	}
	if _, err := c.procs.Wait(ctx, key); err == nil {
		_ = c.procs.Remove(ctx, key)
	}
}

// pipe is os.Pipe with a writing end that blocks: it becomes another program's standard output.
func pipe() (r, w *os.File, err error) {
	var fds [2]int
	syscall.ForkLock.RLock() // between pipe and close-on-exec nobody may fork
	err = syscall.Pipe(fds[:])
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, err
	}
	if err := syscall.SetNonblock(fds[0], true); err != nil {
		syscall.Close(fds[0])
		syscall.Close(fds[1])
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "output"), os.NewFile(uintptr(fds[1]), "output"), nil
}

// readSome keeps the first MaxExecOutput bytes and reads the rest, so that the writer can go on.
func readSome(r io.Reader) []byte {
	kept, err := io.ReadAll(io.LimitReader(r, containerizer.MaxExecOutput))
	if err == nil {
		_, _ = io.Copy(io.Discard, r) // until it ends, however
	}
	return kept
}

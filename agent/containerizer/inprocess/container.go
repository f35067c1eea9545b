package inprocess

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"runtime/pprof"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
)

// container is one run of a function.
type container struct {
	spec   *containerizer.Spec
	ctx    context.Context
	cancel context.CancelCauseFunc

	// Guarded by Containerizer.mu.
	signal  syscall.Signal // the last that should end it; 0: none
	givesUp *time.Timer    // set by the first Destroy

	done chan struct{}             // closed when it has ended
	end  containerizer.Termination // set before done is closed
}

func newContainer(spec *containerizer.Spec) *container {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &container{spec: spec, ctx: ctx, cancel: cancel, done: make(chan struct{})}
}

func (k *container) ended() bool {
	select {
	case <-k.done:
		return true
	default:
		return false
	}
}

func (k *container) wait(ctx context.Context) (containerizer.Termination, error) {
	if !k.ended() {
		select {
		case <-k.done:
		case <-ctx.Done():
			return containerizer.Termination{}, context.Cause(ctx)
		}
	}
	return k.end, nil
}

// endLocked reports whether this is what ended the container.
func (k *container) endLocked(end containerizer.Termination) bool {
	if k.ended() {
		return false
	}
	if k.givesUp != nil {
		k.givesUp.Stop()
	}
	k.end = end
	close(k.done)
	k.cancel(context.Canceled)
	return true
}

// signalled is the cause of a context that a signal has ended.
type signalled syscall.Signal

func (s signalled) Error() string { return "ended by signal: " + syscall.Signal(s).String() }

// Is makes it a context.Canceled, which most code looks for.
func (s signalled) Is(target error) bool { return target == context.Canceled }

func (k *container) signalLocked(signal syscall.Signal) {
	k.signal = signal
	k.cancel(signalled(signal))
}

// ends reports whether a signal's default is to end a process.
func ends(signal syscall.Signal) bool {
	switch signal {
	case 0, syscall.SIGCHLD, syscall.SIGCONT, syscall.SIGURG, syscall.SIGWINCH,
		syscall.SIGSTOP, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU:
		return false
	}
	return true
}

// stopLocked ends the context and sees to it that the container ends, whatever the function does.
func (c *Containerizer) stopLocked(k *container) {
	if k.ended() {
		return
	}
	k.signalLocked(syscall.SIGKILL)
	if k.givesUp == nil {
		k.givesUp = time.AfterFunc(max(0, c.cfg.StopTimeout), func() { c.giveUp(k) })
	}
}

func (c *Containerizer) giveUp(k *container) {
	c.mu.Lock()
	defer c.mu.Unlock()
	given := k.endLocked(containerizer.Termination{
		State: mesosproto.TaskState_TASK_FAILED.Enum(),
		Message: fmt.Sprintf("function %s has not returned %v after its context ended and goes on in the background; it must return when ctx.Done() is closed",
			k.spec.Command.GetValue(), max(0, c.cfg.StopTimeout)),
	})
	if given {
		c.log.Error("function ignores its context and is given up on", zap.String("container_id", containerizer.Key(k.spec.ID)),
			zap.String("executor_id", k.spec.ExecutorID), zap.String("function", k.spec.Command.GetValue()), zap.Duration("after", c.cfg.StopTimeout))
	}
}

// run is the container's goroutine.
func (c *Containerizer) run(k *container, executor Executor, run *Run) {
	key := containerizer.Key(k.spec.ID)
	var err error
	returned := false
	defer func() { // also after a panic or runtime.Goexit
		var end containerizer.Termination
		switch crash := recover(); {
		case crash != nil:
			end = failed(2, fmt.Sprintf("the function panicked: %v", crash))
			fmt.Fprintf(run.Stderr, "panic: %v\n\n%s", crash, debug.Stack())
		case !returned:
			end = failed(2, "the function ended its goroutine with runtime.Goexit; it must return")
			fmt.Fprintln(run.Stderr, end.Message)
		default:
			end = c.termination(k, err, run)
		}
		run.Stdout.Close()
		run.Stderr.Close()
		c.mu.Lock()
		defer c.mu.Unlock()
		if !k.endLocked(end) {
			c.log.Warn("function has returned after it was given up on", zap.String("container_id", key))
			return
		}
		c.log.Info("function ended", zap.String("container_id", key), zap.Int("status", int(end.WaitStatus)), zap.String("message", end.Message))
	}()
	pprof.Do(k.ctx, pprof.Labels("container_id", key, "executor_id", k.spec.ExecutorID), func(ctx context.Context) {
		err = executor.Run(ctx, run)
	})
	returned = true
}

// exit is the wait status of a process that exits.
func exit(status int) syscall.WaitStatus { return syscall.WaitStatus((status & 0xff) << 8) }

func failed(status int, message string) containerizer.Termination {
	return containerizer.Termination{Exited: true, WaitStatus: exit(status), State: mesosproto.TaskState_TASK_FAILED.Enum(), Message: message}
}

// termination is what a function's error says.
func (c *Containerizer) termination(k *container, err error, run *Run) containerizer.Termination {
	c.mu.Lock()
	signal := k.signal
	c.mu.Unlock()
	var coded interface{ ExitCode() int }
	switch {
	case err == nil:
		return containerizer.Termination{Exited: true, WaitStatus: exit(0)}
	case signal != 0 && (errors.Is(err, context.Canceled)):
		return containerizer.Termination{Exited: true, WaitStatus: syscall.WaitStatus(signal)}
	case errors.As(err, &coded):
		return containerizer.Termination{Exited: true, WaitStatus: exit(coded.ExitCode())}
	}
	fmt.Fprintln(run.Stderr, err)
	return containerizer.Termination{Exited: true, WaitStatus: exit(1), Message: err.Error()}
}

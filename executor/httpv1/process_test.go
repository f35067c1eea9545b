//go:build unix

package httpv1_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/executor/executortest"
	"github.com/mesokit/mesokit/executor/httpv1"
	"github.com/mesokit/mesokit/mesosproto"
)

// The executors of these tests are this test program, started again.
const underTest = "EXECUTOR_UNDER_TEST"

func TestMain(m *testing.M) {
	switch os.Getenv(underTest) {
	case "":
		os.Exit(m.Run())
	case "good":
		os.Exit(run(&forker{}))
	case "stubborn":
		os.Exit(run(&stubborn{}))
	}
}

func run(x executor.Executor) (exit int) {
	cfg, err := executor.Config{Executor: x, Dialer: httpv1.Dialer{}}.FromEnvironment()
	if err == nil {
		var d *executor.Driver
		if d, err = executor.New(cfg); err == nil {
			err = d.Run(context.Background())
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	return 0
}

// forker starts a process for each task; it ends when the file that it inherits is closed by the test.
type forker struct {
	executor.Base
	command *exec.Cmd
}

func (f *forker) LaunchTask(d *executor.Driver, task *mesosproto.TaskInfo) {
	f.command = exec.Command("sleep", "1000")
	f.command.ExtraFiles = []*os.File{os.NewFile(3, "pipe")}
	if err := f.command.Start(); err != nil {
		d.Failed(task.GetTaskId(), err.Error())
		return
	}
	d.Running(task.GetTaskId())
	go func() {
		f.command.Wait()
		d.Killed(task.GetTaskId())
		d.Stop()
	}()
}

func (f *forker) KillTask(*executor.Driver, *mesosproto.TaskID, *mesosproto.KillPolicy) {
	f.command.Process.Kill()
}

func (f *forker) Shutdown(*executor.Driver) { f.command.Process.Kill() }

// stubborn does not care.
type stubborn struct{ forker }

func (*stubborn) Shutdown(*executor.Driver) { select {} }

// start starts an executor in a process group of its own, as agents do. tasks tells, by its end, that
// the processes of its tasks are gone.
func start(t *testing.T, a *executortest.Agent, kind string, change map[string]string) (process *exec.Cmd, tasks *os.File) {
	tasks, write, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { tasks.Close() })
	process = exec.Command(os.Args[0])
	process.Stderr = os.Stderr
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	process.ExtraFiles = []*os.File{write}
	process.Env = []string{underTest + "=" + kind, "PATH=" + os.Getenv("PATH")}
	env := a.Serve()
	for name, value := range change {
		env[name] = value
	}
	for name, value := range env {
		process.Env = append(process.Env, name+"="+value)
	}
	require.NoError(t, process.Start())
	require.NoError(t, write.Close())
	t.Cleanup(func() { syscall.Kill(-process.Process.Pid, syscall.SIGKILL) })
	return process, tasks
}

func TestProcessThatIsShutDown(t *testing.T) {
	a := executortest.New(t)
	process, tasks := start(t, a, "good", nil)
	a.Launch(executortest.Task("t"))
	a.ExpectUpdates("t TASK_RUNNING")
	a.Disconnect()
	a.Subscription()
	a.Subscription() // again
	a.Shutdown()
	a.ExpectUpdates("t TASK_KILLED")
	require.NoError(t, process.Wait(), "exit status 0")
	_, err := io.ReadAll(tasks)
	require.NoError(t, err)
}

// "… then killpg(0, SIGKILL) on its own process group".
func TestProcessThatDoesNotStopKillsItselfAndItsTasks(t *testing.T) {
	a := executortest.New(t)
	process, tasks := start(t, a, "stubborn", map[string]string{"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "10ms"})
	a.Launch(executortest.Task("t"))
	a.ExpectUpdates("t TASK_RUNNING")
	a.Shutdown()
	err := process.Wait()
	require.Equal(t, syscall.SIGKILL, process.ProcessState.Sys().(syscall.WaitStatus).Signal(), err)
	_, err = io.ReadAll(tasks)
	require.NoError(t, err, "the task's process is gone, too")
}

func TestProcessThatLosesItsAgent(t *testing.T) {
	a := executortest.New(t)
	a.Framework.Checkpoint = nil
	process, tasks := start(t, a, "good", nil)
	a.Launch(executortest.Task("t"))
	a.ExpectUpdates("t TASK_RUNNING")
	a.Disconnect()
	require.Error(t, process.Wait())
	require.Equal(t, 3, process.ProcessState.ExitCode(), "TASK_KILLED could not be delivered")
	_, err := io.ReadAll(tasks)
	require.NoError(t, err)
}

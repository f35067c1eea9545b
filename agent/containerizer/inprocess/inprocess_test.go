package inprocess

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/containerizertest"
	"github.com/mesokit/mesokit/mesosproto"
)

func TestContract(t *testing.T) {
	executors := map[string]Executor{}
	for _, p := range containerizertest.Programs() {
		executors[p.Name] = Func(func(ctx context.Context, run *Run) error {
			return p.Func(ctx, run.Environment, run.Stdout, run.Stderr)
		})
	}
	containerizertest.Run(t, containerizertest.Subject{
		New: func(t *testing.T, _ string) containerizer.Containerizer {
			c, err := New(Config{Executors: executors})
			require.NoError(t, err)
			return c
		},
		Command:   func(p containerizertest.Program) *mesosproto.CommandInfo { return Command(p.Name) },
		Foreign:   &mesosproto.ContainerInfo{Type: mesosproto.ContainerInfo_DOCKER.Enum()},
		Functions: true,
	})
}

func spec(t *testing.T, name string) *containerizer.Spec {
	return &containerizer.Spec{
		ID: &mesosproto.ContainerID{Value: proto.String("c-" + name)}, ExecutorID: name, Command: Command(name), Sandbox: t.TempDir(),
	}
}

// launch runs f as a container.
func launch(t *testing.T, cfg Config, f Func) (*Containerizer, *containerizer.Spec) {
	cfg.Executors = map[string]Executor{"f": f}
	c, err := New(cfg)
	require.NoError(t, err)
	s := spec(t, "f")
	_, err = c.Launch(t.Context(), s)
	require.NoError(t, err)
	return c, s
}

func TestWaitStatusOfErrors(t *testing.T) {
	canceled := func(ctx context.Context, _ *Run) error { <-ctx.Done(); return ctx.Err() }
	cause := func(ctx context.Context, _ *Run) error {
		<-ctx.Done()
		return fmt.Errorf("while busy: %w", context.Cause(ctx))
	}
	for name, c := range map[string]struct {
		f       Func
		signal  syscall.Signal
		want    syscall.WaitStatus
		message string
		stderr  string
	}{
		"nil":                      {f: func(context.Context, *Run) error { return nil }, want: 0},
		"an error":                 {f: func(context.Context, *Run) error { return errors.New("no such shard") }, want: 1 << 8, message: "no such shard", stderr: "no such shard\n"},
		"a coded error":            {f: func(context.Context, *Run) error { return fmt.Errorf("so: %w", containerizertest.Exit(300)) }, want: 44 << 8},
		"SIGTERM, ctx.Err":         {f: canceled, signal: syscall.SIGTERM, want: 15},
		"SIGKILL, wrapped cause":   {f: cause, signal: syscall.SIGKILL, want: 9},
		"SIGTERM, but a clean end": {f: func(ctx context.Context, _ *Run) error { <-ctx.Done(); return nil }, signal: syscall.SIGTERM, want: 0},
		"a context of its own": {f: func(ctx context.Context, _ *Run) error { return context.Canceled }, want: 1 << 8,
			message: "context canceled", stderr: "context canceled\n"},
	} {
		k, s := launch(t, Config{}, c.f)
		if c.signal != 0 {
			require.NoError(t, k.Signal(t.Context(), s.ID, c.signal), name)
		}
		end, err := k.Wait(t.Context(), s.ID)
		require.NoError(t, err, name)
		require.Equal(t, containerizer.Termination{Exited: true, WaitStatus: c.want, Message: c.message}, end, name)
		stderr, err := os.ReadFile(filepath.Join(s.Sandbox, "stderr"))
		require.NoError(t, err)
		require.Equal(t, c.stderr, string(stderr), name)
	}
}

func TestCrashesFailTheContainerAlone(t *testing.T) {
	for says, f := range map[string]Func{
		"index out of range": func(context.Context, *Run) error { var none []int; none[len(none)]++; return nil },
		"Goexit":             func(context.Context, *Run) error { runtime.Goexit(); return nil },
	} {
		c, s := launch(t, Config{}, f)
		end, err := c.Wait(t.Context(), s.ID)
		require.NoError(t, err)
		require.True(t, end.Exited)
		require.Equal(t, 2, end.WaitStatus.ExitStatus())
		require.Equal(t, mesosproto.TaskState_TASK_FAILED, *end.State)
		require.Contains(t, end.Message, says)
		stderr, err := os.ReadFile(filepath.Join(s.Sandbox, "stderr"))
		require.NoError(t, err)
		require.Contains(t, string(stderr), says)
	}
}

func TestHarmlessSignalsAreNoEnd(t *testing.T) {
	checked := make(chan struct{})
	c, s := launch(t, Config{}, func(ctx context.Context, _ *Run) error { <-checked; return ctx.Err() })
	for _, signal := range []syscall.Signal{0, syscall.SIGWINCH, syscall.SIGCONT, syscall.SIGSTOP} {
		require.NoError(t, c.Signal(t.Context(), s.ID, signal))
	}
	close(checked)
	end, err := c.Wait(t.Context(), s.ID)
	require.NoError(t, err)
	require.Equal(t, containerizer.Termination{Exited: true}, end)
}

func TestDestroyGivesUpOnAFunctionThatIgnoresItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c, s := launch(t, Config{StopTimeout: 7 * time.Second}, func(context.Context, *Run) error { <-release; return nil })
		began := time.Now()
		end, err := c.Destroy(t.Context(), s.ID)
		require.NoError(t, err)
		require.Equal(t, 7*time.Second, time.Since(began))
		require.False(t, end.Exited)
		require.Equal(t, mesosproto.TaskState_TASK_FAILED, *end.State)
		require.Contains(t, end.Message, "go:f has not returned 7s after")

		close(release) // its late return changes nothing
		synctest.Wait()
		again, err := c.Wait(t.Context(), s.ID)
		require.NoError(t, err)
		require.Equal(t, end, again)
	})
}

func TestDestroyEndsNestedContainers(t *testing.T) {
	c, parent := launch(t, Config{}, func(ctx context.Context, _ *Run) error { <-ctx.Done(); return ctx.Err() })
	child := spec(t, "f")
	child.ID = &mesosproto.ContainerID{Value: proto.String("nested"), Parent: parent.ID}
	_, err := c.Launch(t.Context(), child)
	require.NoError(t, err)
	_, err = c.Destroy(t.Context(), parent.ID)
	require.NoError(t, err)
	end, err := c.Wait(t.Context(), child.ID)
	require.NoError(t, err)
	require.Equal(t, containerizer.Termination{Exited: true, WaitStatus: 9}, end)
}

func TestExecutorsByName(t *testing.T) {
	c, err := New(Config{
		Executors: map[string]Executor{"b": Func(nil), "a": Func(nil)},
		Lookup: func(name string) (Executor, bool) {
			return Func(func(context.Context, *Run) error { return nil }), name == "looked-up"
		},
	})
	require.NoError(t, err)
	_, err = c.Launch(t.Context(), spec(t, "looked-up"))
	require.NoError(t, err)
	_, err = c.Launch(t.Context(), spec(t, "typo"))
	require.ErrorContains(t, err, `"typo"`)
	require.ErrorContains(t, err, `["a" "b"]`, "the error says what there is")

	other := spec(t, "x")
	other.Command = &mesosproto.CommandInfo{Value: proto.String("sleep 1")}
	_, err = c.Launch(t.Context(), other)
	require.ErrorIs(t, err, containerizer.ErrNotSupported)
}

func TestConfigIsValidated(t *testing.T) {
	_, err := New(Config{Executors: map[string]Executor{"a": nil}})
	require.ErrorContains(t, err, `Executors: "a"`)
}

func Example() {
	dir, _ := os.MkdirTemp("", "sandbox")
	defer os.RemoveAll(dir)
	c, _ := New(Config{Executors: map[string]Executor{
		"greeter": Func(func(ctx context.Context, run *Run) error {
			fmt.Println("hello,", run.Environment["NAME"])
			return nil
		}),
	}})
	spec := &containerizer.Spec{
		ID: &mesosproto.ContainerID{Value: proto.String("1")}, Command: Command("greeter"),
		Environment: map[string]string{"NAME": "world"}, Sandbox: dir,
	}
	_, _ = c.Launch(context.Background(), spec)
	end, _ := c.Wait(context.Background(), spec.ID)
	fmt.Println("exit status", end.WaitStatus.ExitStatus())
	// Output:
	// hello, world
	// exit status 0
}

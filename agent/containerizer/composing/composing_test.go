package composing

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/containerizertest"
	"github.com/mesokit/mesokit/agent/containerizer/inprocess"
	"github.com/mesokit/mesokit/agent/containerizer/keeper"
	"github.com/mesokit/mesokit/agent/containerizer/posix"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

func TestMain(m *testing.M) {
	keeper.RunIfAsked()
	m.Run()
}

func functions(t *testing.T) *inprocess.Containerizer {
	executors := map[string]inprocess.Executor{}
	for _, p := range containerizertest.Programs() {
		executors[p.Name] = inprocess.Func(func(ctx context.Context, run *inprocess.Run) error {
			return p.Func(ctx, run.Environment, run.Stdout, run.Stderr)
		})
	}
	c, err := inprocess.New(inprocess.Config{Executors: executors})
	require.NoError(t, err)
	return c
}

// both composes functions and processes; whichever a command is of, the contract holds.
func both(t *testing.T, dir string) *Containerizer {
	processes, err := posix.New(posix.Config{RuntimeDir: dir, WorkDir: dir, KeeperIdleTime: time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { processes.Close() })
	c, err := New(functions(t), processes)
	require.NoError(t, err)
	return c
}

func TestContract(t *testing.T) {
	subject := containerizertest.Subject{
		New:      func(t *testing.T, dir string) containerizer.Containerizer { return both(t, dir) },
		Foreign:  &mesosproto.ContainerInfo{Type: mesosproto.ContainerInfo_DOCKER.Enum()},
		Survives: true,
	}
	t.Run("processes", func(t *testing.T) { containerizertest.Run(t, subject) })
	subject.Functions, subject.Survives = true, false
	subject.Command = func(p containerizertest.Program) *mesosproto.CommandInfo { return inprocess.Command(p.Name) }
	t.Run("functions", func(t *testing.T) { containerizertest.Run(t, subject) })
}

// scripted is a containerizer whose Launch does what the test says.
type scripted struct {
	containerizer.Containerizer
	name   string
	launch func(ctx context.Context) error

	mu    sync.Mutex
	calls []string
	known bool
}

func (s *scripted) Name() string { return s.name }

func (s *scripted) called(method string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, method)
}

func (s *scripted) Launch(ctx context.Context, _ *containerizer.Spec) (containerizer.Launched, error) {
	s.called("launch")
	err := s.launch(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = !errors.Is(err, containerizer.ErrNotSupported)
	return containerizer.Launched{}, err
}

func (s *scripted) Wait(context.Context, *mesosproto.ContainerID) (containerizer.Termination, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.known {
		return containerizer.Termination{}, containerizer.ErrUnknown
	}
	return containerizer.Termination{Message: "of " + s.name}, nil
}

func (s *scripted) Destroy(ctx context.Context, id *mesosproto.ContainerID) (containerizer.Termination, error) {
	s.called("destroy")
	return s.Wait(ctx, id)
}

func (s *scripted) Remove(context.Context, *mesosproto.ContainerID) error {
	s.called("remove")
	return nil
}

func (s *scripted) Pull(context.Context, *containerizer.Spec) error { s.called("pull"); return nil }

func script(name string, launch func(ctx context.Context) error) *scripted {
	return &scripted{name: name, launch: launch}
}

func gives(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

func id(value string, parent *mesosproto.ContainerID) *mesosproto.ContainerID {
	return &mesosproto.ContainerID{Value: proto.String(value), Parent: parent}
}

var spec = &containerizer.Spec{ID: id("c", nil)}

func TestOnlyNotSupportedMovesOn(t *testing.T) {
	refuses, fails, never := script("a", gives(containerizer.ErrNotSupported)), script("b", gives(errors.New("no space"))), script("c", nil)
	c, err := New(refuses, fails, never)
	require.NoError(t, err)
	require.Equal(t, "a,b,c", c.Name())
	_, err = c.Launch(t.Context(), spec)
	require.EqualError(t, err, "no space")
	end, err := c.Destroy(t.Context(), spec.ID)
	require.NoError(t, err)
	require.Equal(t, "of b", end.Message)
	require.NoError(t, c.Remove(t.Context(), spec.ID))
	require.Equal(t, []string{"launch"}, refuses.calls)
	require.Equal(t, []string{"launch", "destroy", "destroy", "remove"}, fails.calls)
	require.Empty(t, never.calls)
}

func TestNobodySupportsIt(t *testing.T) {
	c, err := New(script("a", gives(containerizer.ErrNotSupported)), script("b", gives(containerizer.ErrNotSupported)))
	require.NoError(t, err)
	for range 2 { // it stays unknown, so it may be tried again
		_, err = c.Launch(t.Context(), spec)
		require.ErrorIs(t, err, containerizer.ErrNotSupported)
		_, err = c.Destroy(t.Context(), spec.ID)
		require.ErrorIs(t, err, containerizer.ErrUnknown)
	}
}

func TestDuplicates(t *testing.T) {
	_, err := New(script("docker", nil), script("mesos", nil), script("docker", nil))
	require.ErrorContains(t, err, "docker is there twice")
	_, err = New()
	require.ErrorContains(t, err, "no containerizer")
}

// A destroy between two attempts keeps the second from being made.
func TestDestroyBetweenAttempts(t *testing.T) {
	entered := make(chan struct{})
	first := script("a", func(ctx context.Context) error {
		close(entered)
		<-ctx.Done() // Destroy ends it
		return containerizer.ErrNotSupported
	})
	second := script("b", nil)
	c, err := New(first, second)
	require.NoError(t, err)
	launched := make(chan error, 1)
	go func() {
		_, err := c.Launch(t.Context(), spec)
		launched <- err
	}()
	<-entered
	end, err := c.Destroy(t.Context(), spec.ID)
	require.NoError(t, err)
	require.Contains(t, end.Message, "destroyed while it was launched")
	require.ErrorContains(t, <-launched, "destroyed while it was launched")
	require.Empty(t, second.calls)
	again, err := c.Wait(t.Context(), spec.ID)
	require.NoError(t, err)
	require.Equal(t, end, again)
	require.NoError(t, c.Remove(t.Context(), spec.ID))
	_, err = c.Wait(t.Context(), spec.ID)
	require.ErrorIs(t, err, containerizer.ErrUnknown)
}

// A launch that heeds nothing is destroyed once it is over.
func TestDestroyAfterADeafLaunch(t *testing.T) {
	entered, destroying := make(chan struct{}), make(chan struct{})
	deaf := script("a", func(context.Context) error { close(entered); <-destroying; return nil })
	c, err := New(deaf)
	require.NoError(t, err)
	go func() { _, _ = c.Launch(t.Context(), spec) }() // its end shows below
	<-entered
	require.Error(t, c.Remove(t.Context(), spec.ID))
	require.ErrorIs(t, c.Signal(t.Context(), spec.ID, syscall.SIGTERM), containerizer.ErrUnknown)
	require.NoError(t, c.Update(t.Context(), spec.ID, resources.Resources{}, nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Wait(ctx, spec.ID)
	require.ErrorIs(t, err, context.Canceled)
	go close(destroying)
	end, err := c.Destroy(t.Context(), spec.ID)
	require.NoError(t, err)
	require.Equal(t, "of a", end.Message)
	require.Equal(t, "destroy", deaf.calls[len(deaf.calls)-1])
}

func TestNestedContainersGoWhereTheirRootIs(t *testing.T) {
	first, second := script("a", gives(nil)), script("b", gives(nil))
	c, err := New(first, second)
	require.NoError(t, err)
	nested := &containerizer.Spec{ID: id("n", id("m", spec.ID))}
	_, err = c.Launch(t.Context(), nested)
	require.ErrorContains(t, err, "root container c not found")
	first.launch = gives(containerizer.ErrNotSupported)
	_, err = c.Launch(t.Context(), spec)
	require.NoError(t, err)
	_, err = c.Launch(t.Context(), nested)
	require.NoError(t, err)
	require.Equal(t, []string{"launch"}, first.calls)
	require.Equal(t, []string{"launch", "launch"}, second.calls)
}

func TestEveryoneMayPull(t *testing.T) {
	first, second := script("a", nil), script("b", nil)
	c, err := New(first, functions(t), second)
	require.NoError(t, err)
	require.NoError(t, c.Pull(t.Context(), spec))
	require.Equal(t, []string{"pull"}, first.calls)
	require.Equal(t, []string{"pull"}, second.calls)
}

func TestPid(t *testing.T) {
	c := both(t, t.TempDir())
	require.NoError(t, c.Recover(t.Context(), nil))
	process := &containerizer.Spec{ID: id("p", nil), Command: &mesosproto.CommandInfo{Value: proto.String("sleep 100000")}, Sandbox: t.TempDir()}
	_, err := c.Launch(t.Context(), process)
	require.NoError(t, err)
	pid, ok := c.Pid(process.ID)
	require.True(t, ok)
	require.NoError(t, syscall.Kill(pid, 0))
	_, err = c.Destroy(t.Context(), process.ID)
	require.NoError(t, err)
	_, ok = c.Pid(process.ID)
	require.False(t, ok)
	_, ok = c.Pid(id("unknown", nil))
	require.False(t, ok)
}

package containerizertest

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
)

// Subject is a containerizer under test, and what it can do.
type Subject struct {
	// New returns a containerizer that keeps what it must remember under dir. Called again with the
	// same dir it is the containerizer of the agent's next process. It registers its own clean-up.
	New func(t *testing.T, dir string) containerizer.Containerizer

	// Crash leaves a containerizer made by New as kill -9 of the agent would. nil: it is just not
	// used any more.
	Crash func(t *testing.T, c containerizer.Containerizer)

	// Survives says that checkpointed containers outlive the agent.
	Survives bool

	// Command turns a program into the command of a spec. nil: `sh -c` with its script.
	Command func(Program) *mesosproto.CommandInfo

	// Container goes into every spec; nil for none.
	Container *mesosproto.ContainerInfo

	// Foreign is of another kind: Launch refuses it with ErrNotSupported. nil: there is none.
	Foreign *mesosproto.ContainerInfo

	// Functions says that containers are Go functions, so what only processes have is left out:
	// children, users, Exec.
	Functions bool

	// FirstProcessOnly says that signals other than SIGKILL reach only the first process.
	FirstProcessOnly bool

	// User is one that commands can run as besides the test's own, with its ids as numbers; empty
	// leaves this out.
	User     string
	UID, GID string

	// Timeout is how long anything may take before the test fails. Default 30 s.
	Timeout time.Duration
}

// fixture is a containerizer with what tests of it need.
type fixture struct {
	*testing.T
	subject Subject
	dir     string
	c       containerizer.Containerizer
	ctx     context.Context
}

func setup(t *testing.T, s Subject) *fixture {
	f := newFixture(t, s)
	require.NoError(t, f.c.Recover(f.ctx, nil))
	return f
}

func newFixture(t *testing.T, s Subject) *fixture {
	if s.Timeout == 0 {
		s.Timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), s.Timeout)
	t.Cleanup(cancel)
	dir := t.TempDir()
	// Other users must be able to reach their sandboxes.
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	return &fixture{T: t, subject: s, dir: dir, c: s.New(t, dir), ctx: ctx}
}

// restart is the agent's end and its next process; the next must Recover.
func (f *fixture) restart() {
	if f.subject.Crash != nil {
		f.subject.Crash(f.T, f.c)
	}
	f.c = f.subject.New(f.T, f.dir)
}

// spec makes a sandbox and a task in it that runs p.
func (f *fixture) spec(p Program) *containerizer.Spec {
	f.Helper()
	id := uuid.NewString()
	sandbox := filepath.Join(f.dir, "sandboxes", id)
	require.NoError(f, os.MkdirAll(sandbox, 0o755))
	for _, name := range []string{fifoReady, fifoGo, fifoAlive} {
		path := filepath.Join(sandbox, name)
		require.NoError(f, syscall.Mkfifo(path, 0o666))
		require.NoError(f, os.Chmod(path, 0o666))
	}
	command := &mesosproto.CommandInfo{Value: proto.String(p.Script)}
	if f.subject.Command != nil {
		command = f.subject.Command(p)
	}
	return &containerizer.Spec{
		ID:          &mesosproto.ContainerID{Value: proto.String(id)},
		FrameworkID: "framework", ExecutorID: "task-" + p.Name, AgentID: "agent",
		Task: &mesosproto.TaskInfo{
			Name: proto.String(p.Name), TaskId: &mesosproto.TaskID{Value: proto.String("task-" + p.Name)},
			AgentId: &mesosproto.AgentID{Value: proto.String("agent")}, Command: command, Container: f.subject.Container,
		},
		Command: command, Container: f.subject.Container,
		Sandbox: sandbox, Checkpointed: true,
	}
}

// launch launches p and destroys it at the end of the test.
func (f *fixture) launch(p Program) *containerizer.Spec {
	f.Helper()
	spec := f.spec(p)
	f.start(spec)
	return spec
}

func (f *fixture) start(spec *containerizer.Spec) {
	f.Helper()
	launched, err := f.c.Launch(f.ctx, spec)
	f.destroyAtEnd(spec)
	require.NoError(f, err)
	require.Equal(f, containerizer.Key(spec.ID), containerizer.Key(launched.Status.GetContainerId()), "the status names the container")
}

func (f *fixture) destroyAtEnd(spec *containerizer.Spec) {
	f.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), f.subject.Timeout)
		defer cancel()
		_, _ = f.c.Destroy(ctx, spec.ID) // whatever state the test left it in
	})
}

// launchReady launches p and returns when it has said that it is ready.
func (f *fixture) launchReady(p Program) *containerizer.Spec {
	f.Helper()
	spec := f.spec(p)
	ready := f.listen(spec)
	f.start(spec)
	require.Equal(f, "ready\n", ready())
	return spec
}

// listen opens the FIFO ready of a spec; the function returned reads what was written to it.
func (f *fixture) listen(spec *containerizer.Spec) func() string {
	f.Helper()
	fifo, err := os.OpenFile(filepath.Join(spec.Sandbox, fifoReady), os.O_RDWR, 0)
	require.NoError(f, err)
	f.Cleanup(func() { fifo.Close() })
	return func() string {
		f.Helper()
		deadline, _ := f.ctx.Deadline()
		require.NoError(f, fifo.SetReadDeadline(deadline))
		b := make([]byte, 64)
		n, err := fifo.Read(b)
		require.NoError(f, err, "the program of %s has not come to its point", spec.ExecutorID)
		return string(b[:n])
	}
}

// proceed lets a program go on that waits for the test.
func (f *fixture) proceed(spec *containerizer.Spec) {
	f.Helper()
	fifo, err := os.OpenFile(filepath.Join(spec.Sandbox, fifoGo), os.O_RDWR, 0)
	require.NoError(f, err)
	f.Cleanup(func() { fifo.Close() })
	_, err = fifo.WriteString("go\n")
	require.NoError(f, err)
}

// alive reports whether anything of a container that holds the FIFO alive still lives.
func (f *fixture) alive(spec *containerizer.Spec) bool {
	f.Helper()
	fd, err := syscall.Open(filepath.Join(spec.Sandbox, fifoAlive), syscall.O_WRONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err == nil {
		require.NoError(f, syscall.Close(fd))
		return true
	}
	require.ErrorIs(f, err, syscall.ENXIO)
	return false
}

func (f *fixture) wait(spec *containerizer.Spec) containerizer.Termination {
	f.Helper()
	end, err := f.c.Wait(f.ctx, spec.ID)
	require.NoError(f, err)
	return end
}

func (f *fixture) destroy(spec *containerizer.Spec) containerizer.Termination {
	f.Helper()
	end, err := f.c.Destroy(f.ctx, spec.ID)
	require.NoError(f, err)
	return end
}

func (f *fixture) file(spec *containerizer.Spec, name string) string {
	f.Helper()
	b, err := os.ReadFile(filepath.Join(spec.Sandbox, name))
	require.NoError(f, err)
	return string(b)
}

func (f *fixture) exited(want int, end containerizer.Termination) {
	f.Helper()
	require.True(f, end.Exited && end.WaitStatus.Exited() && end.WaitStatus.ExitStatus() == want,
		"expected exit status %d, got %+v", want, end)
}

// killed accepts a wait status of a signal, and the 128+signal that shells and engines make of it.
func (f *fixture) killed(by syscall.Signal, end containerizer.Termination) {
	f.Helper()
	s := end.WaitStatus
	require.True(f, end.Exited && (s.Signaled() && s.Signal() == by || s.Exited() && s.ExitStatus() == 128+int(by)),
		"expected an end by %v, got %+v", by, end)
}

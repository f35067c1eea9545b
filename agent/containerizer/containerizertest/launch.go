package containerizertest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
)

func testExitStatus(t *testing.T, s Subject) {
	f := setup(t, s)
	for _, want := range []int{0, 3, 255} {
		f.exited(want, f.wait(f.launch(exits(want))))
	}
}

func testOutput(t *testing.T, s Subject) {
	f := setup(t, s)
	spec := f.spec(prints)
	require.NoError(t, os.WriteFile(filepath.Join(spec.Sandbox, "stdout"), []byte("fetched\n"), 0o644))
	f.start(spec)
	f.exited(0, f.wait(spec))
	require.Equal(t, "fetched\nout\n", f.file(spec, "stdout"), "what was there stays")
	require.Equal(t, "err\n", f.file(spec, "stderr"))
}

// The command's environment wins over the agent's for it, and nothing comes from the agent's own.
func testEnvironment(t *testing.T, s Subject) {
	t.Setenv("MESOKIT_OF_THE_AGENT", "must not be inherited")
	f := setup(t, s)
	spec := f.spec(environment)
	spec.SharedEnvironment = map[string]string{"FROM_ALL": "all", "FROM_AGENT": "all", "FROM_BOTH": "all"}
	spec.Environment = map[string]string{"FROM_AGENT": "agent", "FROM_BOTH": "agent", "SPACES": "a  b=c"}
	spec.Command = proto.CloneOf(spec.Command)
	spec.Command.Environment = &mesosproto.Environment{Variables: []*mesosproto.Environment_Variable{
		{Name: proto.String("FROM_BOTH"), Value: proto.String("command")},
		{Name: proto.String("FROM_COMMAND"), Value: proto.String("")},
	}}
	spec.Task = proto.CloneOf(spec.Task)
	spec.Task.Command = spec.Command
	f.start(spec)
	f.exited(0, f.wait(spec))
	got := strings.Split(f.file(spec, "stdout"), "\n")
	for _, want := range []string{"FROM_ALL=all", "FROM_AGENT=agent", "FROM_BOTH=command", "FROM_COMMAND=", "SPACES=a  b=c"} {
		require.Contains(t, got, want)
	}
	names := map[string]string{}
	for _, line := range got {
		name, value, _ := strings.Cut(line, "=")
		names[name] = value
	}
	require.NotEmpty(t, names["MESOS_SANDBOX"])
	require.NotEmpty(t, names["PATH"])
	require.NotContains(t, names, "MESOKIT_OF_THE_AGENT")
}

func testUser(t *testing.T, s Subject) {
	if s.User == "" {
		t.Skip("the subject names no user to switch to")
	}
	f := setup(t, s)
	spec := f.spec(whoami)
	spec.User = s.User
	require.NoError(t, os.Chmod(spec.Sandbox, 0o777))
	f.start(spec)
	f.exited(0, f.wait(spec))
	require.Equal(t, s.UID+"\n"+s.GID+"\n", f.file(spec, "stdout"))

	spec = f.spec(whoami)
	spec.User = "nobody-has-this-name"
	_, err := f.c.Launch(f.ctx, spec)
	f.destroyAtEnd(spec)
	require.ErrorContains(t, err, "nobody-has-this-name")
}

func testNotSupported(t *testing.T, s Subject) {
	if s.Foreign == nil {
		t.Skip("the subject names no foreign container")
	}
	f := setup(t, s)
	spec := f.spec(exits(0))
	spec.Container = s.Foreign
	spec.Task = proto.CloneOf(spec.Task)
	spec.Task.Container = s.Foreign
	_, err := f.c.Launch(f.ctx, spec)
	require.ErrorIs(t, err, containerizer.ErrNotSupported)
	_, err = f.c.Wait(f.ctx, spec.ID)
	require.ErrorIs(t, err, containerizer.ErrUnknown, "a container that was not supported stays unknown")
}

// After a failed launch the container has ended, and says why.
func testLaunchFails(t *testing.T, s Subject) {
	f := setup(t, s)
	spec := f.spec(exits(0))
	require.NoError(t, os.RemoveAll(spec.Sandbox))
	_, err := f.c.Launch(f.ctx, spec)
	require.Error(t, err)
	require.NotErrorIs(t, err, containerizer.ErrNotSupported)

	end := f.destroy(spec)
	require.False(t, end.Exited)
	require.NotEmpty(t, end.Message)
	require.ErrorIs(t, f.c.Signal(f.ctx, spec.ID, 15), containerizer.ErrUnknown)
	require.NoError(t, f.c.Remove(f.ctx, spec.ID))
}

func testLaunchTwice(t *testing.T, s Subject) {
	f := setup(t, s)
	spec := f.launchReady(waits)
	again := *spec
	_, err := f.c.Launch(f.ctx, &again)
	require.ErrorIs(t, err, containerizer.ErrExists)

	f.proceed(spec)
	f.exited(5, f.wait(spec))
	_, err = f.c.Launch(f.ctx, &again)
	require.ErrorIs(t, err, containerizer.ErrExists, "ids of ended containers are not free")
}

func testManyAtOnce(t *testing.T, s Subject) {
	f := setup(t, s)
	var wg sync.WaitGroup
	for range 10 {
		spec := f.spec(exits(3))
		f.destroyAtEnd(spec)
		wg.Go(func() {
			if _, err := f.c.Launch(f.ctx, spec); err != nil {
				t.Errorf("launch: %v", err)
				return
			}
			end, err := f.c.Wait(f.ctx, spec.ID)
			if err != nil || !end.Exited || end.WaitStatus.ExitStatus() != 3 {
				t.Errorf("wait: %+v, %v", end, err)
			}
			if err := f.c.Remove(f.ctx, spec.ID); err != nil {
				t.Errorf("remove: %v", err)
			}
		})
	}
	wg.Wait()
}

func testUnknownIDs(t *testing.T, s Subject) {
	f := setup(t, s)
	id := &mesosproto.ContainerID{Value: proto.String("no-such-container")}
	ended, cancel := context.WithCancel(f.ctx)
	cancel()
	for _, ctx := range []context.Context{f.ctx, ended} {
		_, err := f.c.Wait(ctx, id)
		require.ErrorIs(t, err, containerizer.ErrUnknown)
	}
	_, err := f.c.Destroy(f.ctx, id)
	require.ErrorIs(t, err, containerizer.ErrUnknown)
	_, err = f.c.Status(f.ctx, id)
	require.ErrorIs(t, err, containerizer.ErrUnknown)
	_, err = f.c.Usage(f.ctx, id)
	require.ErrorIs(t, err, containerizer.ErrUnknown)
	_, _, err = f.c.Exec(f.ctx, id, &mesosproto.CommandInfo{Value: proto.String("true")})
	require.ErrorIs(t, err, containerizer.ErrUnknown)
	require.ErrorIs(t, f.c.Signal(f.ctx, id, 15), containerizer.ErrUnknown)
	require.NoError(t, f.c.Remove(f.ctx, id))
}

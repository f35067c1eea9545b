package docker

import (
	"context"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
)

func TestExecWithoutAShell(t *testing.T) {
	r := newRig(t)
	spec := r.task("sleep 100000", none, with("env", "A=of the container", "workdir", "/tmp", "user", "nobody"))
	r.launch(spec)
	for want, command := range map[string]*mesosproto.CommandInfo{
		"a  b $A\n": {Shell: proto.Bool(false), Value: proto.String("echo"), Arguments: []string{"a  b", "$A"}},
		"of the container /tmp 65534\n": {Value: proto.String(`echo "$A" $(pwd) $(id -u)`), User: proto.String("root"),
			Environment: &mesosproto.Environment{}},
	} {
		status, output, err := r.Exec(r.ctx, spec.ID, command)
		require.NoError(t, err)
		require.Zero(t, status)
		require.Equal(t, want, string(output), "the image's user runs checks, as it runs the task")
	}
	status, output, err := r.Exec(r.ctx, spec.ID, &mesosproto.CommandInfo{Shell: proto.Bool(false), Value: proto.String("no-such-check")})
	require.NoError(t, err)
	require.NotZero(t, status)
	require.Contains(t, string(output), "no-such-check")
	status, _, err = r.Exec(r.ctx, spec.ID, &mesosproto.CommandInfo{Value: proto.String("kill -9 $$")})
	require.NoError(t, err)
	require.Equal(t, 137, status.ExitStatus(), "only the command was killed")
	_, _, err = r.Exec(r.ctx, spec.ID, &mesosproto.CommandInfo{})
	require.ErrorContains(t, err, "has no value")
	_, _, err = r.Exec(r.ctx, spec.ID, &mesosproto.CommandInfo{Value: proto.String("true"), Environment: secretEnvironment()})
	require.ErrorContains(t, err, "TOKEN refers to secret")
	require.NoError(t, r.Signal(r.ctx, spec.ID, syscall.SIGKILL))
	r.end(spec)
	_, _, err = r.Exec(r.ctx, spec.ID, &mesosproto.CommandInfo{Value: proto.String("true")})
	require.ErrorIs(t, err, containerizer.ErrUnknown)
}

// A launch that is given up goes on until Destroy says otherwise.
func TestLaunchThatIsGivenUp(t *testing.T) {
	r := newRig(t)
	spec := r.task("sleep 100000", none)
	ctx, cancel := context.WithCancel(r.ctx)
	cancel()
	_, err := r.Launch(ctx, spec)
	require.ErrorIs(t, err, context.Canceled)
	_, err = r.Destroy(r.ctx, spec.ID)
	require.NoError(t, err)
	require.ErrorIs(t, r.Signal(r.ctx, spec.ID, syscall.SIGTERM), containerizer.ErrUnknown)
	require.False(t, r.exists(spec) && r.inspect(spec).State.Running)
}

func TestCloseEndsCallsButNotContainers(t *testing.T) {
	r := newRig(t)
	spec := r.task("exec sleep 100000", none)
	r.launch(spec)
	waited := make(chan error, 1)
	go func() { _, err := r.Wait(r.ctx, spec.ID); waited <- err }()
	require.NoError(t, r.Close())
	require.ErrorIs(t, <-waited, errClosed)
	require.True(t, r.inspect(spec).State.Running)

	r.restart(spec)
	pid, ok := r.Pid(spec.ID)
	require.True(t, ok)
	require.Equal(t, r.inspect(spec).State.Pid, pid)
	require.NoError(t, r.Signal(r.ctx, spec.ID, 0), "it lives")
	_, err := r.Destroy(r.ctx, spec.ID)
	require.NoError(t, err)
	_, ok = r.Pid(spec.ID)
	require.False(t, ok)
}

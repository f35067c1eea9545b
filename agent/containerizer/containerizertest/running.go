package containerizertest

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

func testStatusAndUsage(t *testing.T, s Subject) {
	f := setup(t, s)
	spec := f.launchReady(stays)
	status, err := f.c.Status(f.ctx, spec.ID)
	require.NoError(t, err)
	require.Equal(t, spec.ID.GetValue(), status.GetContainerId().GetValue())
	usage, err := f.c.Usage(f.ctx, spec.ID)
	require.NoError(t, err)
	require.Positive(t, usage.GetTimestamp())

	f.destroy(spec)
	_, err = f.c.Status(f.ctx, spec.ID)
	require.ErrorIs(t, err, containerizer.ErrUnknown)
	_, err = f.c.Usage(f.ctx, spec.ID)
	require.ErrorIs(t, err, containerizer.ErrUnknown)
}

func testUpdate(t *testing.T, s Subject) {
	f := setup(t, s)
	r := resources.New(resources.NewScalar("cpus", 500), resources.NewScalar("mem", 64_000))
	spec := f.launchReady(waits)
	require.NoError(t, f.c.Update(f.ctx, spec.ID, r, map[string]float64{"cpus": 1, "mem": 128}))
	f.proceed(spec)
	f.exited(5, f.wait(spec))
	require.NoError(t, f.c.Update(f.ctx, spec.ID, r, nil), "an ended container is ignored")
	unknown := &mesosproto.ContainerID{Value: proto.String("no-such-container")}
	require.NoError(t, f.c.Update(f.ctx, unknown, r, nil), "an unknown container is ignored")
}

func shell(script string) *mesosproto.CommandInfo {
	return &mesosproto.CommandInfo{Value: proto.String(script)}
}

func testExec(t *testing.T, s Subject) {
	f := setup(t, s)
	spec := f.spec(waits)
	spec.Environment = map[string]string{"OF_THE_CONTAINER": "1", "OF_BOTH": "1"}
	ready := f.listen(spec)
	f.start(spec)
	require.Equal(t, "ready\n", ready())

	command := shell(`echo $OF_THE_CONTAINER $OF_BOTH $OF_THE_CHECK; echo err >&2; exit 9`)
	command.Environment = &mesosproto.Environment{Variables: []*mesosproto.Environment_Variable{
		{Name: proto.String("OF_BOTH"), Value: proto.String("2")}, {Name: proto.String("OF_THE_CHECK"), Value: proto.String("3")}}}
	status, output, err := f.c.Exec(f.ctx, spec.ID, command)
	require.NoError(t, err)
	require.Equal(t, 9, status.ExitStatus(), "%v", status)
	require.Equal(t, "1 2 3\nerr\n", string(output))

	status, output, err = f.c.Exec(f.ctx, spec.ID, shell("exit 0"))
	require.NoError(t, err)
	require.Zero(t, status.ExitStatus())
	require.Empty(t, output)

	f.proceed(spec)
	f.exited(5, f.wait(spec))
	_, _, err = f.c.Exec(f.ctx, spec.ID, shell("exit 0"))
	require.ErrorIs(t, err, containerizer.ErrUnknown)
}

func testExecOutputIsBounded(t *testing.T, s Subject) {
	f := setup(t, s)
	spec := f.launchReady(stays)
	// The command must be able to write it all: what is not kept is read and dropped.
	status, output, err := f.c.Exec(f.ctx, spec.ID, shell(`i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789012345678; i=$((i+1)); done`))
	require.NoError(t, err)
	require.Zero(t, status.ExitStatus(), "%v", status)
	require.Len(t, output, containerizer.MaxExecOutput)
	require.Equal(t, bytes.Repeat([]byte("0123456789012345678901234567890123456789012345678\n"), containerizer.MaxExecOutput/50+1)[:containerizer.MaxExecOutput], output)
}

// hang is a command that hangs, with a child; it holds the FIFO alive, which the container must not.
const hang = `exec 9<>"$MESOS_SANDBOX/alive"; sleep 100000 & echo ready >"$MESOS_SANDBOX/ready"; sleep 100000`

// idle is a container that holds nothing.
var idle = Program{Name: "idle", Script: `trap 'exit 7' TERM; echo ready >"$MESOS_SANDBOX/ready"; sleep 100000 & wait`}

func testExecGivesUp(t *testing.T, s Subject) {
	f := setup(t, s)
	spec := f.spec(idle)
	said := f.listen(spec)
	f.start(spec)
	require.Equal(t, "ready\n", said())
	ctx, cancel := context.WithCancel(f.ctx)
	ended := make(chan error, 1)
	go func() {
		_, _, err := f.c.Exec(ctx, spec.ID, shell(hang))
		ended <- err
	}()
	require.Equal(t, "ready\n", said())
	require.True(t, f.alive(spec))
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.False(t, f.alive(spec), "the command and its children must be gone")
	_, err := f.c.Status(f.ctx, spec.ID)
	require.NoError(t, err, "the container lives")
}

func testExecEndsWithTheContainer(t *testing.T, s Subject) {
	f := setup(t, s)
	spec := f.spec(idle)
	said := f.listen(spec)
	f.start(spec)
	require.Equal(t, "ready\n", said())
	ended := make(chan error, 1)
	go func() {
		_, _, err := f.c.Exec(f.ctx, spec.ID, shell(hang))
		ended <- err
	}()
	require.Equal(t, "ready\n", said())
	f.destroy(spec)
	require.Error(t, <-ended)
	require.False(t, f.alive(spec))
}

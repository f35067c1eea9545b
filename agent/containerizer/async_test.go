package containerizer_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// stuck is a containerizer whose methods return when their context ends, and some at once.
type stuck struct{}

func (stuck) Name() string { return "stuck" }

func (stuck) Recover(context.Context, []containerizer.Checkpoint) error { return nil }

func (stuck) Launch(ctx context.Context, _ *containerizer.Spec) (containerizer.Launched, error) {
	<-ctx.Done()
	return containerizer.Launched{}, ctx.Err()
}

func (stuck) Wait(ctx context.Context, _ *mesosproto.ContainerID) (containerizer.Termination, error) {
	<-ctx.Done()
	return containerizer.Termination{}, ctx.Err()
}

func (stuck) Signal(context.Context, *mesosproto.ContainerID, syscall.Signal) error {
	return containerizer.ErrUnknown
}

func (stuck) Destroy(ctx context.Context, _ *mesosproto.ContainerID) (containerizer.Termination, error) {
	<-ctx.Done()
	return containerizer.Termination{Message: "tried"}, ctx.Err()
}

func (stuck) Update(context.Context, *mesosproto.ContainerID, resources.Resources, map[string]float64) error {
	return nil
}

func (stuck) Status(_ context.Context, id *mesosproto.ContainerID) (*mesosproto.ContainerStatus, error) {
	return &mesosproto.ContainerStatus{ContainerId: id}, nil
}

func (stuck) Usage(context.Context, *mesosproto.ContainerID) (*mesosproto.ResourceStatistics, error) {
	return nil, errors.New("no idea")
}

func (stuck) Exec(ctx context.Context, _ *mesosproto.ContainerID, _ *mesosproto.CommandInfo) (syscall.WaitStatus, []byte, error) {
	<-ctx.Done()
	return 9, []byte("half"), ctx.Err()
}

func (stuck) Remove(context.Context, *mesosproto.ContainerID) error { return nil }

// image is one that pulls, and whose containers have processes.
type image struct{ stuck }

func (image) Pull(context.Context, *containerizer.Spec) error { return errors.New("no such image") }
func (image) Pid(*mesosproto.ContainerID) (int, bool)         { return 7, true }

func TestAsyncCallsBackOnTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := loop.New()
		a, abandon := containerizer.NewAsync(l, stuck{})
		inside := false // touched on the loop only
		var got []string
		note := func(what string, err error) {
			require.False(t, inside, "never inside the call")
			if err != nil {
				what += ": " + err.Error()
			}
			got = append(got, what)
		}
		var cancelLaunch, cancelExec func()
		l.Post(func() {
			inside = true
			require.Equal(t, "stuck", a.Name())
			_, ok := a.Pid(nil)
			require.False(t, ok)
			a.Recover(nil, func(err error) { note("recover", err) })
			a.Pull(nil, func(err error) { note("pull", err) })
			a.Signal(nil, syscall.SIGTERM, func(err error) { note("signal", err) })
			a.Update(nil, resources.Resources{}, nil, func(err error) { note("update", err) })
			a.Status(nil, func(s *mesosproto.ContainerStatus, err error) { note("status", err) })
			a.Usage(nil, func(_ *mesosproto.ResourceStatistics, err error) { note("usage", err) })
			a.Remove(nil, func(err error) { note("remove", err) })
			cancelLaunch = a.Launch(nil, func(_ containerizer.Launched, err error) { note("launch", err) })
			cancelExec = a.Exec(nil, nil, func(s syscall.WaitStatus, out []byte, err error) { note("exec "+string(out), err) })
			a.Wait(nil, func(_ containerizer.Termination, err error) { note("wait", err) })
			a.Destroy(nil, func(x containerizer.Termination, err error) { note("destroy "+x.Message, err) })
			inside = false
		})
		synctest.Wait()
		require.ElementsMatch(t, []string{"recover", "pull", "signal: no such container", "update", "status", "usage: no idea", "remove"}, got)
		got = nil
		l.Post(func() { cancelLaunch() })
		synctest.Wait()
		l.Post(func() { cancelExec() })
		synctest.Wait()
		require.Equal(t, []string{"launch: context canceled", "exec half: context canceled"}, got)
		time.Sleep(containerizer.DefaultDestroyTimeout)
		synctest.Wait()
		require.Equal(t, "destroy tried: context deadline exceeded", got[2])
		require.Len(t, got, 3, "wait goes on")
		abandon()
		synctest.Wait()
		require.Equal(t, "wait: context canceled", got[3])
		l.Close()
	})
}

func TestAsyncUsesWhatAContainerizerCanDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := loop.New()
		a, abandon := containerizer.NewAsync(l, image{})
		pid, ok := a.Pid(nil)
		require.True(t, ok)
		require.Equal(t, 7, pid)
		var got error
		l.Post(func() { a.Pull(nil, func(err error) { got = err }) })
		synctest.Wait()
		require.ErrorContains(t, got, "no such image")
		abandon()
		l.Close()
	})
}

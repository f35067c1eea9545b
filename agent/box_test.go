package agent

import (
	"fmt"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// box is a containerizer whose containers end when the test says so.
type box struct {
	loop       loop.Loop
	containers map[string]*container
	order      []*container
	known      []containerizer.Checkpoint

	// What the next calls do.
	pullErr, launchErr, updateErr error
	hang                          bool // launches do not return
	deaf                          bool // SIGTERM does nothing
	updates                       []resources.Resources
}

type container struct {
	spec     *containerizer.Spec
	launched func(containerizer.Launched, error)
	up       bool
	signals  []syscall.Signal
	ended    *containerizer.Termination
	waiters  []func(containerizer.Termination, error)
	removed  bool
	execs    []func(syscall.WaitStatus, []byte, error)
}

func newBox(l loop.Loop) *box { return &box{loop: l, containers: make(map[string]*container)} }

var _ containerizer.Async = (*box)(nil)

func (b *box) later(f func()) { b.loop.AfterFunc(time.Millisecond, f) }

func (b *box) Name() string { return "mesos" }

func (b *box) Recover(known []containerizer.Checkpoint, done func(error)) {
	b.known = known
	b.later(func() { done(nil) })
}

func (b *box) Pull(_ *containerizer.Spec, done func(error)) func() {
	err := b.pullErr
	b.later(func() { done(err) })
	return func() {}
}

func (b *box) Launch(spec *containerizer.Spec, done func(containerizer.Launched, error)) func() {
	k := &container{spec: spec}
	b.containers[spec.ID.GetValue()] = k
	b.order = append(b.order, k)
	k.launched = func(l containerizer.Launched, err error) {
		k.launched = nil
		done(l, err)
	}
	if b.hang {
		return func() {}
	}
	err := b.launchErr
	b.later(func() {
		if k.launched == nil {
			return
		}
		if err != nil {
			k.launched(containerizer.Launched{}, err)
			return
		}
		k.up = true
		k.launched(containerizer.Launched{Status: &mesosproto.ContainerStatus{
			ContainerId: spec.ID,
			ExecutorPid: proto.Uint32(17057),
		}, Data: []byte("[{}]")}, nil)
	})
	return func() {}
}

func (b *box) get(id *mesosproto.ContainerID) *container { return b.containers[id.GetValue()] }

func (b *box) Wait(id *mesosproto.ContainerID, done func(containerizer.Termination, error)) {
	k := b.get(id)
	switch {
	case k == nil:
		b.later(func() { done(containerizer.Termination{}, containerizer.ErrUnknown) })
	case k.ended != nil:
		b.later(func() { done(*k.ended, nil) })
	default:
		k.waiters = append(k.waiters, done)
	}
}

func (b *box) Signal(id *mesosproto.ContainerID, s syscall.Signal, done func(error)) {
	k := b.get(id)
	k.signals = append(k.signals, s)
	if s == syscall.SIGTERM && !b.deaf {
		b.loop.AfterFunc(10*time.Millisecond, func() { b.end(k, signalled(syscall.SIGTERM)) })
	}
	b.later(func() { done(nil) })
}

func (b *box) Destroy(id *mesosproto.ContainerID, done func(containerizer.Termination, error)) {
	k := b.get(id)
	if k == nil {
		b.later(func() { done(containerizer.Termination{}, containerizer.ErrUnknown) })
		return
	}
	if k.launched != nil {
		l := k.launched
		b.later(func() { l(containerizer.Launched{}, fmt.Errorf("destroyed while launching")) })
	}
	b.end(k, signalled(syscall.SIGKILL))
	b.Wait(id, done)
}

func (b *box) Update(_ *mesosproto.ContainerID, r resources.Resources, _ map[string]float64, done func(error)) {
	b.updates = append(b.updates, r)
	err := b.updateErr
	b.later(func() { done(err) })
}

func (b *box) Status(id *mesosproto.ContainerID, done func(*mesosproto.ContainerStatus, error)) {
	b.later(func() { done(&mesosproto.ContainerStatus{ContainerId: id, ExecutorPid: proto.Uint32(17057)}, nil) })
}

func (b *box) Usage(_ *mesosproto.ContainerID, done func(*mesosproto.ResourceStatistics, error)) {
	b.later(func() { done(&mesosproto.ResourceStatistics{}, nil) })
}

func (b *box) Exec(id *mesosproto.ContainerID, _ *mesosproto.CommandInfo, done func(syscall.WaitStatus, []byte, error)) func() {
	k := b.get(id)
	over := false
	once := func(s syscall.WaitStatus, out []byte, err error) {
		if !over {
			over = true
			b.later(func() { done(s, out, err) })
		}
	}
	k.execs = append(k.execs, once)
	return func() { once(0, nil, fmt.Errorf("given up")) }
}

func (b *box) Remove(id *mesosproto.ContainerID, done func(error)) {
	if k := b.get(id); k != nil {
		k.removed = true
	}
	b.later(func() { done(nil) })
}

func (b *box) Pid(*mesosproto.ContainerID) (int, bool) { return 17057, true }

// last is the container that was launched last.
func (b *box) last() *container { return b.order[len(b.order)-1] }

func (b *box) end(k *container, t containerizer.Termination) {
	if k.ended != nil {
		return
	}
	k.ended = &t
	for _, w := range k.waiters {
		b.later(func() { w(t, nil) })
	}
}

func exited(code int) containerizer.Termination {
	return containerizer.Termination{Exited: true, WaitStatus: syscall.WaitStatus(code << 8)}
}

func signalled(s syscall.Signal) containerizer.Termination {
	return containerizer.Termination{Exited: true, WaitStatus: syscall.WaitStatus(s)}
}

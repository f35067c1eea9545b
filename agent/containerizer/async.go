package containerizer

import (
	"context"
	"syscall"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// Async is a Containerizer for a core that must not block: the same methods, which return at once.
// They are called on the core's loop; done runs on that loop, exactly once and never inside the call,
// with what the blocking method would have returned.
//
// Pull, Launch and Exec can be given up: cancel does what the end of the context does to the blocking
// method, and done still runs. Wait has no end but the container's.
//
// [NewAsync] makes one out of any Containerizer; simulated ones implement it on a simulated loop.
type Async interface {
	Name() string
	Recover(known []Checkpoint, done func(error))

	// Pull makes the image of a spec available: see Puller. Without an image it is done at once.
	Pull(spec *Spec, done func(error)) (cancel func())
	Launch(spec *Spec, done func(Launched, error)) (cancel func())
	Wait(id *mesosproto.ContainerID, done func(Termination, error))
	Signal(id *mesosproto.ContainerID, signal syscall.Signal, done func(error))
	// Destroy fails when it takes longer than DefaultDestroyTimeout.
	Destroy(id *mesosproto.ContainerID, done func(Termination, error))
	Update(id *mesosproto.ContainerID, r resources.Resources, limits map[string]float64, done func(error))
	Status(id *mesosproto.ContainerID, done func(*mesosproto.ContainerStatus, error))
	Usage(id *mesosproto.ContainerID, done func(*mesosproto.ResourceStatistics, error))
	Exec(id *mesosproto.ContainerID, command *mesosproto.CommandInfo, done func(syscall.WaitStatus, []byte, error)) (cancel func())
	Remove(id *mesosproto.ContainerID, done func(error))

	// Pid is the container's first process if it has one on this host: see PidReporter.
	Pid(id *mesosproto.ContainerID) (int, bool)
}

// NewAsync makes an Async for the owner of l out of a blocking containerizer. Each call runs in a
// goroutine of l.Do, so l must be a real loop: on a simulated one Wait would never return. close makes
// every call under way give up; it must be called before l is closed, which waits for them.
func NewAsync(l loop.Loop, c Containerizer) (a Async, close func()) {
	ctx, cancel := context.WithCancel(context.Background())
	return &async{loop: l, c: c, ctx: ctx}, cancel
}

type async struct {
	loop loop.Loop
	c    Containerizer
	ctx  context.Context
}

// call runs a blocking method off the loop and its done on the loop.
func call[R any](a *async, method func(context.Context) (R, error), done func(R, error)) (cancel func()) {
	ctx, cancel := context.WithCancel(a.ctx)
	var result R
	a.loop.Do(func() (err error) {
		defer cancel()
		result, err = method(ctx)
		return err
	}, func(err error) { done(result, err) })
	return cancel
}

// do is call for methods that return nothing but an error.
func do(a *async, method func(context.Context) error, done func(error)) (cancel func()) {
	return call(a,
		func(ctx context.Context) (struct{}, error) { return struct{}{}, method(ctx) },
		func(_ struct{}, err error) { done(err) })
}

func (a *async) Name() string { return a.c.Name() }

func (a *async) Recover(known []Checkpoint, done func(error)) {
	do(a, func(ctx context.Context) error { return a.c.Recover(ctx, known) }, done)
}

func (a *async) Pull(spec *Spec, done func(error)) (cancel func()) {
	return do(a, func(ctx context.Context) error {
		if p, ok := a.c.(Puller); ok {
			return p.Pull(ctx, spec)
		}
		return nil
	}, done)
}

func (a *async) Launch(spec *Spec, done func(Launched, error)) (cancel func()) {
	return call(a, func(ctx context.Context) (Launched, error) { return a.c.Launch(ctx, spec) }, done)
}

func (a *async) Wait(id *mesosproto.ContainerID, done func(Termination, error)) {
	call(a, func(ctx context.Context) (Termination, error) { return a.c.Wait(ctx, id) }, done)
}

func (a *async) Signal(id *mesosproto.ContainerID, signal syscall.Signal, done func(error)) {
	do(a, func(ctx context.Context) error { return a.c.Signal(ctx, id, signal) }, done)
}

func (a *async) Destroy(id *mesosproto.ContainerID, done func(Termination, error)) {
	call(a, func(ctx context.Context) (Termination, error) {
		ctx, cancel := context.WithTimeout(ctx, DefaultDestroyTimeout)
		defer cancel()
		return a.c.Destroy(ctx, id)
	}, done)
}

func (a *async) Update(id *mesosproto.ContainerID, r resources.Resources, limits map[string]float64, done func(error)) {
	do(a, func(ctx context.Context) error { return a.c.Update(ctx, id, r, limits) }, done)
}

func (a *async) Status(id *mesosproto.ContainerID, done func(*mesosproto.ContainerStatus, error)) {
	call(a, func(ctx context.Context) (*mesosproto.ContainerStatus, error) { return a.c.Status(ctx, id) }, done)
}

func (a *async) Usage(id *mesosproto.ContainerID, done func(*mesosproto.ResourceStatistics, error)) {
	call(a, func(ctx context.Context) (*mesosproto.ResourceStatistics, error) { return a.c.Usage(ctx, id) }, done)
}

func (a *async) Exec(id *mesosproto.ContainerID, command *mesosproto.CommandInfo, done func(syscall.WaitStatus, []byte, error)) (cancel func()) {
	type result struct {
		status syscall.WaitStatus
		output []byte
	}
	return call(a, func(ctx context.Context) (r result, err error) {
		r.status, r.output, err = a.c.Exec(ctx, id, command)
		return r, err
	}, func(r result, err error) { done(r.status, r.output, err) })
}

func (a *async) Remove(id *mesosproto.ContainerID, done func(error)) {
	do(a, func(ctx context.Context) error { return a.c.Remove(ctx, id) }, done)
}

func (a *async) Pid(id *mesosproto.ContainerID) (int, bool) {
	if p, ok := a.c.(PidReporter); ok {
		return p.Pid(id)
	}
	return 0, false
}

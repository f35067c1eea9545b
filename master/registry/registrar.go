package registry

import (
	"context"
	"time"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
)

// How long the storage may take. Mesos: --registry_fetch_timeout, --registry_store_timeout.
const (
	FetchTimeout = time.Minute
	StoreTimeout = 20 * time.Second
)

// Registrar applies operations and makes them durable, in order. It is owned by a loop: its methods
// are called, and its callbacks run, on that loop.
type Registrar struct {
	loop    loop.Loop
	guards  guard.Set
	storage Storage
	state   *State
	queue   []pending
	writing bool
	failed  error // the storage's first error; nothing is done after it
	batches int
}

type pending struct {
	op   Operation
	done func(error)
}

// New returns a registrar that knows nothing until Recover.
func New(l loop.Loop, s Storage) *Registrar {
	return &Registrar{loop: l, guards: guard.Of(l), storage: s}
}

// Recover loads the registry, records info as the leading master, and hands over the state, which
// stays the registrar's: it may be read on the loop only, and changes with each Apply. Operations
// applied before wait.
func (r *Registrar) Recover(info *mesosproto.MasterInfo, done func(*State, error)) {
	state := newState()
	r.writing = true
	r.loop.Do(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), FetchTimeout)
		defer cancel()
		entries, err := r.storage.Load(ctx)
		if err != nil {
			return err
		}
		return state.load(entries)
	}, func(err error) {
		r.writing = false
		if err != nil {
			r.fail(err)
			done(nil, err)
			return
		}
		r.state = state
		first := pending{lead{info}, func(err error) {
			if err != nil {
				done(nil, err)
				return
			}
			done(state, nil)
		}}
		r.queue = append([]pending{first}, r.queue...)
		r.write()
	})
}

// Apply applies op and calls done once it is durable, or with its error: that of the operation, which
// then changed nothing, or the storage's, after which every further Apply fails too.
func (r *Registrar) Apply(op Operation, done func(error)) {
	if r.failed != nil {
		r.loop.Post(func() { done(r.failed) })
		return
	}
	r.queue = append(r.queue, pending{op, done})
	r.write()
}

// Failed is the storage's error, after which the master must step down; nil while all is well.
func (r *Registrar) Failed() error { return r.failed }

// Queued is the number of operations that are not yet durable.
func (r *Registrar) Queued() int { return len(r.queue) }

// Size is the size of the registry in bytes; 0 before Recover.
func (r *Registrar) Size() int {
	if r.state == nil {
		return 0
	}
	return r.state.Size()
}

// Batches is the number of writes so far.
func (r *Registrar) Batches() int { return r.batches }

func (r *Registrar) write() {
	if r.writing || r.state == nil || len(r.queue) == 0 {
		return
	}
	batch := r.queue
	r.queue = nil
	results := make([]error, len(batch))
	for i, p := range batch {
		results[i] = p.op.apply(r.state)
	}
	changes, err := r.state.take()
	if err != nil {
		r.finish(batch, results, err)
		return
	}
	r.writing = true
	r.batches++
	finish := r.guards.Wait(guard.RegistryFirst, func(err error) { r.finish(batch, results, err) })
	r.loop.Do(func() error {
		if len(changes) == 0 {
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), StoreTimeout)
		defer cancel()
		return r.storage.Write(ctx, changes)
	}, func(err error) {
		r.writing = false
		finish(err)
		r.write()
	})
}

func (r *Registrar) finish(batch []pending, results []error, err error) {
	if err != nil {
		r.fail(err)
	}
	for i, p := range batch {
		if err != nil {
			p.done(r.failed)
		} else {
			p.done(results[i])
		}
	}
}

func (r *Registrar) fail(err error) {
	r.failed = status.Errorf(codes.Aborted, "the registry's storage failed, so this master can't go on: %v", err)
	queue := r.queue
	r.queue = nil
	for _, p := range queue {
		r.loop.Post(func() { p.done(r.failed) })
	}
}

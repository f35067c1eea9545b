package driver

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/internal/loop"
)

// core is told to start and to end.
type core struct {
	life           *Life[*core]
	own, callbacks loop.Loop
	started, told  int
}

func (c *core) start() { c.started++ }

var errOver = errors.New("over")

func (c *core) end() {
	if c.told++; c.told == 1 {
		c.life.Finished(errOver)
	}
}

func (l *coreMaker) create(own, callbacks loop.Loop) *core {
	l.made = &core{life: l.life, own: own, callbacks: callbacks}
	return l.made
}

type coreMaker struct {
	life *Life[*core]
	made *core
}

func (l *coreMaker) start(own, callbacks loop.Loop) error {
	return l.life.Start(own, callbacks, "pkg.New", l.create, (*core).start)
}

// setup returns a driver that is to run on two loops of a simulation.
func setup(t *testing.T) (*coreMaker, *loop.Sim, *loop.SimLoop, *loop.SimLoop) {
	t.Helper()
	sim := loop.NewSim(1)
	return &coreMaker{life: New[*core]()}, sim, sim.Loop("core"), sim.Loop("callbacks")
}

// settle runs everything that is due within a minute.
func settle(sim *loop.Sim) { sim.Advance(time.Minute) }

func TestALifeOnLoopsOfASimulation(t *testing.T) {
	m, sim, own, callbacks := setup(t)
	require.False(t, m.life.Post(func(*core) { t.Error("there is no core") }))
	require.Nil(t, m.life.Rand())
	require.False(t, m.life.AfterFunc(0, func() { t.Error("there is no loop") })())

	require.NoError(t, m.start(own, callbacks))
	require.Zero(t, m.made.started, "only on its loop")
	err := m.start(own, callbacks)
	require.Equal(t, codes.FailedPrecondition, status.Code(err))
	require.Equal(t, "the driver was started already", status.Convert(err).Message())
	settle(sim)
	require.Equal(t, 1, m.made.started)
	require.Equal(t, callbacks.Now(), m.life.Now())
	require.NotNil(t, m.life.Rand())

	ran := 0
	m.life.AfterFunc(time.Second, func() { ran++ })
	require.True(t, m.life.AfterFunc(time.Second, func() { t.Error("stopped") })())
	settle(sim)
	require.Equal(t, 1, ran)

	m.life.AfterFunc(time.Second, func() { t.Error("no callback begins after Halt") })
	m.life.Halt((*core).end)
	m.life.Halt((*core).end)
	require.True(t, m.life.Halted())
	require.NoError(t, m.life.Err(), "it has not ended yet")
	settle(sim)
	require.Equal(t, 2, m.made.told, "the core hears of it each time")
	require.Equal(t, errOver, m.life.Err())
	require.Equal(t, errOver, m.life.Join())

	err = m.start(own, callbacks)
	require.Equal(t, codes.FailedPrecondition, status.Code(err))
	require.Equal(t, "the driver was stopped; make a new one with pkg.New", status.Convert(err).Message())
}

func TestHaltBeforeStartEndsIt(t *testing.T) {
	m, _, own, callbacks := setup(t)
	m.life.Halt((*core).end)
	m.life.Halt((*core).end)
	<-m.life.Done()
	require.NoError(t, m.life.Join())
	require.Error(t, m.start(own, callbacks))
	require.Nil(t, m.made, "no core was made")
}

// Loops of its own end with it, also when the core's last word is said on one of them.
func TestLoopsOfItsOwn(t *testing.T) {
	m := &coreMaker{life: New[*core]()}
	require.NoError(t, m.start(nil, nil))
	var all sync.WaitGroup
	for range 4 { // for the race detector
		all.Go(func() {
			m.life.Post(func(c *core) { c.started++ })
			m.life.Now()
			m.life.Halt((*core).end)
			require.Equal(t, errOver, m.life.Join())
		})
	}
	all.Wait()
	m.made.own.Post(func() { t.Error("the loop is closed") })
	m.made.callbacks.Post(func() { t.Error("the loop is closed") })
}

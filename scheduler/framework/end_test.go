package framework_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/framework"
	"github.com/mesokit/mesokit/scheduler/httpv1"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// torndown waits until the framework has ended for good, and restarts its drivers till then as Run does.
// It returns how many that took.
func (w *world) torndown() (drivers int) {
	w.t.Helper()
	w.RunUntil(time.Hour, "the end", func() bool {
		select {
		case <-w.runs.Driver().Done():
			drivers++
		default:
			return false
		}
		if err := w.runs.Driver().Err(); err != nil {
			require.ErrorContains(w.t, err, "removed")
			return true
		}
		w.run()
		return false
	})
	w.Advance(time.Second) // the framework hears of it
	require.Empty(w.t, w.active())
	entries, err := w.store.Load()
	require.NoError(w.t, err)
	require.Empty(w.t, entries)
	return drivers
}

// The store is emptied when the master has confirmed that the framework is no more.
func TestTeardown(t *testing.T) {
	w := start(t, schedulertest.Config{}, service(2, "server"))
	w.ready("web", 2)
	w.f.Teardown()
	require.Equal(t, 2, w.torndown())
	require.Len(t, w.calls("TEARDOWN"), 1)
}

func TestATeardownThatIsLostIsRepeated(t *testing.T) {
	w := start(t, schedulertest.Config{}, service(2, "server"))
	w.ready("web", 2)
	w.Advance(time.Minute)
	w.runs.LoseCall()
	w.f.Teardown()
	require.Equal(t, 3, w.torndown())
}

func TestATeardownWaitsForTheConnection(t *testing.T) {
	w := start(t, schedulertest.Config{}, service(2, "server"))
	w.ready("web", 2)
	w.CrashMaster()
	w.f.Teardown()
	w.Advance(time.Hour)
	w.RestartMaster()
	require.Equal(t, 2, w.torndown())
}

// The next process goes on with it, whatever it declares.
func TestATeardownOutlivesTheProcess(t *testing.T) {
	w := start(t, schedulertest.Config{}, service(2, "server"))
	w.ready("web", 2)
	w.CrashMaster()
	w.f.Teardown()
	w.Advance(time.Minute)
	w.runs.Crash()
	w.RestartMaster()
	w.begin()
	require.Equal(t, 2, w.torndown())
	w.begin()
	w.settled("web", 2)
}

// While it can't be remembered that the framework ends, it does not, but launches nothing.
func TestATeardownIsSavedFirst(t *testing.T) {
	store := &flaky{}
	w := startWith(t, schedulertest.Config{}, framework.Config{Store: store, Specs: []framework.Spec{service(2, "server")}})
	first := w.ready("web", 2).Tasks[0].ID
	store.broken = true
	w.f.Teardown()
	w.f.Kill(first)
	w.Advance(10 * time.Minute)
	require.Len(t, w.active(), 1)
	require.Empty(t, w.calls("TEARDOWN"))
	store.broken = false
	require.Equal(t, 2, w.torndown())
}

// noMaster is a Detector that finds none. It tells when it is asked to.
type noMaster chan struct{}

func (n noMaster) Detect(func(*mesosproto.MasterInfo)) (cancel func()) {
	n <- struct{}{}
	return func() {}
}

// A teardown is remembered although Run ends before it has heard of any master.
func TestATeardownOutlivesARunWithoutAMaster(t *testing.T) {
	w := start(t, schedulertest.Config{}, service(2, "server"))
	w.ready("web", 2)
	w.runs.Crash()
	w.Advance(time.Second)
	runs := make(noMaster)
	cfg := framework.Config{
		Driver: scheduler.Config{
			Framework: &mesosproto.FrameworkInfo{User: proto.String("nobody"), Name: proto.String("web")},
			Detector:  runs, Dialer: httpv1.Dialer{},
		},
		Store: w.store,
	}
	for _, meanwhile := range []bool{false, true} {
		require.NoError(t, w.store.Save(map[string][]byte{"end": nil}))
		f, err := framework.New(cfg)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		if !meanwhile {
			f.Teardown()
		}
		go func() { ended <- f.Run(ctx) }()
		<-runs
		if meanwhile {
			f.Teardown()
		}
		cancel()
		require.NoError(t, <-ended)
		entries, err := w.store.Load()
		require.NoError(t, err)
		require.NotNil(t, entries["end"], "Teardown while it runs: %v", meanwhile)
	}
}

// What a teardown finds is not changed first into what is declared by then.
func TestATeardownDeclaresNothing(t *testing.T) {
	w := start(t, schedulertest.Config{}, service(2, "server"))
	w.ready("web", 2)
	w.runs.Crash()
	w.Advance(time.Second)
	w.cfg.Specs = []framework.Spec{service(1, "another")}
	f, err := framework.New(w.cfg)
	require.NoError(t, err)
	f.Teardown()
	w.f = f
	w.run()
	w.torndown()
	require.Empty(t, w.calls("KILL.*"))
}

func TestTwoSpecsOfOneName(t *testing.T) {
	s := service(1, "server")
	_, err := framework.New(framework.Config{Store: &framework.Memory{}, Specs: []framework.Spec{s, s}})
	require.ErrorContains(t, err, `two of the name "web"`)
}

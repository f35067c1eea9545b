package checkpoint_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mesokit/mesokit/agent/checkpoint"
	"github.com/mesokit/mesokit/agent/checkpoint/memory"
	"github.com/mesokit/mesokit/internal/loop"
)

func put(key string) checkpoint.Entry { return checkpoint.Entry{Key: key, Value: []byte("1")} }

func TestWriterWritesInOrderAndSaysWhenItIsSafe(t *testing.T) {
	sim, store := loop.NewSim(1), &memory.Store{}
	w := checkpoint.NewWriter(sim.Loop("agent"), store)
	var order []string
	w.Load(func(entries []checkpoint.Entry, err error) {
		require.NoError(t, err)
		require.Empty(t, entries)
		order = append(order, "loaded")
	})
	w.Put(false, func(err error) { require.NoError(t, err); order = append(order, "a") }, put("a"))
	w.Put(false, nil, put("b"))
	w.Put(true, func(err error) { require.NoError(t, err); order = append(order, "c") }, put("c"), checkpoint.Entry{Key: "a"})
	require.Empty(t, order, "nothing is said inside the call")
	sim.Advance(time.Second)
	require.Equal(t, []string{"loaded", "a", "c"}, order)
	store.LoseUnsynced()
	entries, err := store.Load()
	require.NoError(t, err)
	require.Len(t, entries, 2, "b and c: what was put before a synced write is synced with it")
}

func TestWriterReportsAFailureAndTriesAgain(t *testing.T) {
	sim, store := loop.NewSim(1), &memory.Store{}
	w := checkpoint.NewWriter(sim.Loop("agent"), store)
	store.Fail(errors.New("no space left on device"))
	var got []string
	told := func(key string) func(error) {
		return func(err error) { got = append(got, fmt.Sprintf("%s: %v", key, err)) }
	}
	w.Put(true, told("a"), put("a"))
	sim.Advance(500 * time.Millisecond)
	require.Equal(t, []string{"a: no space left on device"}, got)
	w.Put(false, told("b"), put("b"))
	require.Len(t, got, 1, "nothing is said inside the call")
	sim.Advance(time.Minute)
	require.Equal(t, []string{"a: no space left on device", "b: no space left on device"}, got, "once, however often it fails")
	store.Fail(nil)
	sim.Advance(checkpoint.RetryMax)
	require.Equal(t, []string{"a: <nil>", "b: <nil>"}, got[2:])
	store.LoseUnsynced()
	entries, err := store.Load()
	require.NoError(t, err)
	require.Len(t, entries, 2, "a was to be synced")
	w.Put(false, told("c"), put("c"))
	sim.Advance(100 * time.Millisecond)
	require.Equal(t, "c: <nil>", got[4], "all is as before")
}

func TestWriterRefusesForGoodWhatNoStoreTakes(t *testing.T) {
	sim, store := loop.NewSim(1), &memory.Store{}
	w := checkpoint.NewWriter(sim.Loop("agent"), store)
	var got []error
	w.Put(false, func(err error) { got = append(got, err) }, checkpoint.Entry{Value: []byte("1")})
	w.Put(false, func(err error) { got = append(got, err) }, put("good"))
	sim.Advance(time.Hour)
	require.Len(t, got, 2)
	require.ErrorContains(t, got[0], "no key")
	require.NoError(t, got[1])
}

func TestAStoppedWriterDoesNotTryAgain(t *testing.T) {
	sim, store := loop.NewSim(1), &memory.Store{}
	w := checkpoint.NewWriter(sim.Loop("agent"), store)
	store.Fail(errors.New("no space left on device"))
	w.Put(true, nil, put("a"))
	sim.Advance(time.Second / 2)
	store.Fail(nil)
	w.Stop()
	sim.Advance(time.Hour)
	entries, err := store.Load()
	require.NoError(t, err)
	require.Empty(t, entries)
}

// attempts is a store that notes how much it was last asked to write.
type attempts struct {
	memory.Store
	last int
}

func (s *attempts) Append(changes []checkpoint.Entry, sync bool) error {
	s.last = len(changes)
	return s.Store.Append(changes, sync)
}

// What comes and goes while nothing can be written leaves nothing behind.
func TestWhatWaitsForTheDiskIsBounded(t *testing.T) {
	sim, store := loop.NewSim(1), &attempts{}
	w := checkpoint.NewWriter(sim.Loop("agent"), store)
	w.Put(true, nil, put("old"), put("kept"))
	sim.Advance(time.Second)
	store.Fail(errors.New("no space left on device"))
	told := 0
	for i := range 10_000 {
		key := fmt.Sprintf("task/%d", i)
		w.Put(true, func(err error) {
			if err == nil {
				told++
			}
		}, put(key))
		w.Put(false, nil, checkpoint.Entry{Key: "old", Value: []byte(key)})
		w.Put(false, nil, checkpoint.Entry{Key: key})
		sim.Advance(100 * time.Millisecond)
	}
	w.Put(false, nil, checkpoint.Entry{Key: "kept"})
	sim.Advance(time.Minute)
	require.Equal(t, 2, store.last, "the latest value of old, and that kept is gone")
	require.Zero(t, told, "what follows from it may still have to be written")
	store.Fail(nil)
	sim.Advance(checkpoint.RetryMax)
	require.Equal(t, 1024, told, "the latest")
}

// Whatever fails when: once the disk takes writes again it has all that was put, and who asked knows.
func TestNothingIsLostByADiskThatRecovers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sim, store := loop.NewSim(rapid.Uint64().Draw(rt, "seed")), &memory.Store{}
		w := checkpoint.NewWriter(sim.Loop("agent"), store)
		w.Load(func([]checkpoint.Entry, error) {})
		model, puts, told := map[string]string{}, 0, 0
		key := rapid.SampledFrom([]string{"a", "b", "c"})
		done := func(err error) {
			if err == nil {
				told++
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(rt *rapid.T) {
				e := checkpoint.Entry{Key: key.Draw(rt, "key"), Value: []byte(fmt.Sprint(puts))}
				model[e.Key] = string(e.Value)
				puts++
				w.Put(rapid.Bool().Draw(rt, "sync"), done, e)
			},
			"delete": func(rt *rapid.T) {
				e := checkpoint.Entry{Key: key.Draw(rt, "key")}
				delete(model, e.Key)
				puts++
				w.Put(false, done, e)
			},
			"fail":    func(*rapid.T) { store.Fail(errors.New("input/output error")) },
			"recover": func(*rapid.T) { store.Fail(nil) },
			"wait": func(rt *rapid.T) {
				sim.Advance(time.Duration(rapid.IntRange(0, 3000).Draw(rt, "ms")) * time.Millisecond)
			},
		})
		store.Fail(nil)
		sim.Advance(checkpoint.RetryMax + time.Second)
		entries, err := store.Load()
		require.NoError(rt, err)
		has := map[string]string{}
		for _, e := range entries {
			has[e.Key] = string(e.Value)
		}
		require.Equal(rt, model, has)
		require.Equal(rt, puts, told)
	})
}

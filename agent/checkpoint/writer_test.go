package checkpoint_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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

func TestWriterReportsAFailureAndGoesOn(t *testing.T) {
	sim, store := loop.NewSim(1), &memory.Store{}
	w := checkpoint.NewWriter(sim.Loop("agent"), store)
	store.Fail(errors.New("no space left on device"))
	var got []error
	w.Put(true, func(err error) { got = append(got, err) }, put("a"))
	sim.Advance(time.Second)
	store.Fail(nil)
	w.Put(true, func(err error) { got = append(got, err) }, put("b"))
	sim.Advance(time.Second)
	require.Len(t, got, 2)
	require.ErrorContains(t, got[0], "no space left")
	require.NoError(t, got[1])
	entries, err := store.Load()
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

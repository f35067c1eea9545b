package memory_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/checkpoint"
	"github.com/mesokit/mesokit/agent/checkpoint/checkpointtest"
	"github.com/mesokit/mesokit/agent/checkpoint/memory"
)

func TestStore(t *testing.T) {
	checkpointtest.Run(t, func(t *testing.T) func() checkpoint.Store {
		s := &memory.Store{}
		return func() checkpoint.Store { return s }
	})
}

func TestADeadMachineLosesWhatWasNotSynced(t *testing.T) {
	s := &memory.Store{}
	put := func(key string) []checkpoint.Entry { return []checkpoint.Entry{{Key: key, Value: []byte("1")}} }
	require.NoError(t, s.Append(put("a"), false))
	require.NoError(t, s.Append(put("b"), true))
	require.NoError(t, s.Append(put("c"), false))
	s.LoseUnsynced()
	entries, err := s.Load()
	require.NoError(t, err)
	require.Len(t, entries, 2, "a and b")
	require.NoError(t, s.Append([]checkpoint.Entry{{Key: "a"}, {Key: "b", Value: []byte("2")}}, false))
	require.NoError(t, s.Append(put("b"), false))
	s.LoseUnsynced()
	after, err := s.Load()
	require.NoError(t, err)
	require.Equal(t, entries, after, "a is not deleted, b as it was")
	require.NoError(t, s.Append([]checkpoint.Entry{{Key: "a"}}, false))
	require.NoError(t, s.Append(put("d"), true))
	s.LoseUnsynced()
	after, err = s.Load()
	require.NoError(t, err)
	require.Equal(t, []string{"b", "d"}, []string{after[0].Key, after[1].Key}, "a sync takes along what was written before")
	require.Len(t, after, 2)
	s.Fail(errors.New("no space"))
	require.Error(t, s.Append(put("e"), false))
}

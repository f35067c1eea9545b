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
	s.Fail(errors.New("no space"))
	require.Error(t, s.Append(put("d"), false))
}

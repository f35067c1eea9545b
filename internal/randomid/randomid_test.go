package randomid

import (
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestIDsAreVersion4AndFollowTheSeed(t *testing.T) {
	one, other := rand.New(rand.NewPCG(1, 2)), rand.New(rand.NewPCG(1, 2))
	seen := make(map[string]bool)
	for range 1000 {
		text := Text(one)
		id, err := uuid.Parse(text)
		require.NoError(t, err)
		require.Equal(t, text, id.String())
		require.Equal(t, uuid.Version(4), id.Version())
		require.Equal(t, uuid.RFC4122, id.Variant())
		require.Equal(t, id[:], UUID(other), "the same seed, the same id")
		require.False(t, seen[text])
		seen[text] = true
	}
}

package schedulertest_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

func TestFailsSaysHowATestFails(t *testing.T) {
	for name, c := range map[string]struct {
		want string
		do   func(testing.TB)
	}{
		"not":            {"", func(t testing.TB) { t.Log("all is well") }},
		"and goes on":    {"one\ntwo", func(t testing.TB) { t.Errorf("o%s", "ne"); t.Error("two") }},
		"and ends":       {"one", func(t testing.TB) { t.Fatal("one"); t.Error("two") }},
		"without a word": {"it failed without a word", func(t testing.TB) { t.FailNow() }},
		"by testify":     {"Should be true", func(t testing.TB) { require.True(t, false) }},
		"as it cleans up": {"first\nthen", func(t testing.TB) {
			t.Cleanup(func() { t.Error("then") })
			t.Cleanup(func() { require.True(t, t.Failed()) })
			t.Fatal("first")
		}},
		"cleaning up": {"first\nthen", func(t testing.TB) {
			t.Cleanup(func() { t.Error("then") })
			t.Cleanup(func() { t.Fatal("first") })
		}},
	} {
		text := schedulertest.Fails(t, c.do)
		if c.want == "" {
			require.Empty(t, text, name)
		}
		require.Contains(t, text, c.want, name)
	}
	require.PanicsWithError(t, "not a failure", func() {
		schedulertest.Fails(t, func(testing.TB) { panic(errors.New("not a failure")) })
	})
}

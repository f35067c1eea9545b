package posix

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/containerizertest"
	"github.com/mesokit/mesokit/agent/containerizer/keeper"
	"github.com/mesokit/mesokit/mesosproto"
)

func TestMain(m *testing.M) {
	keeper.RunIfAsked()
	if os.Getenv(agentVariable) != "" {
		actAsAgent()
		return
	}
	os.Exit(m.Run())
}

// newWith makes a containerizer over dir, with a keeper or without.
func newWith(t testing.TB, dir string, outlives bool) *Containerizer {
	c, err := New(Config{RuntimeDir: dir, WorkDir: dir, KeeperIdleTime: time.Second, Logger: zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel))})
	require.NoError(t, err)
	c.alone = !outlives
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func subject(outlives bool) containerizertest.Subject {
	s := containerizertest.Subject{
		New:      func(t *testing.T, dir string) containerizer.Containerizer { return newWith(t, dir, outlives) },
		Crash:    func(t *testing.T, c containerizer.Containerizer) { require.NoError(t, c.(*Containerizer).Close()) },
		Survives: outlives,
		Foreign:  &mesosproto.ContainerInfo{Type: mesosproto.ContainerInfo_DOCKER.Enum()},
	}
	if os.Geteuid() == 0 {
		s.User, s.UID, s.GID = "nobody", "65534", "65534"
	}
	return s
}

func TestContractWithKeeper(t *testing.T)    { containerizertest.Run(t, subject(true)) }
func TestContractWithoutKeeper(t *testing.T) { containerizertest.Run(t, subject(false)) }

// started is a containerizer that is ready to launch.
func started(t testing.TB, outlives bool) (*Containerizer, string) {
	dir := t.TempDir()
	c := newWith(t, dir, outlives)
	require.NoError(t, c.Recover(t.Context(), nil))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "box"), 0o755))
	return c, filepath.Join(dir, "box")
}

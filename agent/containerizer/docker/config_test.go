package docker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestConfigIsValidated(t *testing.T) {
	for want, cfg := range map[string]Config{
		`docker.Config.WorkDir: "" must be an absolute path`:           {},
		`docker.Config.WorkDir: "work" must be an absolute path`:       {WorkDir: "work"},
		`docker.Config.SandboxDirectory: "box" must be an absolute pa`: {WorkDir: "/w", SandboxDirectory: "box"},
		`docker.Config.Credentials: they are not JSON`:                 {WorkDir: "/w", Credentials: []byte("user:password")},
		`docker.Config.Host: "::"`:                                     {WorkDir: "/w", Host: "::"},
	} {
		_, err := New(cfg)
		require.ErrorContains(t, err, want)
	}
	c, err := New(Config{WorkDir: "/w/"})
	require.NoError(t, err)
	require.Equal(t, "unix:///var/run/docker.sock", c.cfg.Host)
	require.Equal(t, "/w", c.cfg.WorkDir)
	require.Equal(t, "/mnt/mesos/sandbox", c.cfg.SandboxDirectory)
	require.Equal(t, 6*time.Hour, c.cfg.RemoveDelay)
	require.Equal(t, "docker", c.Name())
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	spec := taskSpec("true")
	_, err = c.Launch(t.Context(), spec)
	require.ErrorIs(t, err, errClosed)
}

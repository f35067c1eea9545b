package docker

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/containerizertest"
	"github.com/mesokit/mesokit/mesosproto"
)

func TestContract(t *testing.T) {
	api := realEngine(t)
	containerizertest.Run(t, containerizertest.Subject{
		New: func(t *testing.T, dir string) containerizer.Containerizer {
			c, err := New(Config{WorkDir: dir, RemoveDelay: -1, Logger: quietly(t)})
			require.NoError(t, err)
			t.Cleanup(func() {
				require.NoError(t, c.Close())
				sweep(t, api, dir)
			})
			return c
		},
		Crash:            func(t *testing.T, c containerizer.Containerizer) { require.NoError(t, c.(*Containerizer).Close()) },
		Survives:         true,
		Container:        dockerInfo(testImage),
		Foreign:          &mesosproto.ContainerInfo{Type: mesosproto.ContainerInfo_MESOS.Enum()},
		FirstProcessOnly: true, // docker kill does no more
	})
}

package keeper

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A keeper lives as long as its containers and there is one on every machine: it stays small.
func TestAKeeperLinksNothingBig(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	for _, path := range strings.Fields(string(out)) {
		first, _, _ := strings.Cut(path, "/")
		switch {
		case !strings.Contains(first, "."): // the standard library
			require.NotContains(t, path, "net/http")
		case strings.HasPrefix(path, "github.com/mesokit/mesokit/agent/containerizer/"):
		case strings.HasPrefix(path, "golang.org/x/sys/"):
		default:
			t.Errorf("the keeper imports %s", path)
		}
	}
}

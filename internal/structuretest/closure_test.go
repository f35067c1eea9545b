package structuretest

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unwanted are imports that a program must not get, however indirectly, when it imports one package.
var unwanted = []struct {
	pkg     string
	imports []string // packages, with all that is in their folders
	why     string
}{
	{"mesosproto", []string{"net", "go.uber.org", "github.com", "google.golang.org/grpc", "os/exec", "internal"}, "messages are usable alone"},
	{"mesosproto/mesosjson", []string{"net", "go.uber.org", "github.com", "google.golang.org/grpc", "os/exec"}, "messages are usable alone"},
	{"mesosproto/recordio", []string{"net", "go.uber.org", "github.com", "google.golang.org", "mesosproto/messagespb", "os/exec"}, "framing knows no messages"},
	{"resources", []string{"net", "go.uber.org", "github.com", "google.golang.org/grpc", "os/exec", "internal"}, "the algebra has no I/O"},

	{"scheduler", []string{"github.com/docker", "go.etcd.io", "github.com/prometheus", "github.com/spf13", "os/exec", "net/http/httptest", "testing"}, "a framework's program stays small"},
	{"scheduler", []string{"master", "agent", "executor", "mesosproto/messagespb", "internal/httpclient", "internal/libprocess"}, "the root knows neither other roles nor a transport"},
	{"scheduler/httpv1", []string{"github.com/docker", "go.etcd.io", "github.com/prometheus", "github.com/spf13", "os/exec", "master", "agent", "executor", "mesosproto/messagespb", "internal/libprocess"}, "a framework's program stays small"},
	{"executor", []string{"github.com/docker", "go.etcd.io", "github.com/prometheus", "github.com/spf13", "os/exec", "net/http/httptest", "testing"}, "an executor's program stays small: one runs for each task"},
	{"executor", []string{"master", "agent", "scheduler", "mesosproto/messagespb", "internal/httpclient", "internal/libprocess"}, "the root knows neither other roles nor a transport"},
	{"executor/httpv1", []string{"github.com/docker", "go.etcd.io", "github.com/prometheus", "github.com/spf13", "os/exec", "master", "agent", "scheduler", "mesosproto/messagespb", "internal/libprocess"}, "an executor's program stays small"},
	{"executor/checks", []string{"go.uber.org", "github.com", "google.golang.org/grpc", "os/exec"}, "agent and executors share it"},

	{"master", []string{"github.com/docker", "go.etcd.io", "github.com/prometheus", "github.com/spf13", "os/exec", "agent", "executor", "scheduler", "internal/libprocess", "internal/operatorapi"}, "a simulated master needs no storage, no metrics and no wire"},
	{"master/offer", []string{"net", "go.uber.org", "github.com", "os/exec", "internal"}, "pure"},
	{"master/validation", []string{"net", "go.uber.org", "github.com", "os/exec"}, "pure"},
	{"agent", []string{"github.com/docker", "go.etcd.io", "github.com/prometheus", "github.com/spf13", "master", "scheduler", "internal/libprocess", "internal/operatorapi"}, "a simulated agent needs no containerizer and no wire"},
	{"agent/statusupdate", []string{"net", "go.uber.org", "os/exec", "internal/link"}, "pure"},
	{"agent/containerizer/keeper", []string{"github.com/docker", "go.uber.org", "google.golang.org", "net/http", "crypto/tls", "mesosproto", "resources", "flag"}, "the keeper outlives the agent, in each node's memory"},
	{"agent/containerizer/posix", []string{"github.com/docker", "github.com/prometheus", "agent/containerizer/docker"}, "who runs plain processes needs no Docker"},
	{"agent/containerizer/inprocess", []string{"github.com/docker", "agent/containerizer/posix", "agent/containerizer/keeper", "os/exec"}, "functions need no processes"},

	{".", []string{"github.com/docker", "github.com/spf13", "testing", "net/http/httptest"}, "a program that embeds a cluster chooses Docker itself"},
	{"scheduler/schedulertest", []string{"github.com/docker", "go.etcd.io", "github.com/prometheus", "internal/libprocess", "agent/containerizer/posix"}, "simulations have no disk, no processes and no wire"},
	{"examples/mesos-master", []string{"github.com/docker", "agent", "executor", "scheduler"}, "the master's daemon is only a master"},
	{"examples/mesos-agent", []string{"go.etcd.io", "master", "scheduler"}, "the agent's daemon is only an agent"},
	{"examples/mesos-execute", []string{"github.com/docker", "github.com/prometheus", "go.etcd.io", "master", "agent", "executor"}, "a framework is only that"},
}

// codecs are what messages are encoded with; they come along wherever messages do.
var codecs = []string{"google.golang.org/protobuf", "github.com/planetscale/vtprotobuf"}

// TestAProgramGetsOnlyWhatItAskedFor follows the imports of all packages to their ends.
func TestAProgramGetsOnlyWhatItAskedFor(t *testing.T) {
	readSources(t) // so that the result isn't cached over a change
	packages := list(t, "-json=ImportPath,Standard,Imports", "./...")
	for _, rule := range unwanted {
		require.Contains(t, packages, rule.pkg)
		for name, way := range closure(packages, rule.pkg) {
			if name != rule.pkg && below(name, rule.imports...) && !below(name, codecs...) {
				t.Errorf("%s gets %s by %s; unwanted: %s", rule.pkg, name, strings.Join(way(), " → "), rule.why)
			}
		}
	}
}

// speakHTTP are the packages that import net/http and that cores need all the same.
var speakHTTP = map[string]string{
	"internal/apierror": "the names of statuses",
	"executor/checks":   "the HTTP health check",
}

// Nothing of ours but transports speaks HTTP: what links net/http anyway (zap does) doesn't make it a part
// of the cores.
func TestCoresDoNotNeedHTTP(t *testing.T) {
	readSources(t)
	packages := list(t, "-json=ImportPath,Standard,Imports", "./...")
	for _, root := range []string{"scheduler", "executor", "master", "agent", "scheduler/schedulertest"} {
		for name := range closure(packages, root) {
			if ours(name) && slices.Contains(packages[name].Imports, "net/http") {
				require.Contains(t, speakHTTP, name, "%s gets it, and it imports net/http", root)
			}
		}
	}
}

// closure returns all packages that root needs; the function gives one way there.
func closure(packages map[string]listed, root string) map[string]func() []string {
	from := map[string]string{root: ""}
	for queue := []string{root}; len(queue) > 0; queue = queue[1:] {
		for _, i := range packages[queue[0]].Imports {
			i = local(i)
			_, known := packages[i]
			if _, seen := from[i]; known && !seen {
				from[i] = queue[0]
				queue = append(queue, i)
			}
		}
	}
	ways := make(map[string]func() []string, len(from))
	for name := range from {
		ways[name] = func() (way []string) {
			for at := name; at != ""; at = from[at] {
				way = append(way, at)
			}
			slices.Reverse(way)
			return way
		}
	}
	return ways
}

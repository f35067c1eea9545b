package structuretest

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// heavy are libraries, or families of them, that few may import.
var heavy = []struct {
	library []string
	only    []string // folders
	tests   bool     // tests may
	why     string
}{
	{
		library: []string{"github.com/docker", "github.com/distribution", "github.com/containerd", "github.com/moby", "github.com/opencontainers"},
		only:    []string{"agent/containerizer/docker", "internal/goldentest"},
		why:     "the Docker client is large; who has no use for it doesn't link it",
	},
	{
		library: []string{"go.etcd.io/bbolt"},
		only:    []string{"master/registry/bolt"},
		why:     "one storage among several",
	},
	{
		library: []string{"github.com/prometheus"},
		only:    []string{"internal/operatorapi", "master/operator", "agent/operator"},
		why:     "metrics are for operators; who serves none doesn't link it",
	},
	{
		library: []string{"github.com/spf13"},
		only:    []string{"examples"},
		why:     "flags belong to programs, not to a library",
	},
	{
		library: []string{"golang.org/x/sys"},
		only:    []string{"agent/containerizer"},
		why:     "system calls are for those who run processes",
	},
	{
		library: []string{"github.com/golang/protobuf", "github.com/gogo/protobuf", "google.golang.org/genproto"},
		why:     "the module's messages are those of google.golang.org/protobuf",
	},
	{
		library: []string{"log"},
		only:    []string{"agent/containerizer/keeper"},
		tests:   true,
		why:     "logs go to the zap logger of the Config; the keeper, a process of its own that links no zap, writes to standard error",
	},
}

func TestAHeavyLibraryHasOneImporter(t *testing.T) {
	found := make([]bool, len(heavy))
	for _, s := range readSources(t) {
		for i, rule := range heavy {
			for _, imported := range s.imports {
				if below(imported, rule.library...) {
					found[i] = true
					if !below(s.dir(), rule.only...) && !(s.test && rule.tests) {
						t.Errorf("%s imports %s; only %v may: %s", s.path, imported, rule.only, rule.why)
					}
				}
			}
		}
	}
	for i, rule := range heavy {
		require.Equal(t, len(rule.only) > 0, found[i], "is %v still used?", rule.library)
	}
}

// importers says who may import certain packages of the module, but for those packages themselves.
var importers = []struct {
	packages []string
	only     []string // folders
	why      string
}{
	{[]string{"agent/containerizer/docker"}, []string{"examples", "internal/goldentest"}, "a program chooses Docker; nothing brings it along"},
	{[]string{"master/registry/bolt"}, []string{".", "examples", "internal/goldentest", "master"}, "a program chooses where the registry is"},
	{[]string{"examples"}, []string{"examples"}, "examples are not a library"},
	{[]string{"scheduler/schedulertest"}, []string{"scheduler", "examples"}, "it brings the whole cluster along, for tests"},
	{[]string{"internal/structuretest"}, nil, "it is only tests"},
	{[]string{"."}, []string{"examples", "internal/goldentest"}, "it assembles all roles; what it is made of doesn't know it"},
}

func TestWhoMayImportWhat(t *testing.T) {
	for _, s := range readSources(t) {
		for _, rule := range importers {
			if below(s.dir(), rule.packages...) || rule.packages[0] == "." && s.dir() == "." {
				continue
			}
			for _, imported := range s.imports {
				hit := below(imported, rule.packages...) && (rule.packages[0] != "." || imported == ".")
				if hit && !below(s.dir(), rule.only...) {
					t.Errorf("%s imports %s; only %v may: %s", s.path, imported, rule.only, rule.why)
				}
			}
		}
		if !s.test && slices.Contains(s.imports, "scheduler/schedulertest") {
			t.Errorf("%s imports schedulertest; only tests may", s.path)
		}
	}
}

var roles = []string{"scheduler", "executor", "master", "agent"}

// role is the role that a package belongs to; empty for one that belongs to none.
func role(p string) string {
	for _, r := range roles {
		if below(p, r) {
			return r
		}
	}
	return ""
}

// joins are the packages of a role that may know others, "test" where only their tests may.
var joins = []struct{ from, to, why string }{
	{"agent/inproc", "master", "joins an agent to a master in the same process"},
	{"master/inproc", "agent", "joins agents to a master in the same process"},
	{"master/inproc", "scheduler", "joins schedulers to a master in the same process"},
	{"agent/inproc", "executor", "joins executors to an agent in the same process"},
	{"scheduler/schedulertest", "master", "a whole cluster in a simulation"},
	{"scheduler/schedulertest", "agent", "a whole cluster in a simulation"},
	{"scheduler/schedulertest", "executor", "a whole cluster in a simulation"},
	{"agent/libprocess test", "master", "both ends of one wire"},
	{"master/libprocess test", "agent", "both ends of one wire"},
	{"agent/httpv1 test", "executor", "both ends of one wire"},
	{"master/httpv1 test", "scheduler", "both ends of one wire"},
	{"scheduler/framework test", "agent", "configures agents and scripts containers of a simulation"},
	{"scheduler/framework test", "executor", "scripts what executors of a simulation do"},
	{"agent", "executor/checks", "health checks are the same whoever supervises the task; the package knows no role"},
}

func TestRolesMeetInMessagesOnly(t *testing.T) {
	joined := make(map[string]bool)
	for _, s := range readSources(t) {
		from := role(s.dir())
		for _, imported := range s.imports {
			to := role(imported)
			if to == "" {
				continue
			}
			if below(s.dir(), "internal") && !below(s.dir(), "internal/goldentest") {
				t.Errorf("%s imports %s; internal is mechanism that knows no role", s.path, imported)
			}
			if from == "" || from == to {
				continue
			}
			allowed := false
			for _, j := range joins {
				folder, only, _ := strings.Cut(j.from, " ")
				if below(s.dir(), folder) && below(imported, j.to) && (s.test || only == "") {
					allowed = true
					joined[j.from+" to "+j.to] = true
				}
			}
			if !allowed {
				t.Errorf("%s, of the %s, imports %s; roles meet in messages; joins lists who may join them", s.path, from, imported)
			}
		}
	}
	require.True(t, joined["scheduler/schedulertest to master"] && joined["agent to executor/checks"], "the joins that are in use: %v", joined)
}

// layers say what a package may know of the module, so that imports point one way:
// mesosproto ← resources ← pure packages ← role roots ← what is built on them.
var layers = []struct {
	folders []string
	knows   []string
	why     string
}{
	{[]string{"mesosproto"}, []string{"mesosproto"}, "messages are the ground that all stand on"},
	{[]string{"resources"}, []string{"mesosproto", "resources"}, "the algebra has no I/O and no role"},
	{[]string{"internal/loop", "internal/guard"}, nil, "what all cores run on depends on nothing"},
	{[]string{"internal/transitions"}, []string{"mesosproto"}, "tables"},
	{[]string{"master/offer", "master/validation"}, []string{"mesosproto", "resources"}, "pure parts of the master"},
	{[]string{"master/allocator"}, []string{"mesosproto", "resources", "internal/loop", "internal/apierror"}, "the allocator is a pure part of the master"},
	{[]string{"master/election"}, []string{"mesosproto"}, "whoever elects doesn't know what is led"},
	{[]string{"master/registry"}, []string{"mesosproto", "master/registry", "internal/loop", "internal/guard", "internal/apierror"}, "storages know the contract, not the master"},
	{[]string{"agent/statusupdate", "agent/checkpoint"}, []string{"mesosproto", "agent/statusupdate", "agent/checkpoint", "internal/loop", "internal/backoff", "internal/transitions"}, "pure parts of the agent"},
	{[]string{"agent/fetcher"}, []string{"mesosproto"}, "downloads know no agent"},
	{[]string{"agent/containerizer"}, []string{"mesosproto", "resources", "agent/containerizer", "internal/loop"}, "containerizers know the contract, not the agent"},
	{[]string{"agent/containerizer/keeper"}, []string{"agent/containerizer/internal/proctree", "agent/containerizer/keeper"}, "the keeper outlives the agent: it is small"},
	{[]string{"executor/checks"}, []string{"mesosproto", "internal/loop"}, "whoever supervises tasks may import them"},
}

func TestImportsPointOneWay(t *testing.T) {
	for _, s := range readSources(t) {
		if s.test {
			continue
		}
		for _, rule := range layers {
			if !below(s.dir(), rule.folders...) {
				continue
			}
			for _, imported := range s.imports {
				if ours(imported) && !below(imported, rule.knows...) {
					t.Errorf("%s imports %s; %v may know only %v: %s", s.path, imported, rule.folders, rule.knows, rule.why)
				}
			}
		}
	}
}

func TestRolesDoNotBringWhatIsBuiltOnThem(t *testing.T) {
	builtOn := []string{"httpv1", "libprocess", "inproc", "operator", "webui", "framework", "schedulertest", "executortest"}
	for _, s := range readSources(t) {
		if s.test || !slices.Contains(roles, s.dir()) {
			continue
		}
		for _, imported := range s.imports {
			_, leaf, _ := strings.Cut(imported, "/")
			if role(imported) != "" && slices.Contains(builtOn, leaf) {
				t.Errorf("%s imports %s; a role's root doesn't know what is built on it", s.path, imported)
			}
		}
	}
}

// Examples are what a user's program could be.
func TestExamplesUsePublicPackagesOnly(t *testing.T) {
	examples := 0
	for _, s := range readSources(t) {
		if !below(s.dir(), "examples") {
			continue
		}
		examples++
		for _, imported := range s.imports {
			if slices.Contains(strings.Split(imported, "/"), "internal") && !below(imported, "examples/internal") {
				t.Errorf("%s imports %s; what an example can't do with public packages, the library lacks", s.path, imported)
			}
		}
	}
	require.Greater(t, examples, 5)
}

// Test libraries are for tests, and for packages whose names say that they are for tests.
func TestTestLibrariesStayInTests(t *testing.T) {
	for _, s := range readSources(t) {
		if s.test || strings.HasSuffix(s.dir(), "test") {
			continue
		}
		for _, imported := range s.imports {
			if below(imported, "testing", "github.com/stretchr", "pgregory.net", "net/http/httptest", "go.uber.org/zap/zaptest") {
				t.Errorf("%s imports %s; programs would link it", s.path, imported)
			}
		}
	}
}

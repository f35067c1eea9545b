package framework

import (
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
)

var need = resources.MustParse("cpus:1;mem:32")

func TestSpecsThatMakeNoSense(t *testing.T) {
	task := scheduler.CommandTask("", "true", need)
	both := scheduler.CommandTask("", "true", need)
	both.Executor = scheduler.CustomExecutor("x", "true", need)
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Service{Task: task}, "Service.Name"},
		{Service{Name: "a.b", Task: task}, "Service.Name"},
		{Batch{Name: "a/b", Task: task}, "Batch.Name"},
		{Service{Name: "a"}, "Task is not set"},
		{Service{Name: "a", Task: both}, "must have one"},
		{Service{Name: "a", Task: &mesosproto.TaskInfo{}}, "must have one"},
		{Service{Name: "a", Task: scheduler.CommandTask("", "true", resources.Resources{})}, "no resources"},
		{Service{Name: "a", Task: task, Instances: -1}, "-1 instances"},
		{Batch{Name: "a", Task: task, Count: -1}, "-1 instances"},
		{Batch{Name: "a", Task: task, Count: 10_000_000}, "10000000 instances"},
		{Service{Name: "a", Task: task, Surge: -1}, "Surge is -1"},
		{Service{Name: "a", Task: task, Ports: []Port{{Protocol: "sctp"}}}, "sctp"},
		{Service{Name: "a", Task: task, Ports: []Port{{Container: 70000}}}, "70000"},
		{Service{Name: "a", Task: task, Constraints: []Constraint{{Field: "x", Op: "NEAR"}}}, "NEAR"},
	} {
		_, err := c.spec.compile()
		require.Equal(t, codes.InvalidArgument, status.Code(err), "%+v", c.spec)
		require.ErrorContains(t, err, c.want)
	}
}

func TestConfigsThatMakeNoSense(t *testing.T) {
	_, err := New(Config{})
	require.ErrorContains(t, err, "Config.Store")
	_, err = New(Config{Store: &Memory{}, KillRetry: -time.Second})
	require.ErrorContains(t, err, "Config.KillRetry is -1s")
	_, err = New(Config{Store: &Memory{}, Specs: []Spec{nil}})
	require.ErrorContains(t, err, "nil")
	f, err := New(Config{Store: &Memory{}})
	require.NoError(t, err)
	require.ErrorContains(t, f.Run(t.Context()), "Config.Framework.Name")
	f.Kill("x") // nothing runs: nothing happens
	f.Remove("x")
	f.Teardown()
	require.Nil(t, f.Explain("x"))
}

// Only what a running task would notice makes another generation.
func TestGenerations(t *testing.T) {
	generation := func(s Spec) string {
		c, err := s.compile()
		require.NoError(t, err)
		return c.generation
	}
	base := Service{Name: "a", Task: scheduler.CommandTask("", "true", need), Instances: 1}
	same := base
	same.Instances, same.Surge, same.Unavailable, same.ReplaceAfter = 5, 2, 1, time.Hour
	require.Equal(t, generation(base), generation(same))
	seen := map[string]bool{generation(base): true}
	for _, change := range []func(*Service){
		func(s *Service) { s.Task = scheduler.CommandTask("", "false", need) },
		func(s *Service) { s.Task = scheduler.CommandTask("", "true", resources.MustParse("cpus:2;mem:32")) },
		func(s *Service) { s.Ports = []Port{{}} },
		func(s *Service) { s.Ports = []Port{{Container: 80}} },
		func(s *Service) { s.Constraints = []Constraint{MustConstraint("hostname:UNIQUE")} },
	} {
		s := base
		change(&s)
		require.False(t, seen[generation(s)], "%+v", s)
		seen[generation(s)] = true
	}
	require.False(t, seen[generation(Batch{Name: "a", Task: base.Task})])
}

// The generations of running services must not change with a new release of this module or of the
// protobuf library: that would replace every instance.
func TestGenerationsStayOverReleases(t *testing.T) {
	s, err := Service{Name: "a", Task: scheduler.DockerTask("", "nginx", need, scheduler.WithEnv("A", "b")), Ports: []Port{{Container: 80}}}.compile()
	require.NoError(t, err)
	require.Equal(t, "07f36505e6ec8d9b", s.generation)
}

func TestAnInstance(t *testing.T) {
	s, err := Service{
		Name:  "web",
		Task:  scheduler.DockerTask("", "nginx", need, scheduler.WithHealthCheck(scheduler.HTTPCheck(0, "/"))),
		Ports: []Port{{Container: 80}, {}},
	}.compile()
	require.NoError(t, err)
	info := s.instance("web.3.x", 3, []uint32{31000, 31005})
	require.Equal(t, "web.3.x", info.GetTaskId().GetValue())
	require.Equal(t, "web", info.GetName())
	env := map[string]string{}
	for _, v := range info.GetCommand().GetEnvironment().GetVariables() {
		env[v.GetName()] = v.GetValue()
	}
	require.Equal(t, map[string]string{"INSTANCE": "3", "PORT0": "31000", "PORT1": "31005"}, env)
	mappings := info.GetContainer().GetDocker().GetPortMappings()
	require.Len(t, mappings, 1)
	require.Equal(t, []uint32{31000, 80}, []uint32{mappings[0].GetHostPort(), mappings[0].GetContainerPort()})
	require.Equal(t, uint32(80), info.GetHealthCheck().GetHttp().GetPort())
	got, err := resources.FromProto(info.GetResources())
	require.NoError(t, err)
	require.Equal(t, "cpus:1; mem:32; ports:[31000-31000, 31005-31005]", got.String())
	require.Empty(t, s.task.GetCommand().GetEnvironment().GetVariables(), "the template stays")
	info.AgentId = agentID("x")
	require.NoError(t, proto.CheckInitialized(info))
}

func FuzzDecode(f *testing.F) {
	f.Add("task/a", string(encode(Task{ID: "a", Spec: "b"})))
	f.Add("instance/a/3", string(encode(outcome{Failures: 1})))
	f.Add("framework", "x")
	f.Add("instance/a/-1", "{}")
	f.Add("instance/a/99999999", "{}")
	f.Add("task/a", `{"id":"a","index":-1}`)
	f.Fuzz(func(t *testing.T, key, value string) {
		r, err := decode(map[string][]byte{key: []byte(value)})
		if err != nil {
			return
		}
		for _, byIndex := range r.outcomes {
			for index := range byIndex {
				require.True(t, index >= 0 && index < maxInstances)
			}
		}
		for _, x := range r.tasks {
			require.True(t, x.Index >= 0 && x.Index < maxInstances)
			again, err := decode(map[string][]byte{taskKey(x.ID): encode(x)})
			require.NoError(t, err)
			require.Len(t, again.tasks, 1)
		}
	})
}

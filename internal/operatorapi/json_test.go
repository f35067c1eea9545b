package operatorapi

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

func written(write func(*JSON)) string {
	var j JSON
	write(&j)
	return string(j.Bytes())
}

func TestDoublesAreTellableFromIntegers(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.0", 1: "1.0", -2: "-2.0", 0.1: "0.1", 1795245286.202597: "1795245286.202597",
		1e15: "1000000000000000.0", 1e20: "100000000000000000000.0", 1e21: "1e21", 1e-7: "1e-7",
		math.Inf(1): `"Infinity"`, math.Inf(-1): `"-Infinity"`,
	} {
		require.Equal(t, want, written(func(j *JSON) { j.Double(v) }))
	}
	require.Equal(t, "null", written(func(j *JSON) { j.Double(math.NaN()) }))
}

func TestTimesAreSeconds(t *testing.T) {
	require.Equal(t, `"t":0.0`, written(func(j *JSON) { j.TimeField("t", time.Time{}) }))
	require.Equal(t, `"t":12.5`, written(func(j *JSON) { j.TimeField("t", time.Unix(12, 5e8)) }))
}

// FuzzText: whatever a peer puts into a name, the answer is JSON and says the same.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "plain", "quo\"te \\ back", "line\nfeed\r\t", "\x00\x1f\x7f", "ü→\U0001F600", "\xff\xc3(\xe2\x82", "\uFFFD"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := written(func(j *JSON) { j.Text(s) })
		var back string
		require.NoError(t, json.Unmarshal([]byte(text), &back), "%q", text)
		var want strings.Builder
		for _, r := range s { // each byte that is not UTF-8 is one U+FFFD
			want.WriteRune(r)
		}
		require.Equal(t, want.String(), back)
	})
}

func TestResources(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"", `"r":{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":0.0}`},
		{"cpus:0.5;mem:64;ports:[31000-31001]", `"r":{"disk":0.0,"mem":64.0,"gpus":0.0,"cpus":0.5,"ports":"[31000-31001]"}`},
		{"cpus:1;cpus(a):2;ports:[1-2];ports(a):[3-4, 9-9];x:3", `"r":{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":3.0,"ports":"[1-4, 9-9]","x":3.0}`},
		{"licences:{b, a};licences(x):{c, a}", `"r":{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":0.0,"licences":"{a, b, c}"}`},
		{
			`[{"name":"cpus","type":"SCALAR","scalar":{"value":4},"revocable":{}},{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]`,
			`"r":{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":1.0,"cpus_revocable":4.0}`,
		},
	} {
		r, err := resources.Parse(row.text)
		require.NoError(t, err, row.text)
		require.Equal(t, row.want, written(func(j *JSON) { j.ResourcesField("r", r) }), row.text)
		require.Equal(t, row.want, written(func(j *JSON) { j.ResourceMessagesField("r", r.Proto()) }), row.text)
	}
}

func TestReservations(t *testing.T) {
	r := resources.MustParse("cpus:1;cpus(a):2;mem(b):3")
	require.Equal(t, `"r":{"a":{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":2.0},"b":{"disk":0.0,"mem":3.0,"gpus":0.0,"cpus":0.0}}`,
		written(func(j *JSON) { j.ReservationsField("r", r) }))
	require.Equal(t, `"r":{"b":[{"name":"mem","type":"SCALAR","scalar":{"value":3.0},"role":"b","reservations":[{"type":"STATIC","role":"b"}]}]}`,
		written(func(j *JSON) { j.FullReservationsField("r", resources.MustParse("mem(b):3")) }))
}

func TestAttributes(t *testing.T) {
	list, err := resources.ParseAttributes("rack:r1;gen:2;ports:[1-10];rack:r2")
	require.NoError(t, err)
	require.Equal(t, `"a":{"gen":2.0,"ports":"[1-10]","rack":"r2"}`, written(func(j *JSON) { j.AttributesField("a", list) }))
}

// A task with everything: the statuses lack message, reason and source; labels are arrays but within
// messages that are shown as they are.
func TestTask(t *testing.T) {
	labels := &mesosproto.Labels{Labels: []*mesosproto.Label{{Key: proto.String("k"), Value: proto.String("v")}, {Key: proto.String("bare")}}}
	list := resources.MustParse("cpus:1").Proto()
	list[0].AllocationInfo = &mesosproto.Resource_AllocationInfo{Role: proto.String("dev")}
	task := &mesosproto.Task{
		Name: proto.String("n"), TaskId: &mesosproto.TaskID{Value: proto.String("i")},
		FrameworkId: &mesosproto.FrameworkID{Value: proto.String("f")}, AgentId: &mesosproto.AgentID{Value: proto.String("s")},
		ExecutorId: &mesosproto.ExecutorID{Value: proto.String("e")},
		Resources:  list, Labels: labels, User: proto.String("u"),
		Discovery:   &mesosproto.DiscoveryInfo{Visibility: mesosproto.DiscoveryInfo_CLUSTER.Enum(), Labels: labels},
		Container:   &mesosproto.ContainerInfo{Type: mesosproto.ContainerInfo_DOCKER.Enum()},
		HealthCheck: &mesosproto.HealthCheck{Type: mesosproto.HealthCheck_TCP.Enum(), Tcp: &mesosproto.HealthCheck_TCPCheckInfo{Port: proto.Uint32(80)}},
		Limits:      map[string]*mesosproto.Value_Scalar{"mem": {Value: proto.Float64(math.Inf(1))}, "cpus": {Value: proto.Float64(2)}},
	}
	statuses := []*mesosproto.TaskStatus{{
		State: mesosproto.TaskState_TASK_RUNNING.Enum(), Timestamp: proto.Float64(1.5), Healthy: proto.Bool(false),
		Message: proto.String("m"), Reason: mesosproto.TaskStatus_REASON_AGENT_REMOVED.Enum(), Labels: labels,
		ContainerStatus: &mesosproto.ContainerStatus{
			ContainerId: &mesosproto.ContainerID{Value: proto.String("c"), Parent: &mesosproto.ContainerID{Value: proto.String("p")}},
			NetworkInfos: []*mesosproto.NetworkInfo{{
				Name: proto.String("net"), Groups: []string{"g"}, Labels: labels,
				IpAddresses:  []*mesosproto.NetworkInfo_IPAddress{{Protocol: mesosproto.NetworkInfo_IPv4.Enum(), IpAddress: proto.String("10.0.0.1")}},
				PortMappings: []*mesosproto.NetworkInfo_PortMapping{{HostPort: proto.Uint32(1), ContainerPort: proto.Uint32(2)}},
			}},
			ExecutorPid: proto.Uint32(7),
		},
	}}
	const l = `[{"key":"k","value":"v"},{"key":"bare"}]`
	require.JSONEq(t, `{"id":"i","name":"n","framework_id":"f","executor_id":"e","slave_id":"s","state":"TASK_RUNNING",
		"resources":{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":1.0},"limits":{"cpus":2.0,"mem":"Infinity"},"role":"dev",
		"statuses":[{"state":"TASK_RUNNING","timestamp":1.5,"labels":`+l+`,"healthy":false,"container_status":{
			"container_id":{"value":"c","parent":{"value":"p"}},
			"network_infos":[{"groups":["g"],"labels":`+l+`,"ip_addresses":[{"protocol":"IPv4","ip_address":"10.0.0.1"}],
				"name":"net","port_mappings":[{"host_port":1,"container_port":2}]}]}}],
		"user":"u","labels":`+l+`,"discovery":{"visibility":"CLUSTER","labels":{"labels":`+l+`}},"container":{"type":"DOCKER"},
		"health_check":{"delay_seconds":15.0,"interval_seconds":10.0,"timeout_seconds":20.0,"consecutive_failures":3,
			"grace_period_seconds":10.0,"type":"TCP","tcp":{"protocol":"IPv4","port":80}}}`,
		written(func(j *JSON) { j.Task(task, mesosproto.TaskState_TASK_RUNNING, statuses) }))
}

func TestCommand(t *testing.T) {
	require.Equal(t, `"command":{"argv":[],"uris":[]}`, written(func(j *JSON) { j.CommandField(nil) }))
	require.JSONEq(t, `{"command":{"shell":false,"value":"x","argv":["a"],"environment":{"variables":[{"name":"N","type":"VALUE","value":"V"}]},
		"uris":[{"value":"u","executable":true},{"value":"w","executable":false}]}}`,
		"{"+written(func(j *JSON) {
			j.CommandField(&mesosproto.CommandInfo{
				Shell: proto.Bool(false), Value: proto.String("x"), Arguments: []string{"a"},
				Environment: &mesosproto.Environment{Variables: []*mesosproto.Environment_Variable{{Name: proto.String("N"), Value: proto.String("V")}}},
				Uris:        []*mesosproto.CommandInfo_URI{{Value: proto.String("u"), Executable: proto.Bool(true)}, {Value: proto.String("w")}},
			})
		})+"}")
}

func TestRoles(t *testing.T) {
	old := &mesosproto.FrameworkInfo{}
	require.Equal(t, `"role":"*"`, written(func(j *JSON) { j.RolesField(old) }))
	several := &mesosproto.FrameworkInfo{Roles: []string{"a", "b"}, Capabilities: []*mesosproto.FrameworkInfo_Capability{
		{Type: mesosproto.FrameworkInfo_Capability_MULTI_ROLE.Enum()},
	}}
	require.Equal(t, `"roles":["a","b"]`, written(func(j *JSON) { j.RolesField(several) }))
}

func TestVersionAndFlags(t *testing.T) {
	var version map[string]any
	require.NoError(t, json.Unmarshal(Version("1.12.0").Append(nil), &version))
	require.Equal(t, "1.12.0", version["version"])
	for _, key := range []string{"build_date", "build_time", "build_user"} {
		require.Contains(t, version, key)
	}
	built := Build{Time: time.Date(2026, 11, 21, 7, 7, 47, 0, time.UTC), Commit: "c1b4"}
	require.Equal(t, `"build_date":"2026-11-21 07:07:47 UTC","build_time":1795244867.0,"build_user":"","git_sha":"c1b4"`,
		written(func(j *JSON) { built.DateField(j); built.CommitField(j) }))
	require.Equal(t, `{"flags":{"a":"1","b":"x"}}`, string(Flags(map[string]string{"b": "x", "a": "1"}).Append(nil)))
}

package operator

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/master/election"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
)

// elsewhere is an election that another master has won, or nobody.
type elsewhere struct{ leader *mesosproto.MasterInfo }

func (e elsewhere) Contend(_ *mesosproto.MasterInfo, leader func(*mesosproto.MasterInfo)) func() {
	leader(e.leader)
	return func() {}
}

var _ election.Election = elsewhere{}

func following(t *testing.T, leader *mesosproto.MasterInfo) *rig {
	return start(t, func(c *master.Config) { c.Election = elsewhere{leader} })
}

var another = &mesosproto.MasterInfo{
	Id: proto.String("another"), Ip: proto.Uint32(0x0200007f), Port: proto.Uint32(5055), Hostname: proto.String("leader.example"),
	Pid: proto.String("master@127.0.0.2:5055"),
}

func withPrefixes(paths ...string) (list []string) {
	for _, p := range paths {
		list = append(list, p, "/master"+p)
	}
	return list
}

func TestWhatOnlyTheLeaderAnswers(t *testing.T) {
	paths := withPrefixes("/state", "/state-summary", "/slaves", "/frameworks", "/tasks", "/roles", "/state.json", "/slaves.json")
	follower, alone := following(t, another), following(t, nil)
	for _, path := range paths {
		a := follower.do("GET", path+"?jsonp=x")
		require.Equal(t, http.StatusTemporaryRedirect, a.StatusCode, path)
		require.Equal(t, "//leader.example:5055"+path+"?jsonp=x", a.Header.Get("Location"))
		a = alone.do("GET", path)
		require.Equal(t, http.StatusServiceUnavailable, a.StatusCode, path)
		text, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		require.Equal(t, "No leader elected", string(text))
	}
}

func TestWhatEveryMasterAnswers(t *testing.T) {
	for _, r := range []*rig{start(t), following(t, another), following(t, nil)} {
		for _, path := range withPrefixes("/health", "/version", "/flags", "/metrics/snapshot", "/metrics", "/system/stats.json") {
			for _, method := range []string{"GET", "HEAD", "POST"} {
				require.Equal(t, http.StatusOK, r.do(method, path).StatusCode, "%s %s", method, path)
			}
		}
		text, err := io.ReadAll(r.do("GET", "/health").Body)
		require.NoError(t, err)
		require.Empty(t, text)
	}
	var got map[string]float64
	following(t, nil).decode("/metrics/snapshot", &got)
	require.Zero(t, got["master/elected"])
	require.Zero(t, got["master/slaves_active"])
}

// A master that was not started, or was stopped, has no leader and no id, and still answers.
func TestBeforeStartAndAfterStop(t *testing.T) {
	h := New(Config{Snapshot: func() *master.Snapshot { return &master.Snapshot{Metrics: &master.Counters{}} }})
	mux := http.NewServeMux()
	h.Mount(mux)
	for path, code := range map[string]int{"/health": 200, "/version": 200, "/metrics/snapshot": 200, "/metrics": 200, "/state": 503, "/redirect": 503} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		require.Equal(t, code, w.Code, path)
	}
	r := start(t)
	r.master.Stop()
	r.settle()
	require.Equal(t, http.StatusServiceUnavailable, r.do("GET", "/state").StatusCode)
}

func TestRedirect(t *testing.T) {
	leader, follower := start(t), following(t, another)
	for _, path := range []string{"/redirect", "/master/redirect", "/redirect/"} {
		require.Equal(t, "//master.example:5050", leader.do("GET", path).Header.Get("Location"), path)
		a := follower.do("GET", path)
		require.Equal(t, http.StatusTemporaryRedirect, a.StatusCode)
		require.Equal(t, "//leader.example:5055", a.Header.Get("Location"), path)
	}
	for _, path := range []string{"/redirect/x", "/master/redirect/state"} {
		a := follower.do("GET", path)
		require.Equal(t, http.StatusNotFound, a.StatusCode, path)
		require.Empty(t, a.Header.Get("Location"))
	}
	require.Equal(t, http.StatusServiceUnavailable, following(t, nil).do("GET", "/redirect").StatusCode)
}

func TestUnknownPaths(t *testing.T) {
	r := start(t)
	for _, path := range []string{"/", "/nosuch", "/stats.json", "/master/nosuch", "/slave(1)/state", "/state/../x"} {
		a := r.do("GET", path)
		require.Equal(t, http.StatusNotFound, a.StatusCode, path)
		text, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		require.Equal(t, "404 Not Found.", string(text))
	}
	require.Equal(t, http.StatusOK, r.do("POST", "/slaves/"+masterID+"-S0").StatusCode)
	require.Equal(t, http.StatusOK, r.do("POST", "/tasks/?limit=1").StatusCode)
	require.Equal(t, http.StatusBadRequest, r.do("GET", "/metrics/snapshot?timeout=soon").StatusCode)
}

// mesos-go asks any master for /state and wants the leader there.
func TestStateNamesTheLeader(t *testing.T) {
	var state struct {
		Leader     string `json:"leader"`
		PID        string `json:"pid"`
		LeaderInfo struct {
			Hostname string
			Port     int
		} `json:"leader_info"`
	}
	start(t).decode("/state", &state)
	require.Equal(t, "master@127.0.0.1:5050", state.Leader)
	require.Equal(t, state.Leader, state.PID)
	require.Equal(t, "master.example", state.LeaderInfo.Hostname)
	require.Equal(t, 5050, state.LeaderInfo.Port)
}

func TestTasksAreSortedAndCut(t *testing.T) {
	r := start(t)
	h := r.agent(1, "cpus:8;mem:4096", "")
	f := r.framework(mesosExecute())
	f.launch(h, "cpus:1;mem:32", "a", "b", "c", "silent")
	for i, id := range []string{"c", "a", "b"} {
		at := float64(100 + i)
		h.message(update(h, f, id, at, uuid(i)))
	}
	ids := func(query string) string {
		var answer struct{ Tasks []struct{ ID string } }
		r.decode("/tasks"+query, &answer)
		var list []string
		for _, t := range answer.Tasks {
			list = append(list, t.ID)
		}
		return strings.Join(list, " ")
	}
	for query, want := range map[string]string{
		"":                            "b a c silent",
		"?order=desc":                 "b a c silent",
		"?order=ASC":                  "b a c silent",
		"?order=asc":                  "silent c a b",
		"?order=asc&limit=2":          "silent c",
		"?order=asc&limit=2&offset=1": "c a",
		"?limit=2&offset=3":           "silent",
		"?offset=9":                   "",
		"?limit=0":                    "",
		"?limit=-1":                   "b a c silent",
		"?limit=x&offset=y":           "b a c silent",
		"?offset=-5&limit=1":          "b",
		"?task_id=a":                  "a",
		"?task_id=nosuch":             "",
		"?framework_id=nosuch":        "",
		"?framework_id=" + f.id.GetValue() + "&limit=1&order=asc": "silent",
	} {
		require.Equal(t, want, ids(query), query)
	}
	require.Equal(t, "b a c silent", ids("/?jsonp="))
}

func TestOffersExecutorsAndReservations(t *testing.T) {
	r := start(t)
	h := r.agent(1, "cpus:4;mem:1024;cpus(dev):2", "")
	info := mesosExecute()
	info.Roles = []string{"dev/sub"}
	info.Principal = proto.String("p")
	info.Capabilities = append(info.Capabilities, &mesosproto.FrameworkInfo_Capability{Type: mesosproto.FrameworkInfo_Capability_MULTI_ROLE.Enum()})
	info.Labels = &mesosproto.Labels{Labels: []*mesosproto.Label{{Key: proto.String("k"), Value: proto.String("v")}}}
	f := r.framework(info)
	require.Len(t, f.offers, 1)

	_, state := members(t, r.get("/state"))
	framework := elements(t, state["frameworks"])[0]
	_, fields := members(t, framework)
	require.Equal(t, `[{"id":"`+masterID+`-O0","framework_id":"`+masterID+`-0000","allocation_info":{"role":"dev/sub"},"slave_id":"`+masterID+`-S0",`+
		`"resources":{"disk":0.0,"mem":1024.0,"gpus":0.0,"cpus":6.0}}]`, fields["offers"])
	require.Equal(t, `["dev/sub"]`, fields["roles"])
	require.Equal(t, `[{"key":"k","value":"v"}]`, fields["labels"])
	require.Equal(t, `"p"`, fields["principal"])
	require.NotContains(t, fields, "role")

	_, slave := members(t, elements(t, state["slaves"])[0])
	require.Equal(t, `{"dev":{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":2.0}}`, slave["reserved_resources"])
	require.Equal(t, `{"disk":0.0,"mem":1024.0,"gpus":0.0,"cpus":4.0}`, slave["unreserved_resources"])
	_, slaves := members(t, r.get("/slaves"))
	_, slave = members(t, elements(t, slaves["slaves"])[0])
	require.Equal(t, `{"dev":[{"name":"cpus","type":"SCALAR","scalar":{"value":2.0},"role":"dev","reservations":[{"type":"STATIC","role":"dev"}]}]}`,
		slave["reserved_resources_full"])

	_, roles := members(t, r.get("/roles"))
	require.Equal(t, []string{
		`{"name":"dev","weight":1.0,"quota":{"role":"dev","guarantee":{},"limit":{},"consumed":{"cpus":2.0}},` +
			`"resources":{"cpus":6.0,"mem":1024.0,"disk":0.0,"gpus":0.0},"allocated":{},"offered":{"cpus":6.0,"mem":1024.0},"reserved":{"cpus":2.0},"frameworks":[]}`,
		`{"name":"dev/sub","weight":1.0,"quota":{"role":"dev/sub","guarantee":{},"limit":{},"consumed":{}},` +
			`"resources":{"cpus":6.0,"mem":1024.0,"disk":0.0,"gpus":0.0},"allocated":{},"offered":{"cpus":6.0,"mem":1024.0},"reserved":{},"frameworks":["` + masterID + `-0000"]}`,
	}, elements(t, roles["roles"]))

	executor := &mesosproto.ExecutorInfo{
		Type: mesosproto.ExecutorInfo_CUSTOM.Enum(), ExecutorId: &mesosproto.ExecutorID{Value: proto.String("e")}, FrameworkId: f.id,
		Name: proto.String("n"), Command: &mesosproto.CommandInfo{Value: proto.String("run")}, Resources: resources.MustParse("cpus:0.1;mem:32").Proto(),
	}
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum(), Accept: &schedulerpb.Call_Accept{
		OfferIds: []*mesosproto.OfferID{f.offers[0].Id},
		Operations: []*mesosproto.Offer_Operation{{Type: mesosproto.Offer_Operation_LAUNCH.Enum(), Launch: &mesosproto.Offer_Operation_Launch{
			TaskInfos: []*mesosproto.TaskInfo{{
				Name: proto.String("t"), TaskId: &mesosproto.TaskID{Value: proto.String("t")}, AgentId: h.info.Id,
				Resources: resources.MustParse("cpus:1;mem:32").Proto(), Executor: executor,
			}},
		}}},
	}})
	_, state = members(t, r.get("/frameworks"))
	_, fields = members(t, elements(t, state["frameworks"])[0])
	require.Equal(t, `[{"executor_id":"e","name":"n","framework_id":"`+masterID+`-0000","command":{"value":"run","argv":[],"uris":[]},`+
		`"resources":{"disk":0.0,"mem":32.0,"gpus":0.0,"cpus":0.1},"role":"dev/sub","type":"CUSTOM","slave_id":"`+masterID+`-S0"}]`, fields["executors"])
	_, task := members(t, elements(t, fields["tasks"])[0])
	require.Equal(t, `"e"`, task["executor_id"])
	require.Equal(t, `"dev/sub"`, task["role"])
	require.Equal(t, `"TASK_STAGING"`, task["state"])
}

// An agent that is lost goes from slaves to a number; its task moves with it.
func TestUnreachableAgent(t *testing.T) {
	r := captured(t)
	require.Contains(t, r.get("/slaves"), masterID+"-S0")
	r.sim.Advance(20 * 60e9) // pings are not answered
	_, state := members(t, r.get("/state"))
	require.Equal(t, "1.0", state["unreachable_slaves"])
	require.Equal(t, "0.0", state["activated_slaves"])
	require.Equal(t, "[]", state["slaves"])
	_, framework := members(t, elements(t, state["frameworks"])[0])
	require.Equal(t, "[]", framework["tasks"])
	require.Contains(t, framework["unreachable_tasks"], `"state":"TASK_UNREACHABLE"`)
	var got map[string]float64
	r.decode("/metrics/snapshot", &got)
	require.Equal(t, 1.0, got["master/tasks_unreachable"])
	require.Equal(t, 1.0, got["master/slaves_unreachable"])
	require.Equal(t, 1.0, got["master/slave_removals/reason_unhealthy"])
	require.Equal(t, 1.0, got["master/slave_unreachable_completed"])
	require.Equal(t, 1.0, got["master/slave_shutdowns_completed"])
	var summary struct{ Frameworks []map[string]any }
	r.decode("/state-summary", &summary)
	require.EqualValues(t, 1, summary.Frameworks[0]["TASK_UNREACHABLE"])
}

// Reasons are counted under the names of the v0 API.
func TestReasons(t *testing.T) {
	r := start(t)
	h := r.agent(1, "cpus:8;mem:4096", "")
	old := mesosExecute()
	old.Capabilities = nil
	f := r.framework(old)
	f.launch(h, "cpus:1;mem:32", "a")
	h.update(f, "a", running, uuid(0))
	h.message(update(h, f, "nosuch", 1, uuid(1)))
	r.master.Agents().Exited(h)
	r.settle()
	var got map[string]float64
	r.decode("/metrics/snapshot", &got)
	require.Equal(t, 1.0, got["master/task_lost/source_master/reason_slave_disconnected"])
	require.Equal(t, 1.0, got["master/tasks_lost"])
	require.Equal(t, 1.0, got["master/slaves_disconnected"])
	require.Equal(t, 1.0, got["master/invalid_status_updates"])
}

// An agent that the registry knows is shown until it is back.
func TestRecoveredAgents(t *testing.T) {
	r := start(t)
	r.agent(1, "cpus:8;mem:4096", "rack:r1")
	snapshot := *r.master.Snapshot()
	snapshot.Awaited = master.TableOf(&mesosproto.AgentInfo{
		Id: &mesosproto.AgentID{Value: proto.String("old-S1")}, Hostname: proto.String("old.example"), Port: proto.Int32(5051),
		Attributes: []*mesosproto.Attribute{{Name: proto.String("a"), Type: mesosproto.Value_SCALAR.Enum(), Scalar: &mesosproto.Value_Scalar{Value: proto.Float64(1)}}},
	})
	h := New(Config{Snapshot: func() *master.Snapshot { return &snapshot }})
	mux := http.NewServeMux()
	h.Mount(mux)
	for _, path := range []string{"/state", "/slaves", "/slaves?slave_id=old-S1"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		_, got := members(t, w.Body.String())
		require.Equal(t, `[{"id":"old-S1","hostname":"old.example","port":5051,"attributes":{"a":1.0}}]`, got["recovered_slaves"], path)
	}
}

func TestPrometheus(t *testing.T) {
	r := captured(t)
	a := r.do("GET", "/metrics")
	require.Equal(t, http.StatusOK, a.StatusCode)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(a.Body)
	require.NoError(t, err)
	require.Equal(t, 1.0, families["mesos_master_elected"].Metric[0].Gauge.GetValue())
	for name, f := range families {
		require.NotEmpty(t, f.GetHelp(), name)
	}
	tasks := families["mesos_master_tasks"]
	running := slices.IndexFunc(tasks.Metric, func(m *dto.Metric) bool { return m.Label[0].GetValue() == "running" })
	require.Equal(t, 1.0, tasks.Metric[running].Gauge.GetValue())
	calls := families["mesos_master_framework_calls_by_type_total"]
	require.Equal(t, "mesos-execute instance", labelOf(calls.Metric[0], "name"))
}

func labelOf(m *dto.Metric, name string) string {
	for _, l := range m.Label {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

package operator_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/operator"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

func golden(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	require.NoError(t, err)
	var compact bytes.Buffer
	require.NoError(t, json.Compact(&compact, text))
	return compact.String()
}

const uuid = `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`

var volatile = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`"([a-z]+_time|timestamp)":[0-9.]+`), `"$1":0.0`},
	{regexp.MustCompile(`"directory":"[^"]*(/slaves/[^"]*/runs/)` + uuid + `"`), `"directory":"$1"`},
	{regexp.MustCompile(`("container"|"container_id"|"value"):"` + uuid + `"`), `$1:"C"`},
	// The reference's command executor needs something for itself; this agent watches over tasks
	// without one.
	{regexp.MustCompile(`"mem":96\.0,"gpus":0\.0,"cpus":0\.6`), `"mem":64.0,"gpus":0.0,"cpus":0.5`},
	{regexp.MustCompile(`"mem":32\.0,"gpus":0\.0,"cpus":0\.1\},"role":"\*"`), `"mem":0.0,"gpus":0.0,"cpus":0.0}`},
}

// comparable makes answers alike that differ only in times and random ids.
func comparable(text string) string {
	for _, v := range volatile {
		text = v.what.ReplaceAllString(text, v.with)
	}
	return text
}

func members(t *testing.T, text string) (keys []string, values map[string]string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	_, err := d.Token()
	require.NoError(t, err)
	values = make(map[string]string)
	for d.More() {
		key, err := d.Token()
		require.NoError(t, err)
		var value json.RawMessage
		require.NoError(t, d.Decode(&value))
		keys = append(keys, key.(string))
		values[key.(string)] = string(value)
	}
	return keys, values
}

func first(t *testing.T, text string) string {
	t.Helper()
	var raw []json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(text), &raw))
	require.NotEmpty(t, raw)
	return "[" + string(raw[0]) + "]"
}

// The whole of /state, byte for byte but for what is volatile, what the build says of itself, and the
// frameworks with executors of their own.
func TestStateIsTheReferences(t *testing.T) {
	r := captured(t, func(c *operator.Config) { c.Flags = map[string]string{"port": "5051"} })
	for _, path := range []string{"/state", "/slave(1)/state", "/slave%281%29/state", "/state.json"} {
		wantKeys, want := members(t, comparable(golden(t, "state")))
		gotKeys, got := members(t, comparable(r.get(path)))
		aboutBuild := func(key string) bool { return strings.HasPrefix(key, "git_") }
		require.Equal(t, slices.DeleteFunc(wantKeys, aboutBuild), slices.DeleteFunc(gotKeys, aboutBuild))
		for _, key := range gotKeys {
			switch key {
			case "build_date", "build_time", "git_sha":
			case "flags":
				require.JSONEq(t, `{"port":"5051"}`, got[key])
			case "completed_frameworks":
				require.Equal(t, first(t, want[key]), got[key])
			default:
				require.Equal(t, want[key], got[key], key)
			}
		}
	}
}

// Keys come in another order there, which no client can depend on.
func TestContainersAreTheReferences(t *testing.T) {
	r := captured(t, func(c *operator.Config) { c.Containers = meter{} })
	require.JSONEq(t, comparable(golden(t, "containers")), comparable(r.get("/containers")))
	require.JSONEq(t, comparable(golden(t, "statistics")), comparable(r.get("/monitor/statistics")))
	require.Equal(t, r.get("/monitor/statistics"), r.get("/slave(1)/monitor/statistics.json"))

	const framework = "3125d202-57a8-42a7-98e7-08bd43f3390a-0004"
	var all []struct {
		ContainerID string `json:"container_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.get("/containers")), &all))
	for query, found := range map[string]bool{
		"?framework_id=" + framework:                       true,
		"?framework_id=" + framework + "&executor_id=long": true,
		"?framework_id=" + framework + "&executor_id=x":    false,
		"?container_id=" + all[0].ContainerID:              true,
		"?container_id=x":                                  false,
	} {
		require.Equal(t, found, r.get("/containers"+query) != "[]", query)
	}
	require.Equal(t, http.StatusBadRequest, r.do("GET", "/containers?executor_id=long").StatusCode)
	require.Equal(t, http.StatusBadRequest, r.do("GET", "/containers?container_id=x&framework_id=y").StatusCode)
}

// Who can't be asked is shown without status, and has no statistics.
func TestContainersThatNobodyDescribes(t *testing.T) {
	r := captured(t)
	require.Contains(t, r.get("/containers"), `"executor_id":"long"`)
	require.NotContains(t, r.get("/containers"), `"status"`)
	require.Equal(t, "[]", r.get("/monitor/statistics"))
}

// keysLeftOut belong to parts that this agent does not have.
var keysLeftOut = regexp.MustCompile(`^(gc|resource_provider_manager|containerizer/fetcher|containerizer/mesos/provisioner)/` +
	`|^slave/(executor_directory_max_allowed_age_secs|recovery_time_secs)$`)

func TestMetricsAreTheReferences(t *testing.T) {
	var want, got map[string]float64
	require.NoError(t, json.Unmarshal([]byte(golden(t, "metrics-snapshot")), &want))
	r := captured(t)
	require.NoError(t, json.Unmarshal([]byte(r.get("/metrics/snapshot")), &got))
	maps.DeleteFunc(want, func(key string, _ float64) bool { return keysLeftOut.MatchString(key) })
	require.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)))

	// What only happened here is the command tasks'; what is now is the same.
	for key, value := range map[string]float64{
		"slave/valid_status_updates": 5, "slave/tasks_finished": 1, "slave/executors_terminated": 1,
		"slave/cpus_used": 0.5, "slave/cpus_percent": 0.25, "slave/mem_used": 64, "slave/mem_percent": 64.0 / 4096,
	} {
		want[key] = value
	}
	for key := range want {
		if !strings.HasPrefix(key, "system/") && key != "slave/uptime_secs" {
			require.Equal(t, want[key], got[key], key)
		}
	}
	require.InDelta(t, r.sim.Now().Sub(r.agent.Snapshot().Started).Seconds(), got["slave/uptime_secs"], 1e-6)
	require.Equal(t, http.StatusBadRequest, r.do("GET", "/metrics/snapshot?timeout=soon").StatusCode)

	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(r.do("GET", "/slave(1)/metrics").Body)
	require.NoError(t, err)
	tasks := families["mesos_agent_tasks"]
	running := slices.IndexFunc(tasks.Metric, func(m *dto.Metric) bool { return m.Label[0].GetValue() == "running" })
	require.Equal(t, 1.0, tasks.Metric[running].Gauge.GetValue())
}

// An agent that reads what its last process left does not know yet what it has.
func TestRecovering(t *testing.T) {
	r := start(t)
	for _, path := range []string{"/state", "/slave(1)/state", "/containers", "/monitor/statistics"} {
		a := r.do("GET", path)
		require.Equal(t, http.StatusServiceUnavailable, a.StatusCode, path)
		text, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		require.Equal(t, "Agent has not finished recovery", string(text))
	}
	for _, path := range []string{"/health", "/version", "/flags", "/metrics/snapshot", "/metrics", "/system/stats.json"} {
		for _, prefix := range []string{"", "/slave(1)"} {
			for _, method := range []string{"GET", "HEAD", "POST"} {
				require.Equal(t, http.StatusOK, r.do(method, prefix+path).StatusCode, "%s %s", method, path)
			}
		}
	}
	require.Empty(t, r.text("/health"))
	require.Contains(t, r.text("/version"), `"version":"1.12.0"`)
	require.Contains(t, r.text("/metrics/snapshot"), `"slave/registered":0.0`)
	require.Equal(t, "404 Not Found.", r.text("/nosuch"))
	require.Equal(t, "404 Not Found.", r.text("/slave(2)/state"))
}

func TestUnchangedPoll(t *testing.T) {
	r := captured(t)
	tag := r.do("GET", "/state").Header.Get("ETag")
	require.NotEmpty(t, tag)
	require.Equal(t, http.StatusNotModified, r.do("GET", "/state", "If-None-Match", tag).StatusCode)
	for id := range r.box.ends {
		r.box.end(id)
	}
	r.sim.Advance(time.Second)
	require.Equal(t, http.StatusOK, r.do("GET", "/state", "If-None-Match", tag).StatusCode)
	require.Contains(t, r.get("/state"), "TASK_FINISHED")
	require.True(t, strings.HasPrefix(r.text("/state?jsonp=cb"), `cb({"version"`))
}

// What operations have reserved, or made volumes of, shows where what was reserved at the start does.
func TestWhatOperationsHaveMadeShows(t *testing.T) {
	r := registered(t)
	reserved, err := resources.MustParse("cpus:0.5").PushReservation(resources.Reservation{Type: resources.Dynamic, Role: "dev"})
	require.NoError(t, err)
	r.tell(&messagespb.ApplyOperationMessage{
		OperationUuid:       &mesosproto.UUID{Value: []byte("0123456789abcdef")},
		ResourceVersionUuid: &messagespb.ResourceVersionUUID{Uuid: r.version},
		OperationInfo: &mesosproto.Offer_Operation{
			Type:    mesosproto.Offer_Operation_RESERVE.Enum(),
			Reserve: &mesosproto.Offer_Operation_Reserve{Resources: reserved.Proto()},
		},
	})
	_, state := members(t, r.get("/state"))
	require.JSONEq(t, `{"dev":{"cpus":0.5,"disk":0,"gpus":0,"mem":0}}`, state["reserved_resources"])
	require.Contains(t, state["unreserved_resources"], `"cpus":1.5`)
	require.Contains(t, state["resources"], `"cpus":2.0`)
}

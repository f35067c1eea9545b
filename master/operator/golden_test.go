package operator

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/master"
)

// The answers in testdata are those of a Mesos 1.12 master in the situation that captured plays, but
// with frameworks of the v0 API as well.

func golden(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	require.NoError(t, err)
	var compact bytes.Buffer
	require.NoError(t, json.Compact(&compact, text))
	return compact.String()
}

var volatile = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`"([a-z]+_time|timestamp)":[0-9.]+`), `"$1":0.0`},
	{regexp.MustCompile(masterID + `-00\d\d`), masterID + "-N"},
	{regexp.MustCompile(`"container_id":\{"value":"[^"]*"\}`), `"container_id":{"value":"C"}`},
}

// comparable makes answers alike that differ only in times and numbers of frameworks.
func comparable(text string) string {
	for _, v := range volatile {
		text = v.what.ReplaceAllString(text, v.with)
	}
	return text
}

// members takes an object apart: keys in order, values as text.
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

func elements(t *testing.T, text string) (list []string) {
	t.Helper()
	var raw []json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(text), &raw))
	for _, e := range raw {
		list = append(list, string(e))
	}
	return list
}

// The whole of /state, byte for byte but for what is volatile and what the build says of itself.
func TestStateIsTheReferences(t *testing.T) {
	r := captured(t)
	for _, path := range []string{"/state", "/master/state", "/state.json", "/state/"} {
		wantKeys, want := members(t, comparable(golden(t, "state")))
		gotKeys, got := members(t, comparable(r.get(path)))
		aboutBuild := func(key string) bool { return strings.HasPrefix(key, "git_") }
		require.Equal(t, slices.DeleteFunc(wantKeys, aboutBuild), slices.DeleteFunc(gotKeys, aboutBuild))
		for _, key := range gotKeys {
			switch key {
			case "build_date", "build_time", "git_sha":
			case "flags":
				require.JSONEq(t, `{"port":"5050"}`, got[key])
			case "completed_frameworks":
				require.Equal(t, elements(t, want[key])[:1], elements(t, got[key]))
			default:
				require.Equal(t, want[key], got[key], key)
			}
		}
	}
}

func TestFrameworksAreTheReferences(t *testing.T) {
	r := captured(t)
	wantKeys, want := members(t, comparable(golden(t, "frameworks")))
	gotKeys, got := members(t, comparable(r.get("/frameworks")))
	require.Equal(t, wantKeys, gotKeys)
	require.Equal(t, want["frameworks"], got["frameworks"])
	require.Equal(t, elements(t, want["completed_frameworks"])[:1], elements(t, got["completed_frameworks"]))

	_, one := members(t, r.get("/master/frameworks/?framework_id="+masterID+"-0000"))
	require.Equal(t, "[]", one["frameworks"])
	require.Equal(t, got["completed_frameworks"], comparable(one["completed_frameworks"]))
}

func TestSlavesAreTheReferences(t *testing.T) {
	r := captured(t)
	require.Equal(t, comparable(golden(t, "slaves")), comparable(r.get("/slaves")))
	require.Equal(t, r.get("/slaves"), r.get("/slaves.json"))
	require.Equal(t, r.get("/slaves"), r.get("/slaves?slave_id="+masterID+"-S0"))
	require.Equal(t, `{"slaves":[],"recovered_slaves":[]}`, r.get("/slaves?slave_id=nosuch"))
}

func TestStateSummaryIsTheReferences(t *testing.T) {
	require.Equal(t, comparable(golden(t, "state-summary")), comparable(captured(t).get("/state-summary")))
}

// In the reference the inner objects lack what is zero; collectors want four of them always.
func TestRolesAreTheReferences(t *testing.T) {
	want := strings.Replace(golden(t, "roles"), `"resources":{"cpus":0.5,"mem":64.0,`, `"resources":{"cpus":0.5,"mem":64.0,"disk":0.0,"gpus":0.0,`, 1)
	require.Equal(t, comparable(want), comparable(captured(t).get("/roles")))
}

func TestTasksAreTheReferences(t *testing.T) {
	_, want := members(t, comparable(golden(t, "tasks")))
	_, got := members(t, comparable(captured(t).get("/tasks")))
	theirs, ours := elements(t, want["tasks"]), elements(t, got["tasks"])
	require.Len(t, ours, 2)
	for _, task := range ours {
		require.Contains(t, theirs, task)
	}
}

func TestVersionIsTheReferences(t *testing.T) {
	r := start(t)
	wantKeys, want := members(t, golden(t, "version"))
	gotKeys, got := members(t, r.get("/version"))
	require.Equal(t, want["version"], got["version"])
	for _, key := range gotKeys {
		require.Contains(t, wantKeys, key)
	}
}

// keysLeftOut are keys of the reference that the master does not have: timers, and the offer filters,
// which its snapshot does not tell.
var keysLeftOut = regexp.MustCompile(`^(allocator/mesos/allocation_run(_latency)?_ms|registrar/state_(fetch|store)_ms)(/|$)|` +
	`^allocator/mesos/offer_filters/|^allocator/mesos/quota/roles//`)

func TestMetricKeysAreTheReferences(t *testing.T) {
	var want, got map[string]float64
	require.NoError(t, json.Unmarshal([]byte(golden(t, "metrics-snapshot")), &want))
	r := captured(t)
	r.decode("/metrics/snapshot", &got)
	framework := regexp.MustCompile(`^master/frameworks/[^/]+/[^/]+/`)
	keys := func(m map[string]float64) []string {
		all := make(map[string]bool)
		for key := range m {
			if !keysLeftOut.MatchString(key) {
				all[framework.ReplaceAllString(key, "master/frameworks/NAME/ID/")] = true
			}
		}
		return slices.Sorted(maps.Keys(all))
	}
	// The reference has none for a task that was killed with its framework.
	delete(got, "master/task_killed/source_master/reason_framework_removed")
	require.Equal(t, keys(want), keys(got))
}

func TestMetricValues(t *testing.T) {
	r := captured(t)
	offered := r.framework(mesosExecute())
	require.NotEmpty(t, offered.offers)
	r.sim.Advance(10e9)
	var got map[string]float64
	r.decode("/metrics/snapshot?timeout=10secs", &got)
	const first, second = "master/frameworks/mesos-execute%20instance/" + masterID + "-0000/", "master/frameworks/mesos-execute%20instance/" + masterID + "-0001/"
	for key, want := range map[string]float64{
		"master/elected":                                        1,
		"master/slaves_active":                                  1,
		"master/slaves_connected":                               1,
		"master/slaves_inactive":                                0,
		"master/slaves_disconnected":                            0,
		"master/slave_registrations":                            1,
		"master/frameworks_active":                              2,
		"master/frameworks_connected":                           2,
		"master/frameworks_disconnected":                        0,
		"master/outstanding_offers":                             1,
		"master/tasks_running":                                  1,
		"master/tasks_staging":                                  0,
		"master/tasks_finished":                                 1,
		"master/tasks_killed":                                   0,
		"master/cpus_total":                                     2,
		"master/cpus_used":                                      0.5,
		"master/cpus_percent":                                   0.25,
		"master/mem_total":                                      4096,
		"master/mem_used":                                       64,
		"master/mem_percent":                                    0.015625,
		"master/gpus_percent":                                   0,
		"master/messages_register_slave":                        1,
		"master/messages_register_framework":                    3,
		"master/messages_launch_tasks":                          2,
		"master/messages_status_update":                         5,
		"master/messages_status_update_acknowledgement":         4,
		"master/valid_status_updates":                           5,
		"master/invalid_status_updates":                         0,
		"master/valid_status_update_acknowledgements":           4,
		"master/messages_unregister_framework":                  1,
		"allocator/mesos/resources/cpus/total":                  2,
		"allocator/mesos/resources/mem/total":                   4096,
		"allocator/mesos/roles/*/shares/dominant":               1,
		first + "subscribed":                                    0,
		first + "calls":                                         5,
		first + "calls/accept":                                  1,
		first + "calls/acknowledge":                             2,
		first + "calls/teardown":                                1,
		first + "calls/subscribe":                               1,
		first + "events/update":                                 3,
		first + "offers/sent":                                   2,
		first + "offers/accepted":                               1,
		first + "tasks/terminal/task_finished":                  1,
		first + "tasks/active/task_running":                     0,
		first + "operations/launch":                             1,
		first + "operations":                                    1,
		second + "subscribed":                                   1,
		second + "tasks/active/task_running":                    1,
		second + "roles/*/suppressed":                           0,
		"allocator/mesos/quota/roles/*/resources/cpus/consumed": 0.5,
	} {
		require.Contains(t, got, key)
		require.Equal(t, want, got[key], key)
	}
	require.Positive(t, got["allocator/mesos/allocation_runs"])
	require.Positive(t, got["registrar/registry_size_bytes"])
	require.Zero(t, got["registrar/queued_operations"])
	require.InDelta(t, r.sim.Now().Sub(r.master.Snapshot().StartTime).Seconds(), got["master/uptime_secs"], 1e-6)
	require.Equal(t, master.Version, r.master.Snapshot().Info.GetVersion())
}

package operatorapi

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

var (
	testUptime = NewFamily(Gauge, "master/uptime_secs", "test_uptime_seconds", "Time.")
	testCalls  = NewFamily(Counter, "master/frameworks/{%name}/{id}/calls/{type}", "test_calls_total", "Calls.", "name", "id", "type")
)

func testSource(emit Emit) {
	emit(testUptime, 12.5)
	emit(testCalls, 3, "my framework/√", "f-1", "kill")
	emit(testCalls, 4, "bad\xff", "f-2", "kill")
}

func get(h http.Handler, target string) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
	return w.Result()
}

func TestMetricsSnapshot(t *testing.T) {
	h := MetricsSnapshot(testSource)
	require.Equal(t, `{"master/frameworks/bad%FF/f-2/calls/kill":4.0,"master/frameworks/my%20framework%2F%E2%88%9A/f-1/calls/kill":3.0,`+
		`"master/uptime_secs":12.5}`, body(t, get(h, "/metrics/snapshot")))
	require.Equal(t, http.StatusOK, get(h, "/metrics/snapshot?timeout=100ms").StatusCode)
	for _, bad := range []string{"10", "x", "10parsecs", "secs"} {
		require.Equal(t, http.StatusBadRequest, get(h, "/metrics/snapshot?timeout="+bad).StatusCode, bad)
	}
	require.Equal(t, `cb({"`, body(t, get(h, "/metrics/snapshot?jsonp=cb"))[:5])
}

func TestPrometheus(t *testing.T) {
	r := get(Prometheus(testSource), "/metrics")
	require.Equal(t, http.StatusOK, r.StatusCode)
	text, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(text)))
	require.NoError(t, err)
	require.Equal(t, 12.5, families["test_uptime_seconds"].Metric[0].Gauge.GetValue())
	calls := families["test_calls_total"]
	require.Equal(t, "Calls.", calls.GetHelp())
	require.Len(t, calls.Metric, 2)
	require.Equal(t, "my framework/√", calls.Metric[0].Label[1].GetValue())
	require.Equal(t, 3.0, calls.Metric[0].Counter.GetValue())
	require.Contains(t, families, "go_goroutines")
}

// A key that occurs twice, which strange names can bring about, must not make an object that parsers
// refuse.
func TestKeysAreUnique(t *testing.T) {
	h := MetricsSnapshot(func(emit Emit) { emit(testUptime, 1); emit(testUptime, 2) })
	require.Equal(t, `{"master/uptime_secs":1.0}`, body(t, get(h, "/")))
}

func TestFamilyMistakesPanic(t *testing.T) {
	require.Panics(t, func() { NewFamily(Gauge, "a/{b}", "a", "A.", "c") })
}

func TestHost(t *testing.T) {
	var stats map[string]float64
	require.NoError(t, json.Unmarshal(HostStatistics().Append(nil), &stats))
	require.Positive(t, stats["cpus_total"])
	values := map[string]float64{}
	HostMetrics(func(f *Family, value float64, labels ...string) { values[f.keyOf(labels)] = value })
	require.Equal(t, stats["cpus_total"], values["system/cpus_total"])
	if ThisHost().MemoryKnown {
		require.Equal(t, stats["mem_total_bytes"], values["system/mem_total_bytes"])
		require.Greater(t, stats["mem_total_bytes"], stats["mem_free_bytes"])
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0ns": 0, "100ms": 100 * time.Millisecond, "10secs": 10 * time.Second, "1.5hrs": 90 * time.Minute,
		"2weeks": 14 * 24 * time.Hour, "3us": 3 * time.Microsecond, "1days": 24 * time.Hour, "1mins": time.Minute, "-1secs": -time.Second,
	} {
		got, err := ParseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, bad := range []string{"", "secs", "10", "10 parsecs", "1e400secs", "NaNsecs", "1000000000weeks", "Infsecs"} {
		_, err := ParseDuration(bad)
		require.Error(t, err, bad)
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"10secs", "1.5hrs", "-3e2ms", "x", "NaNns", "9e18ns"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := ParseDuration(text); err == nil {
			require.False(t, d == math.MinInt64 && !strings.HasPrefix(text, "-"), text)
		}
	})
}

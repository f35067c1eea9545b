package operatorapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/mesokit/mesokit/internal/httpapi"
)

// Kind is gauge or counter.
type Kind int

const (
	Gauge   Kind = iota // may go up and down
	Counter             // only grows while the process runs
)

// Family is a metric, or several that differ in labels, under both of its names: that of the reference,
// a path, and that of Prometheus.
type Family struct {
	kind   Kind
	key    []keyPart
	labels int
	desc   *prometheus.Desc
}

// keyPart is text, followed by the value of a label unless label is -1.
type keyPart struct {
	text   string
	label  int
	escape bool
}

// NewFamily makes a family. key is the reference's name; in it {label} stands for the value of a label,
// and {%label} for the value percent-encoded. name and help are Prometheus'. A mistake in them panics:
// they are part of the program.
func NewFamily(kind Kind, key, name, help string, labels ...string) *Family {
	f := &Family{kind: kind, labels: len(labels), desc: prometheus.NewDesc(name, help, labels, nil)}
	for {
		before, rest, found := strings.Cut(key, "{")
		if !found {
			f.key = append(f.key, keyPart{text: key, label: -1})
			return f
		}
		label, after, _ := strings.Cut(rest, "}")
		label, escape := strings.CutPrefix(label, "%")
		i := slices.Index(labels, label)
		if i < 0 {
			panic(fmt.Sprintf("metric %s: no label %q", name, label))
		}
		f.key = append(f.key, keyPart{text: before, label: i, escape: escape})
		key = after
	}
}

// Emit takes one value of a family, with the values of its labels.
type Emit func(f *Family, value float64, labels ...string)

// Source calls emit for all metrics there are now.
type Source func(emit Emit)

func (f *Family) keyOf(labels []string) string {
	var b strings.Builder
	for _, p := range f.key {
		b.WriteString(p.text)
		switch {
		case p.label < 0:
		case p.escape:
			b.WriteString(percentEncode(labels[p.label]))
		default:
			b.WriteString(labels[p.label])
		}
	}
	return b.String()
}

// percentEncode encodes everything but letters, digits and -_.~ as the reference does in names.
func percentEncode(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.~", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

// MetricsSnapshot is the handler of /metrics/snapshot: one object, key to double, sorted. All values are
// at hand, so the time that ?timeout= gives is only checked.
func MetricsSnapshot(source Source) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if timeout := r.URL.Query().Get("timeout"); timeout != "" {
			if _, err := ParseDuration(timeout); err != nil {
				httpapi.Refuse(w, http.StatusBadRequest, "Invalid timeout '"+timeout+"': "+err.Error())
				return
			}
		}
		type metric struct {
			key   string
			value float64
		}
		var list []metric
		source(func(f *Family, value float64, labels ...string) {
			list = append(list, metric{f.keyOf(labels), value})
		})
		slices.SortStableFunc(list, func(a, b metric) int { return strings.Compare(a.key, b.key) })
		var b Builder
		b.Open('{')
		for i, m := range list {
			if i > 0 && m.key == list[i-1].key {
				continue // two frameworks can't share an id; a strange role name may still collide
			}
			b.DoubleField(m.key, m.value)
		}
		b.Close('}')
		Serve(w, r, b.Document())
	})
}

// Prometheus is the handler of /metrics: the same in Prometheus' text format, and what its client
// says of the Go runtime and the process.
func Prometheus(source Source) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collector(source),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// collector describes nothing beforehand, since the labels come and go.
type collector Source

func (c collector) Describe(chan<- *prometheus.Desc) {}

func (c collector) Collect(to chan<- prometheus.Metric) {
	c(func(f *Family, value float64, labels ...string) {
		kind := prometheus.GaugeValue
		if f.kind == Counter {
			kind = prometheus.CounterValue
		}
		valid := make([]string, f.labels)
		for i := range valid {
			valid[i] = strings.ToValidUTF8(labels[i], "\uFFFD")
		}
		to <- prometheus.MustNewConstMetric(f.desc, kind, value, valid...)
	})
}

package framework_test

import (
	"testing"
	"time"

	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/framework"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// A service is launched until all instances run, and scaled to nothing, in a simulated cluster: master,
// agents and driver are part of the figure.
func BenchmarkService(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"100", 100}, {"1000", 1000}, {"4000", 4000}} {
		b.Run(size.name, func(b *testing.B) {
			for b.Loop() {
				s := framework.Service{Name: "web", Instances: size.n, Task: scheduler.CommandTask("", "server", resources.MustParse("cpus:0.1;mem:16"))}
				w := startWith(b, schedulertest.Config{Agents: size.n/20 + 1}, framework.Config{Store: &framework.Memory{}, Specs: []framework.Spec{s}})
				w.RunUntil(time.Hour, "all to run", func() bool { return w.f.Snapshot().Spec("web").Ready == size.n })
				w.f.Remove("web")
				w.RunUntil(time.Hour, "all to end", func() bool {
					s := w.f.Snapshot()
					return len(s.Specs) == 0 && len(s.Strangers) == 0
				})
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size.n), "µs/task")
		})
	}
}

package schedulertest_test

import (
	"testing"
	"time"

	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// BenchmarkIdle is an hour of a thousand agents that have nothing to do: 240 pings of each, and as many
// answers.
func BenchmarkIdle(b *testing.B) {
	c := schedulertest.New(b, schedulertest.Config{Masters: 3, Agents: 1000, NoRecords: true})
	c.Advance(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		c.Advance(time.Hour)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/240_000, "ns/ping")
}

// BenchmarkFailover is the loss of the leading master of a thousand agents that run nothing: all register
// again with the next.
func BenchmarkFailover(b *testing.B) {
	c := schedulertest.New(b, schedulertest.Config{Masters: 3, Agents: 1000, NoRecords: true})
	c.Advance(time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		c.CrashMaster()
		c.Advance(30 * time.Second)
		c.RestartMaster()
		c.Advance(30 * time.Second)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/agent")
}

package posix

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/containerizer"
)

func each(b *testing.B, bench func(*testing.B, *Containerizer, string)) {
	for _, keeps := range []struct {
		name     string
		outlives bool
	}{{"keeper", true}, {"direct", false}} {
		b.Run(keeps.name, func(b *testing.B) {
			c, box := started(b, keeps.outlives)
			bench(b, c, box)
		})
	}
}

func (c *Containerizer) runToEnd(ctx context.Context, s *containerizer.Spec) error {
	if _, err := c.Launch(ctx, s); err != nil {
		return err
	}
	if _, err := c.Wait(ctx, s.ID); err != nil {
		return err
	}
	return c.Remove(ctx, s.ID)
}

// BenchmarkLaunch is one container after another: until its program executes, and until all is over.
func BenchmarkLaunch(b *testing.B) {
	each(b, func(b *testing.B, c *Containerizer, box string) {
		var running, over []time.Duration
		for b.Loop() {
			s := spec(box, fmt.Sprint("c", len(over)))
			s.Command = program("/bin/true")
			began := time.Now()
			_, err := c.Launch(b.Context(), s)
			running = append(running, time.Since(began))
			require.NoError(b, err)
			_, err = c.Wait(b.Context(), s.ID)
			over = append(over, time.Since(began))
			require.NoError(b, err)
			require.NoError(b, c.Remove(b.Context(), s.ID))
		}
		for unit, list := range map[string][]time.Duration{"p50-µs-to-running": running, "p50-µs-to-end": over} {
			slices.Sort(list)
			b.ReportMetric(float64(list[len(list)/2].Nanoseconds())/1e3, unit)
		}
	})
	b.Run("rival=os/exec", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, exec.Command("/bin/true").Run())
		}
	})
}

// Benchmark1000 is a thousand containers, launched, ended and removed.
func Benchmark1000(b *testing.B) {
	thousand := func(b *testing.B, run func(n int) error) {
		for b.Loop() {
			errs := make(chan error, 1000)
			for i := range 1000 {
				go func() { errs <- run(i) }()
			}
			for range 1000 {
				require.NoError(b, <-errs)
			}
		}
	}
	each(b, func(b *testing.B, c *Containerizer, box string) {
		thousand(b, func(n int) error {
			s := spec(box, fmt.Sprint("c", n))
			s.Command = program("/bin/true")
			return c.runToEnd(b.Context(), s)
		})
	})
	b.Run("rival=os/exec", func(b *testing.B) {
		thousand(b, func(int) error { return exec.Command("/bin/true").Run() })
	})
}

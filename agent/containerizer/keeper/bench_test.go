package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func keepers(b *testing.B, run func(*testing.B, keeps)) {
	b.Run("keeper", func(b *testing.B) {
		c := connect(b, b.TempDir())
		run(b, c)
		b.ReportMetric(rss(b, c.Pid()), "keeper-MB")
	})
	b.Run("direct", func(b *testing.B) {
		l, err := NewLocal(LocalConfig{Dir: filepath.Join(b.TempDir(), "containers")})
		require.NoError(b, err)
		b.Cleanup(func() { l.Close() })
		run(b, l)
	})
}

// rss is the resident memory of a process in MB.
func rss(b *testing.B, pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err)
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	require.NoError(b, err)
	return kb / 1024
}

func command(key string) *Command {
	return &Command{Key: key, Path: "/bin/true", Args: []string{"true"}, Env: []string{"PATH=/bin", "MARK=" + key}, Dir: "/", Mark: "MARK=" + key}
}

// BenchmarkStart is one process after another: until it runs, and until it is gone.
func BenchmarkStart(b *testing.B) {
	keepers(b, func(b *testing.B, k keeps) {
		var running, gone time.Duration
		n := 0
		for b.Loop() {
			key := fmt.Sprint("c", n)
			n++
			began := time.Now()
			if _, err := k.Start(b.Context(), command(key)); err != nil {
				b.Fatal(err)
			}
			running += time.Since(began)
			if _, err := k.Wait(b.Context(), key); err != nil {
				b.Fatal(err)
			}
			gone += time.Since(began)
			if err := k.Remove(b.Context(), key); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(running.Microseconds())/float64(n), "µs-to-running")
		b.ReportMetric(float64(gone.Microseconds())/float64(n), "µs-to-gone")
	})
}

// Benchmark1000 is a thousand processes, started and reaped.
func Benchmark1000(b *testing.B) {
	keepers(b, func(b *testing.B, k keeps) {
		round := 0
		for b.Loop() {
			round++
			errs := make(chan error, 1000)
			for i := range 1000 {
				go func() {
					key := fmt.Sprintf("c%d-%d", round, i)
					_, err := k.Start(b.Context(), command(key))
					if err == nil {
						_, err = k.Wait(b.Context(), key)
					}
					errs <- err
				}()
			}
			for range 1000 {
				if err := <-errs; err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

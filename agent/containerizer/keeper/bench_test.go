package keeper

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
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
		l, err := NewLocal(LocalConfig{Dir: b.TempDir()})
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
		var running, gone []time.Duration
		for b.Loop() {
			key := fmt.Sprint("c", len(gone))
			began := time.Now()
			if _, err := k.Start(b.Context(), command(key)); err != nil {
				b.Fatal(err)
			}
			running = append(running, time.Since(began))
			if _, err := k.Wait(b.Context(), key); err != nil {
				b.Fatal(err)
			}
			gone = append(gone, time.Since(began))
			if err := k.Remove(b.Context(), key); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(median(running), "p50-µs-to-running")
		b.ReportMetric(median(gone), "p50-µs-to-gone")
	})
}

func median(list []time.Duration) float64 {
	slices.Sort(list)
	return float64(list[len(list)/2].Nanoseconds()) / 1e3
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

// BenchmarkRival is what os/exec needs for the same process, without a record or a socket.
func BenchmarkRival(b *testing.B) {
	run := func() error {
		return (&exec.Cmd{Path: "/bin/true", Args: []string{"true"}, Env: []string{"PATH=/bin"}, SysProcAttr: &syscall.SysProcAttr{Setsid: true}}).Run()
	}
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			if err := run(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("1000", func(b *testing.B) {
		for b.Loop() {
			errs := make(chan error, 1000)
			for range 1000 {
				go func() { errs <- run() }()
			}
			for range 1000 {
				if err := <-errs; err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

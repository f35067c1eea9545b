package docker

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"time"

	"github.com/containerd/errdefs"
	engine "github.com/docker/docker/api/types/container"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
)

// maxStats is how large the engine's statistics of a container may be.
const maxStats = 1 << 20

// Usage is what the engine measures: CPU, memory and, unless the container is in the host's network,
// traffic. It works the same with cgroups v1 and v2.
func (c *Containerizer) Usage(ctx context.Context, id *mesosproto.ContainerID) (*mesosproto.ResourceStatistics, error) {
	k, err := c.running(id)
	if err != nil {
		return nil, err
	}
	r, err := c.api.ContainerStatsOneShot(ctx, k.id)
	if errdefs.IsNotFound(err) || isClosed(k.done) {
		return nil, containerizer.ErrUnknown
	}
	if err != nil {
		return nil, explain("measure container "+k.name, err)
	}
	defer r.Body.Close()
	var stats engine.StatsResponse
	if err := json.NewDecoder(io.LimitReader(r.Body, maxStats)).Decode(&stats); err != nil {
		return nil, explain("measure container "+k.name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	out := statistics(stats, k.limits, c.cfg.EnableCFS)
	out.Timestamp = proto.Float64(float64(time.Now().UnixNano()) / 1e9)
	return out, nil
}

// statistics are a container's in the form of the reference, with its limits: what it requested, and
// what it may use at most. Mesos: DockerContainerizerProcess::cgroupsStatistics.
func statistics(s engine.StatsResponse, l limits, cfs bool) *mesosproto.ResourceStatistics {
	seconds := func(nanoseconds uint64) *float64 { return proto.Float64(float64(nanoseconds) / 1e9) }
	out := &mesosproto.ResourceStatistics{
		CpusUserTimeSecs:      seconds(s.CPUStats.CPUUsage.UsageInUsermode),
		CpusSystemTimeSecs:    seconds(s.CPUStats.CPUUsage.UsageInKernelmode),
		CpusNrPeriods:         proto.Uint32(uint32(s.CPUStats.ThrottlingData.Periods)),
		CpusNrThrottled:       proto.Uint32(uint32(s.CPUStats.ThrottlingData.ThrottledPeriods)),
		CpusThrottledTimeSecs: seconds(s.CPUStats.ThrottlingData.ThrottledTime),
		MemTotalBytes:         proto.Uint64(s.MemoryStats.Usage),
	}
	for _, m := range []struct {
		to   **uint64
		from []string // of cgroups v1, then v2
	}{
		{&out.MemRssBytes, []string{"total_rss", "anon"}},
		{&out.MemAnonBytes, []string{"total_rss", "anon"}},
		{&out.MemCacheBytes, []string{"total_cache", "file"}},
		{&out.MemFileBytes, []string{"total_cache", "file"}},
		{&out.MemMappedFileBytes, []string{"total_mapped_file", "file_mapped"}},
		{&out.MemUnevictableBytes, []string{"total_unevictable", "unevictable"}},
	} {
		for _, name := range m.from {
			if n, ok := s.MemoryStats.Stats[name]; ok {
				*m.to = proto.Uint64(n)
				break
			}
		}
	}
	if len(s.Networks) > 0 {
		var sum engine.NetworkStats
		for _, n := range s.Networks {
			sum.RxBytes += n.RxBytes
			sum.RxPackets += n.RxPackets
			sum.RxErrors += n.RxErrors
			sum.RxDropped += n.RxDropped
			sum.TxBytes += n.TxBytes
			sum.TxPackets += n.TxPackets
			sum.TxErrors += n.TxErrors
			sum.TxDropped += n.TxDropped
		}
		out.NetRxBytes, out.NetTxBytes = &sum.RxBytes, &sum.TxBytes
		out.NetRxPackets, out.NetTxPackets = &sum.RxPackets, &sum.TxPackets
		out.NetRxErrors, out.NetTxErrors = &sum.RxErrors, &sum.TxErrors
		out.NetRxDropped, out.NetTxDropped = &sum.RxDropped, &sum.TxDropped
	}
	if cpus, ok := l.requested("cpus"); ok {
		out.CpusSoftLimit = proto.Float64(cpus)
		if cfs {
			out.CpusLimit = proto.Float64(cpus)
		}
	}
	if limit, ok := l.limits["cpus"]; ok && !math.IsInf(limit, 1) {
		out.CpusLimit = proto.Float64(limit)
	}
	if mem, ok := l.requested("mem"); ok {
		out.MemSoftLimitBytes = proto.Uint64(uint64(mem * (1 << 20)))
		out.MemLimitBytes = out.MemSoftLimitBytes
	}
	if limit, ok := l.limits["mem"]; ok {
		out.MemLimitBytes = proto.Uint64(uint64(hostMemory()))
		if !math.IsInf(limit, 1) {
			out.MemLimitBytes = proto.Uint64(uint64(limit * (1 << 20)))
		}
	}
	return out
}

package posix

import (
	"context"
	"math"
	"runtime"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer/internal/proctree"
	"github.com/mesokit/mesokit/agent/containerizer/keeper"
	"github.com/mesokit/mesokit/mesosproto"
)

// Usage sums up the container's processes, on Linux. CPU time includes children that have ended and were
// waited for; the reference's does not, so it falls when a child ends. Mesos: ResourceStatistics.
func (c *Containerizer) Usage(_ context.Context, id *mesosproto.ContainerID) (*mesosproto.ResourceStatistics, error) {
	k, err := c.running(id)
	if err != nil {
		return nil, err
	}
	snapshot, err := c.scan().Take()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	var user, system time.Duration
	var rss uint64
	var processes, threads int
	members := proctree.Living(snapshot.Members(proctree.Query{Pid: k.pid, Start: k.start, Mark: k.mark}))
	for _, p := range members {
		user, system = user+p.User, system+p.System
		rss += p.RSS
		processes++
		threads += p.Threads
	}
	s := &mesosproto.ResourceStatistics{Timestamp: proto.Float64(float64(now.UnixNano()) / 1e9)}
	if len(members) > 0 { // not if it is just ending, nor without /proc
		s.Processes, s.Threads = proto.Uint32(uint32(processes)), proto.Uint32(uint32(threads))
		s.CpusUserTimeSecs, s.CpusSystemTimeSecs = proto.Float64(user.Seconds()), proto.Float64(system.Seconds())
		s.MemRssBytes = proto.Uint64(rss)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k.limitsInto(s)
	return s, nil
}

// limitsInto says what the container may use. An infinite limit is the machine's.
func (k *container) limitsInto(s *mesosproto.ResourceStatistics) {
	if cpus := k.resources.CPUs(); cpus > 0 {
		s.CpusSoftLimit = proto.Float64(cpus)
	}
	if limit, ok := k.limits["cpus"]; ok {
		if math.IsInf(limit, 1) {
			limit = float64(runtime.NumCPU())
		}
		s.CpusLimit = proto.Float64(limit)
	}
	const mb = 1 << 20
	mem := k.resources.Mem()
	if mem > 0 {
		s.MemSoftLimitBytes = proto.Uint64(uint64(mem * mb))
		s.MemLimitBytes = s.MemSoftLimitBytes
	}
	if limit, ok := k.limits["mem"]; ok {
		bytes := uint64(max(0, limit) * mb)
		if math.IsInf(limit, 1) {
			bytes = hostMemory()
		}
		s.MemLimitBytes = proto.Uint64(bytes)
	}
}

// scan returns what reads the process table, with the orphans of the keeper there is now.
func (c *Containerizer) scan() *proctree.Scanner {
	pid := 0
	if client, ok := c.procs.(*keeper.Client); ok {
		pid = client.Pid()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.scanner == nil || c.scannerPid != pid {
		c.scanner, c.scannerPid = &proctree.Scanner{}, pid
		if pid != 0 {
			c.scanner.Adopters = []int{pid}
		}
	}
	return c.scanner
}

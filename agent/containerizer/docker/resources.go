package docker

import (
	"context"
	"math"

	"github.com/containerd/errdefs"
	engine "github.com/docker/docker/api/types/container"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// limits are what a container requests and, by name, what it may use at most.
type limits struct {
	requests resources.Resources
	limits   map[string]float64
}

const (
	minCPUShares = 2
	minMemory    = 32 << 20
	maxMemory    = 1 << 60 // no limit, for an engine that can't take one away
	cpuPeriod    = 100_000 // microseconds, the engine's default
	minCPUQuota  = 1_000
)

// engine is what the engine is told of them; what is 0 is not limited. Mesos: src/docker/docker.cpp.
func (l limits) engine(cfs bool) engine.Resources {
	var r engine.Resources
	cpus, hasCPUs := l.requested("cpus")
	if hasCPUs {
		r.CPUShares = max(int64(1024*cpus), minCPUShares)
	}
	if limit, ok := l.limits["cpus"]; ok {
		r.CPUQuota = quota(limit)
	} else if hasCPUs && cfs {
		r.CPUQuota = quota(cpus)
	}
	mem, hasMem := l.requested("mem")
	if limit, ok := l.limits["mem"]; ok {
		r.Memory = memory(limit)
		if hasMem {
			r.MemoryReservation = memory(mem)
		}
	} else if hasMem {
		r.Memory = memory(mem)
	}
	return r
}

func (l limits) requested(name string) (float64, bool) {
	r := l.requests.Named(name)
	return r.Scalar(name).Float(), !r.IsEmpty()
}

func quota(cpus float64) int64 {
	if math.IsInf(cpus, 1) {
		return 0
	}
	return max(int64(cpuPeriod*min(cpus, 1e9)), minCPUQuota)
}

func memory(megabytes float64) int64 {
	if math.IsInf(megabytes, 1) {
		return 0
	}
	return max(int64(min(megabytes, 1e12)*(1<<20)), minMemory)
}

// oomScoreAdj makes containers that may use more memory than they requested likelier to be killed when
// the host has none left, the more so the less they requested.
func (l limits) oomScoreAdj(hostMemory int64) int {
	limit, ok := l.limits["mem"]
	request, _ := l.requested("mem")
	if !ok || limit <= request || hostMemory <= 0 {
		return 0
	}
	return max(1000-int(1000*request*(1<<20)/float64(hostMemory)), 0)
}

// Update resizes a container. Memory limits are only raised: a container can't give back at once what
// it uses. Mesos: DockerContainerizerProcess::update.
func (c *Containerizer) Update(ctx context.Context, id *mesosproto.ContainerID, r resources.Resources, lim map[string]float64) error {
	k, err := c.running(id)
	if err != nil {
		return nil
	}
	next := limits{r, lim}
	want := next.engine(c.cfg.EnableCFS)
	c.mu.Lock()
	is := k.resources
	c.mu.Unlock()
	change, changed := difference(is, want)
	if changed {
		_, err := c.api.ContainerUpdate(ctx, k.id, engine.UpdateConfig{Resources: change})
		switch {
		case errdefs.IsNotFound(err) || errdefs.IsConflict(err) || isClosed(k.done):
			return nil // about to end
		case err != nil:
			return explain("resize container "+k.name, err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k.limits = next
	k.resources = applied(is, change)
	return nil
}

// difference is what has to be set so that a container that has one gets the other. 0 is no change.
func difference(is, want engine.Resources) (change engine.Resources, changed bool) {
	if want.CPUShares != is.CPUShares {
		change.CPUShares = want.CPUShares
	}
	if want.CPUQuota != max(is.CPUQuota, 0) && is.NanoCPUs == 0 {
		change.CPUQuota = want.CPUQuota
		if want.CPUQuota == 0 {
			change.CPUQuota = -1
		}
	}
	if want.MemoryReservation != is.MemoryReservation {
		change.MemoryReservation = want.MemoryReservation
	}
	switch {
	case is.Memory <= 0 || is.Memory >= maxMemory: // not limited
	case want.Memory == 0:
		change.Memory, change.MemorySwap = maxMemory, 2*maxMemory
	case want.Memory > is.Memory:
		change.Memory = want.Memory
		if is.MemorySwap > 0 { // what there was for swap stays
			change.MemorySwap = is.MemorySwap - is.Memory + want.Memory
		}
	}
	changed = change.CPUShares != 0 || change.CPUQuota != 0 || change.MemoryReservation != 0 || change.Memory != 0
	return change, changed
}

// applied are the resources of a container after a change.
func applied(is, change engine.Resources) engine.Resources {
	for _, field := range []struct{ is, change *int64 }{
		{&is.CPUShares, &change.CPUShares}, {&is.CPUQuota, &change.CPUQuota}, {&is.Memory, &change.Memory},
		{&is.MemorySwap, &change.MemorySwap}, {&is.MemoryReservation, &change.MemoryReservation},
	} {
		if *field.change != 0 {
			*field.is = *field.change
		}
	}
	return is
}

package allocator

import (
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// Config says how a [Hierarchical] allocates. The zero value of each field works; names in parentheses
// are the reference's flags.
type Config struct {
	// Interval is for how long, at least, what a framework declined is not offered to it again
	// unchanged (--allocation_interval). Default 1s.
	Interval time.Duration

	// MinAllocatable are the smallest offers worth making: one that has all amounts of one entry
	// (--min_allocatable_resources). Default cpus:0.01 or mem:32; an empty entry allows any offer.
	// Frameworks may say otherwise for their roles.
	MinAllocatable []resources.Quantities

	// ExcludeFromShares are names of resources that fair shares ignore
	// (--fair_sharing_excluded_resource_names). Default none.
	ExcludeFromShares []string

	// ShowGPUsToAll offers agents with gpus to frameworks without the capability GPU_RESOURCES too
	// (--filter_gpu_resources=false).
	ShowGPUsToAll bool

	// Domain is the master's own fault domain (--domain); agents of other regions are remote. Default
	// none: no agent is remote.
	Domain *mesosproto.DomainInfo

	// RecoveryFactor is the part of the expected agents that must be back after a failover, if there
	// is quota (--allocator_agent_recovery_factor). Default 0.8.
	RecoveryFactor float64
	// RecoveryTimeout is how long they are waited for (--allocator_recovery_timeout). Default 10min.
	RecoveryTimeout time.Duration

	// Logger gets life changes. Default none.
	Logger *zap.Logger
}

func (c Config) withDefaults() Config {
	if c.Interval <= 0 {
		c.Interval = time.Second
	}
	if c.MinAllocatable == nil {
		c.MinAllocatable, _ = ParseMinAllocatable("cpus:0.01|mem:32")
	}
	if c.RecoveryFactor <= 0 {
		c.RecoveryFactor = 0.8
	}
	if c.RecoveryTimeout <= 0 {
		c.RecoveryTimeout = 10 * time.Minute
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	c.Logger = c.Logger.Named("allocator")
	return c
}

// ParseMinAllocatable reads the value of --min_allocatable_resources: entries separated by "|", one
// of which must be had; amounts in an entry, separated by ";", must be had together. Empty text allows
// any offer.
//
// Errors: an entry is not well formed.
func ParseMinAllocatable(text string) ([]resources.Quantities, error) {
	list := []resources.Quantities{}
	for entry := range strings.SplitSeq(text, "|") {
		q, err := resources.ParseQuantities(entry)
		if err != nil {
			return nil, fmt.Errorf("minimum of offers %q: %w", text, err)
		}
		list = append(list, q)
	}
	return list, nil
}

// minimum are the smallest offers worth making: an offer must have all amounts of one entry. None: any
// offer.
type minimum [][]resources.Quantity

func minimumOf(list []resources.Quantities) minimum {
	var m minimum
	for _, q := range list {
		var entry []resources.Quantity
		for name, amount := range q.All() {
			entry = append(entry, resources.Quantity{Name: name, Amount: amount})
		}
		m = append(m, entry)
	}
	return m
}

// allows tells whether r is worth an offer. It sums only the names that it needs.
func (m minimum) allows(r resources.Resources) bool {
	for _, entry := range m {
		all := true
		for _, q := range entry {
			if !reaches(r, q) {
				all = false
				break
			}
		}
		if all {
			return true
		}
	}
	return len(m) == 0
}

func reaches(r resources.Resources, q resources.Quantity) bool {
	var sum resources.Scalar
	for i := range r.Len() {
		if e := r.At(i); e.Name() == q.Name {
			if sum += e.Quantity(); sum >= q.Amount {
				return true
			}
		}
	}
	return false
}

// String prints "cpus:0.01 or mem:32".
func (m minimum) String() string {
	var list []string
	for _, entry := range m {
		list = append(list, resources.NewQuantities(entry...).String())
	}
	return strings.Join(list, " or ")
}

package master

import (
	"fmt"
	"net/netip"
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/internal/masterinfo"
	"github.com/mesokit/mesokit/master/allocator"
	"github.com/mesokit/mesokit/master/election"
	"github.com/mesokit/mesokit/master/registry"
	"github.com/mesokit/mesokit/master/registry/memory"
	"github.com/mesokit/mesokit/mesosproto"
)

// Version is the version that a master announces unless its MasterInfo says another. Agents and
// frameworks of the reference compare it, so it is the reference's.
const Version = "1.12.0"

// Config says how a master is made. The zero value works; names in parentheses are the reference's
// flags.
type Config struct {
	// Loop owns the master. Default: one of its own, which Stop ends.
	Loop loop.Loop

	// Info is how the master presents itself. Defaults: a random id, 127.0.0.1, port 5050, pid
	// master@ip:port, hostname the ip, [Version], the capabilities of the reference.
	Info *mesosproto.MasterInfo
	// Cluster is a name for people (--cluster). Default: none.
	Cluster string

	// Storage keeps the registry. Default: memory, forgotten when the process ends.
	Storage registry.Storage
	// Election says who leads. Default: this master, always.
	Election election.Election
	// NewAllocator makes the allocator. Default: allocator.New with AllocatorConfig.
	NewAllocator func(loop.Loop) allocator.Allocator
	// AllocatorConfig is for the default allocator.
	AllocatorConfig allocator.Config

	// Logger gets one line an event. Default: none.
	Logger *zap.Logger
	// OnFatal is called on the loop when the master has ended itself because it can't go on: it lost
	// its leadership or its registry. The reference exits then. It must not call Stop. Default: nothing.
	OnFatal func(error)

	// AgentPingTimeout is how often agents are pinged (--agent_ping_timeout). Default 15s.
	AgentPingTimeout time.Duration
	// MaxAgentPingTimeouts unanswered pings in a row make an agent unreachable
	// (--max_agent_ping_timeouts). Default 5.
	MaxAgentPingTimeouts int
	// AgentReregisterTimeout is how long an agent may stay away, counted from the loss of its
	// connection or from the election (--agent_reregister_timeout). Default 10min.
	AgentReregisterTimeout time.Duration
	// OfferTimeout is after how long unused offers are taken back (--offer_timeout). Default 0: never.
	OfferTimeout time.Duration

	// Roles are the only ones that frameworks may have (--roles). Default: any.
	Roles []string
	// RefuseRoot refuses frameworks whose user is root (--root_submissions=false).
	RefuseRoot bool

	// MaxCompletedFrameworks are remembered (--max_completed_frameworks). Default 50, negative: none.
	MaxCompletedFrameworks int
	// MaxCompletedTasks are remembered of a framework (--max_completed_tasks_per_framework). Default
	// 1000, negative: none.
	MaxCompletedTasks int
	// MaxUnreachableTasks are remembered of a framework (--max_unreachable_tasks_per_framework).
	// Default 1000, negative: none.
	MaxUnreachableTasks int

	// SnapshotInterval is the least time between two snapshots ([Master.Snapshot]), which are for people and
	// tools: with it, a master that is busy does not make one for each message. Default 0: there is one for
	// all that waits to be handled at a time.
	SnapshotInterval time.Duration

	// RegistryGCInterval is how often agents long lost are forgotten (--registry_gc_interval). Default 15min.
	RegistryGCInterval time.Duration
	// RegistryMaxAgentAge is after how long (--registry_max_agent_age). Default 2 weeks.
	RegistryMaxAgentAge time.Duration
	// RegistryMaxAgentCount is how many of them are kept at most (--registry_max_agent_count).
	// Default 102400.
	RegistryMaxAgentCount int
}

// heartbeatInterval is the time between heartbeats on a framework's stream. Mesos:
// DEFAULT_HEARTBEAT_INTERVAL in src/master/constants.hpp.
const heartbeatInterval = 15 * time.Second

// maxRemovedAgents is how many removed agents are remembered, so that what they still send is known to
// be late. Mesos: MAX_REMOVED_SLAVES.
const maxRemovedAgents = 100000

// withDefaults fills in what is not set and checks the rest.
func (c Config) withDefaults() (Config, error) {
	for _, d := range []struct {
		name  string
		value *time.Duration
		min   time.Duration
		def   time.Duration
	}{
		{"AgentPingTimeout", &c.AgentPingTimeout, time.Millisecond, 15 * time.Second},
		{"AgentReregisterTimeout", &c.AgentReregisterTimeout, time.Millisecond, 10 * time.Minute},
		{"OfferTimeout", &c.OfferTimeout, 0, 0},
		{"SnapshotInterval", &c.SnapshotInterval, 0, 0},
		{"RegistryGCInterval", &c.RegistryGCInterval, time.Millisecond, 15 * time.Minute},
		{"RegistryMaxAgentAge", &c.RegistryMaxAgentAge, 0, 14 * 24 * time.Hour},
	} {
		if *d.value == 0 {
			*d.value = d.def
		}
		if *d.value < d.min {
			return c, fmt.Errorf("master config: %s is %s; it must be at least %s", d.name, *d.value, d.min)
		}
	}
	for _, n := range []struct {
		value *int
		def   int
	}{
		{&c.MaxAgentPingTimeouts, 5},
		{&c.MaxCompletedFrameworks, 50},
		{&c.MaxCompletedTasks, 1000},
		{&c.MaxUnreachableTasks, 1000},
		{&c.RegistryMaxAgentCount, 102400},
	} {
		switch {
		case *n.value == 0:
			*n.value = n.def
		case *n.value < 0:
			*n.value = 0
		}
	}
	if c.MaxAgentPingTimeouts < 1 {
		return c, fmt.Errorf("master config: MaxAgentPingTimeouts must be at least 1")
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	if c.OnFatal == nil {
		c.OnFatal = func(error) {}
	}
	if c.Storage == nil {
		c.Storage = &memory.Storage{}
	}
	if c.Election == nil {
		c.Election = election.Standalone{}
	}
	if c.NewAllocator == nil {
		allocation := c.AllocatorConfig
		c.NewAllocator = func(l loop.Loop) allocator.Allocator { return allocator.New(l, allocation) }
	}
	return c, nil
}

// completeInfo fills in what a MasterInfo lacks, on a copy.
func completeInfo(given *mesosproto.MasterInfo, newID func() string) (*mesosproto.MasterInfo, error) {
	info := &mesosproto.MasterInfo{}
	if given != nil {
		info = proto.CloneOf(given)
	}
	if info.GetId() == "" {
		info.Id = proto.String(newID())
	}
	if info.GetPort() == 0 || info.Port == nil {
		info.Port = proto.Uint32(5050)
	}
	ip, err := masterinfo.IP(info)
	if err != nil {
		return nil, fmt.Errorf("master config: Info.%w", err)
	}
	if !ip.IsValid() {
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if info.GetIp() == 0 {
		info.Ip = proto.Uint32(masterinfo.Number(ip))
	}
	if info.GetHostname() == "" {
		info.Hostname = proto.String(ip.String())
	}
	if info.GetPid() == "" {
		info.Pid = proto.String("master@" + netip.AddrPortFrom(ip, uint16(info.GetPort())).String())
	}
	if info.GetVersion() == "" {
		info.Version = proto.String(Version)
	}
	if info.Address == nil {
		info.Address = &mesosproto.Address{}
	}
	if info.Address.Hostname == nil {
		info.Address.Hostname = info.Hostname
	}
	if info.Address.Ip == nil {
		info.Address.Ip = proto.String(ip.String())
	}
	if info.Address.Port == nil {
		info.Address.Port = proto.Int32(int32(info.GetPort()))
	}
	if info.Capabilities == nil {
		for _, t := range []mesosproto.MasterInfo_Capability_Type{
			mesosproto.MasterInfo_Capability_AGENT_UPDATE,
			mesosproto.MasterInfo_Capability_AGENT_DRAINING,
			mesosproto.MasterInfo_Capability_QUOTA_V2,
		} {
			info.Capabilities = append(info.Capabilities, &mesosproto.MasterInfo_Capability{Type: t.Enum()})
		}
	}
	return info, nil
}

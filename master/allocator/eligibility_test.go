package allocator

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

func reserved(r string, roles ...string) resources.Resources {
	out := resources.MustParse(r)
	for _, role := range roles {
		var err error
		if out, err = out.PushReservation(resources.Reservation{Type: resources.Dynamic, Role: role}); err != nil {
			panic(err)
		}
	}
	return out
}

func domain(region string) *mesosproto.DomainInfo {
	return &mesosproto.DomainInfo{FaultDomain: &mesosproto.DomainInfo_FaultDomain{
		Region: &mesosproto.DomainInfo_FaultDomain_RegionInfo{Name: proto.String(region)},
		Zone:   &mesosproto.DomainInfo_FaultDomain_ZoneInfo{Name: proto.String("zone of " + region)},
	}}
}

// oldFramework has one role and no capabilities.
func oldFramework(role string) *mesosproto.FrameworkInfo {
	//lint:ignore SA1019 it is what frameworks without MULTI_ROLE use
	return &mesosproto.FrameworkInfo{Role: &role}
}

func sharedVolume(role string) resources.Resource {
	return resources.NewScalar("disk", 64*resources.Unit).
		Reserved(resources.Reservation{Type: resources.Dynamic, Role: role}).
		WithDisk(&resources.DiskInfo{Persistence: &resources.Persistence{ID: "id"}, Volume: &resources.Volume{ContainerPath: "p"}}).
		AsShared(1)
}

// Who may see an agent, and how much of it. Among the rows: HierarchicalAllocatorTest.RegionAware,
// DontOfferOldAgentToMultiRoleFramework, and the GPU and refinement tests.
func TestWhatAFrameworkIsOffered(t *testing.T) {
	plain := resources.MustParse("cpus:2;mem:1024")
	gpus := resources.MustParse("cpus:2;mem:1024;gpus:1")
	revocable := resources.NewScalar("cpus", 2*resources.Unit).AsRevocable().Resources()
	shared := sharedVolume("role").Resources()
	for _, row := range []struct {
		what      string
		cfg       Config
		framework *mesosproto.FrameworkInfo
		role      string // default "role"
		agent     func(*mesosproto.AgentInfo)
		agentCaps []*mesosproto.AgentInfo_Capability // default all
		total     resources.Resources                // default plain
		want      resources.Resources                // empty: no offer
	}{
		{what: "all there is", want: plain},
		{what: "gpus without capability", total: gpus},
		{what: "gpus with capability", total: gpus, framework: frameworkInfo([]string{"role"}, mesosproto.FrameworkInfo_Capability_GPU_RESOURCES), want: gpus},
		{what: "gpus shown to all", cfg: Config{ShowGPUsToAll: true}, total: gpus, want: gpus},
		{what: "another region", cfg: Config{Domain: domain("here")}, agent: func(a *mesosproto.AgentInfo) { a.Domain = domain("there") }},
		{what: "another region with capability", cfg: Config{Domain: domain("here")},
			agent:     func(a *mesosproto.AgentInfo) { a.Domain = domain("there") },
			framework: frameworkInfo([]string{"role"}, mesosproto.FrameworkInfo_Capability_REGION_AWARE), want: plain},
		{what: "the same region", cfg: Config{Domain: domain("here")}, agent: func(a *mesosproto.AgentInfo) { a.Domain = domain("here") }, want: plain},
		{what: "no domain", cfg: Config{Domain: domain("here")}, want: plain},
		{what: "an agent without MULTI_ROLE", agentCaps: agentCapabilities(mesosproto.AgentInfo_Capability_HIERARCHICAL_ROLE)},
		{what: "an agent without MULTI_ROLE and an old framework", agentCaps: agentCapabilities(),
			framework: oldFramework("role"), want: plain},
		{what: "an agent without HIERARCHICAL_ROLE and a nested role", role: "role/sub",
			agentCaps: agentCapabilities(mesosproto.AgentInfo_Capability_MULTI_ROLE)},
		{what: "a nested role", role: "role/sub", want: plain},
		{what: "revocable without capability", total: plain.Add(revocable), want: plain},
		{what: "revocable alone without capability", total: revocable},
		{what: "revocable with capability", total: plain.Add(revocable),
			framework: frameworkInfo([]string{"role"}, mesosproto.FrameworkInfo_Capability_REVOCABLE_RESOURCES), want: plain.Add(revocable)},
		{what: "shared without capability", total: plain.Add(shared), want: plain},
		{what: "shared with capability", total: plain.Add(shared),
			framework: frameworkInfo([]string{"role"}, mesosproto.FrameworkInfo_Capability_SHARED_RESOURCES), want: plain.Add(shared)},
		{what: "a refined reservation without capability", role: "role/sub", total: plain.Add(reserved("cpus:1", "role", "role/sub")),
			framework: oldFramework("role/sub"), want: plain},
		{what: "a refined reservation", role: "role/sub", total: plain.Add(reserved("cpus:1", "role", "role/sub")),
			want: plain.Add(reserved("cpus:1", "role", "role/sub"))},
		{what: "reserved for the role", total: plain.Add(reserved("cpus:1", "role")), want: plain.Add(reserved("cpus:1", "role"))},
		{what: "reserved for the role above", role: "role/sub", total: plain.Add(reserved("cpus:1", "role")), want: plain.Add(reserved("cpus:1", "role"))},
		{what: "reserved for a subrole", total: plain.Add(reserved("cpus:1", "role/sub")), want: plain},
		{what: "reserved for another role", total: plain.Add(reserved("cpus:1", "other")), want: plain},
		{what: "reserved for a role whose name begins alike", total: plain.Add(reserved("cpus:1", "rol")), want: plain},
		{what: "all reserved for another role", total: reserved("cpus:1;mem:64", "other")},
		{what: "reserved statically", total: resources.MustParse("cpus(role):1;mem(other):64;mem:32"), want: resources.MustParse("cpus(role):1;mem:32")},
	} {
		t.Run(row.what, func(t *testing.T) {
			c := setup(t, row.cfg)
			if row.role == "" {
				row.role = "role"
			}
			if row.framework == nil {
				row.framework = frameworkInfo([]string{row.role})
			}
			if row.agentCaps == nil {
				row.agentCaps = allAgentCaps
			}
			if row.total.IsEmpty() {
				row.total = plain
			}
			info := agentInfo("agent")
			if row.agent != nil {
				row.agent(info)
			}
			c.AddFramework("framework", row.framework, nil, true, FrameworkOptions{})
			c.AddAgent(info, row.agentCaps, nil, row.total, nil)
			list := c.settle()
			if row.want.IsEmpty() {
				require.Empty(t, list)
				require.NotEmpty(t, c.Explain(Question{FrameworkID: "framework", Role: row.role, AgentID: "agent"}))
				return
			}
			require.Len(t, list, 1)
			require.Equal(t, row.role, list[0].role)
			require.True(t, list[0].resources.Equal(row.want.Allocate(row.role)), "got %s, want %s", list[0].resources, row.want)
		})
	}
}

// Mesos: HierarchicalAllocatorTest.Allocatable and MinAllocatableResources tests.
func TestSmallestOffers(t *testing.T) {
	bundle := func(texts ...string) (list []resources.Quantities) {
		for _, text := range texts {
			q, err := resources.ParseQuantities(text)
			require.NoError(t, err)
			list = append(list, q)
		}
		return list
	}
	for _, row := range []struct {
		what      string
		minimum   []resources.Quantities
		framework *mesosproto.FrameworkInfo
		total     string
		offered   bool
	}{
		{"too little of both", nil, nil, "cpus:0.009;mem:31;disk:1000", false},
		{"enough cpus", nil, nil, "cpus:0.01", true},
		{"enough mem", nil, nil, "mem:32", true},
		{"over all reservations", nil, nil, "mem:16;mem(role):16", true},
		{"all of a bundle", bundle("cpus:1;mem:64"), nil, "cpus:1;mem:64", true},
		{"part of a bundle", bundle("cpus:1;mem:64"), nil, "cpus:1;mem:63", false},
		{"another bundle", bundle("cpus:1;mem:64", "disk:1"), nil, "disk:1", true},
		{"ports are counted", bundle("ports:3"), nil, "cpus:10;ports:[1-2]", false},
		{"enough ports", bundle("ports:3"), nil, "cpus:10;ports:[1-2,5-5]", true},
		{"no minimum", bundle(""), nil, "disk:1", true},
		{"the framework wants more", nil, withMinimum(frameworkInfo([]string{"role"}), "role", "cpus:2"), "cpus:1;mem:1024", false},
		{"the framework wants less", bundle("cpus:2"), withMinimum(frameworkInfo([]string{"role"}), "role", "cpus:1"), "cpus:1", true},
		{"the framework wants anything", bundle("cpus:2"), withMinimum(frameworkInfo([]string{"role"}), "role"), "disk:1", true},
		{"the framework says so of another role", bundle("cpus:2"), withMinimum(frameworkInfo([]string{"role"}), "other", "cpus:1"), "cpus:1", false},
	} {
		t.Run(row.what, func(t *testing.T) {
			c := setup(t, Config{MinAllocatable: row.minimum})
			info := row.framework
			if info == nil {
				info = frameworkInfo([]string{"role"})
			}
			c.AddFramework("framework", info, nil, true, FrameworkOptions{})
			c.agent("agent", row.total)
			require.Equal(t, row.offered, len(c.settle()) == 1)
		})
	}
}

func TestParseMinAllocatable(t *testing.T) {
	list, err := ParseMinAllocatable("cpus:0.01|mem:32;disk:1")
	require.NoError(t, err)
	require.Equal(t, "cpus:0.01 or mem:32; disk:1", minimumOf(list).String())
	list, err = ParseMinAllocatable("")
	require.NoError(t, err)
	require.True(t, minimumOf(list).allows(resources.Resources{}))
	_, err = ParseMinAllocatable("cpus:x")
	require.ErrorContains(t, err, "cpus:x")
}

// Mesos: HierarchicalAllocatorTest.Whitelist.
func TestWhitelist(t *testing.T) {
	c := setup(t, Config{})
	c.UpdateWhitelist([]string{"host-agent1", "elsewhere"}, false)
	c.framework("framework1", "*")
	c.agent("agent1", "cpus:2;mem:1024")
	c.agent("agent2", "cpus:2;mem:1024")
	require.Equal(t, "agent1", c.one().agent)
	c.UpdateWhitelist(nil, false)
	require.Empty(t, c.settle())
	c.UpdateWhitelist(nil, true)
	require.Equal(t, "agent2", c.one().agent)
}

// A shared volume goes to one framework a run, and again to others while it is in use.
func TestSharedVolumesAreOfferedAgain(t *testing.T) {
	c := setup(t, Config{MinAllocatable: []resources.Quantities{{}}})
	for _, id := range []string{"framework1", "framework2"} {
		c.AddFramework(id, frameworkInfo([]string{"role"}, mesosproto.FrameworkInfo_Capability_SHARED_RESOURCES), nil, true, FrameworkOptions{})
	}
	volume := sharedVolume("role").Resources()
	c.AddAgent(agentInfo("agent1"), allAgentCaps, nil, resources.MustParse("cpus:2;mem:1024").Add(volume), nil)
	first := c.one()
	require.Equal(t, 1, first.resources.Shared().At(0).Copies())
	require.Empty(t, c.after(interval/2))
	list := c.after(interval)
	require.Len(t, list, 1)
	require.NotEqual(t, first.framework, list[0].framework)
	require.True(t, list[0].resources.Equal(volume.Allocate("role")))
	require.Equal(t, resources.Scalar(64*resources.Unit), c.roles["role"].node.given.Get("disk"), "the role has the volume once")

	c.RecoverResources(first.framework, "agent1", first.resources, nil, false)
	c.RecoverResources(list[0].framework, "agent1", list[0].resources, nil, false)
	require.True(t, c.roles["role"].node.given.IsEmpty())
}

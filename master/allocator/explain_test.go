package allocator

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

func codesOf(list []Reason) (all []ReasonCode) {
	for _, r := range list {
		all = append(all, r.Code)
	}
	return all
}

func TestExplainFrameworks(t *testing.T) {
	c := setup(t, Config{})
	ask := func(id, role string) []ReasonCode { return codesOf(c.Explain(Question{FrameworkID: id, Role: role})) }
	require.Equal(t, []ReasonCode{FrameworkUnknown, NoAgents}, ask("framework1", "role1"))
	c.framework("framework1", "role1")
	require.Equal(t, []ReasonCode{RoleNotSubscribed, NoAgents}, ask("framework1", "role2"))
	c.agent("agent1", "cpus:2;mem:1024")
	require.Equal(t, []ReasonCode{RunPending}, ask("framework1", "role1"))
	require.Len(t, c.settle(), 1)
	require.Equal(t, []ReasonCode{HeldByItself, NothingFree}, ask("framework1", "role1"))
	c.SuppressOffers("framework1", nil)
	c.DeactivateFramework("framework1")
	c.Pause()
	require.Equal(t, []ReasonCode{FrameworkInactive, RoleSuppressed, AllocatorPaused, HeldByItself, NothingFree}, ask("framework1", "role1"))
	require.Equal(t, AgentUnknown, c.Explain(Question{FrameworkID: "framework1", Role: "role1", AgentID: "nowhere"})[3].Code)
}

// Every reason is found, not only the first.
func TestExplainGivesEveryReason(t *testing.T) {
	c := setup(t, Config{Domain: domain("here"), MinAllocatable: []resources.Quantities{resources.MustParse("mem:2048").Quantities()}})
	c.AddFramework("framework1", &mesosproto.FrameworkInfo{
		Roles:        []string{"role1/sub"},
		Capabilities: []*mesosproto.FrameworkInfo_Capability{{Type: mesosproto.FrameworkInfo_Capability_MULTI_ROLE.Enum()}},
	}, nil, true, FrameworkOptions{Constraints: constrain("role1/sub", group(on("rack", equals("r1"))), group(on("gen", exists()), on("rack", exists())))})
	info := agentInfo("agent1", "rack:r2")
	info.Domain = domain("there")
	total := resources.MustParse("cpus:4;mem:1024;gpus:1;ports:[1-9];cpus(other):1").
		Add(reserved("cpus:1", "role1", "role1/sub")).
		Add(resources.NewScalar("cpus", resources.Unit).AsRevocable().Resources()).
		Add(sharedVolume("role1").Resources())
	c.AddAgent(info, nil, nil, total, map[string]resources.Resources{"another": resources.MustParse("cpus:1").Allocate("role2")})
	c.DeactivateAgent("agent1")
	c.UpdateWhitelist([]string{"elsewhere"}, false)
	c.settle()
	list := c.Explain(Question{FrameworkID: "framework1", Role: "role1/sub", AgentID: "agent1", Needs: resources.MustParse("cpus:4;mem:100;ports:[9-11]")})
	require.Equal(t, []ReasonCode{
		AgentInactive, AgentNotWhitelisted, CapabilityGPU, CapabilityRegion, AgentNotMultiRole, AgentNotHierarchical, OfferConstraints,
		HeldByOthers, ReservedForOtherRoles, CapabilityShared, CapabilityRevocable, CapabilityRefinement, TooSmall, NotEnough, NotEnough,
	}, codesOf(list))
	for _, r := range list {
		require.Equal(t, "agent1", r.AgentID)
	}
	text := func(code ReasonCode) (all []string) {
		for _, r := range list {
			if r.Code == code {
				all = append(all, r.Text)
			}
		}
		return all
	}
	require.Equal(t, []string{`offer constraints exclude the agent: group 0 wants rack to be "r1", but it is "r2"; group 1 wants gen to exist, which it has not`}, text(OfferConstraints))
	require.Equal(t, []string{"cpus:1 is used by framework another in role role2"}, text(HeldByOthers))
	require.Equal(t, []string{"not enough is free: cpus: 3 of 4", "ports [10-11] are not free"}, text(NotEnough))
	require.Equal(t, []string{"cpus:3; mem:1024; gpus:1; ports:9 is less than the smallest offer worth making, mem:2048"}, text(TooSmall))
}

func TestExplainFilters(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:2;mem:1024")
	c.decline(c.one(), time.Hour)
	c.settle()
	list := c.Explain(Question{FrameworkID: "framework1", Role: "role1"})
	require.Equal(t, []Reason{{Refused, "agent1", "the framework refused cpus:2; mem:1024 until 2026-01-01T01:00:00.000Z; REVIVE ends that"}}, list)
	c.AddAgent(agentInfo("agent2"), nil, nil, resources.MustParse("cpus:1"), nil)
	c.settle()
	require.Len(t, c.Explain(Question{FrameworkID: "framework1", Role: "role1"}), 2)
	require.Len(t, c.Explain(Question{FrameworkID: "framework1", Role: "role1", Limit: 1}), 1)
	c.RemoveAgent("agent2")
	c.ReviveOffers("framework1", nil)
	require.Equal(t, []ReasonCode{RunPending}, codesOf(c.Explain(Question{FrameworkID: "framework1", Role: "role1"})))
}

func ExampleHierarchical_Explain() {
	c := setup(panics{}, Config{})
	c.framework("web", "prod")
	c.AddAgent(agentInfo("agent-1"), allAgentCaps, nil, resources.MustParse("cpus:4;mem:4096"), map[string]resources.Resources{
		"batch": resources.MustParse("cpus:3;mem:1024").Allocate("dev"),
	})
	o := c.one()
	c.decline(o, time.Minute)
	c.settle()
	for _, r := range c.Explain(Question{FrameworkID: "web", Role: "prod", Needs: resources.MustParse("cpus:2;mem:512")}) {
		fmt.Printf("%s %s: %s\n", r.AgentID, r.Code, r.Text)
	}
	// Output:
	// agent-1 HELD_BY_OTHERS: cpus:3; mem:1024 is used by framework batch in role dev
	// agent-1 NOT_ENOUGH: not enough is free: cpus: 1 of 2
	// agent-1 REFUSED: the framework refused cpus:1; mem:3072 until 2026-01-01T00:01:00.000Z; REVIVE ends that
}

// panics is a testingT for examples.
type panics struct{}

func (panics) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (panics) FailNow()                          { panic("failed") }
func (panics) Helper()                           {}

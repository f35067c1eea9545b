package allocator

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
)

type (
	attributeConstraint = schedulerpb.AttributeConstraint
	predicate           = schedulerpb.AttributeConstraint_Predicate
	selector            = schedulerpb.AttributeConstraint_Selector
)

func on(name string, p *predicate) *attributeConstraint {
	s := &selector{Selector: &schedulerpb.AttributeConstraint_Selector_AttributeName{AttributeName: name}}
	if n, found := schedulerpb.AttributeConstraint_Selector_PseudoattributeType_value[name]; found {
		s.Selector = &schedulerpb.AttributeConstraint_Selector_PseudoattributeType_{
			PseudoattributeType: schedulerpb.AttributeConstraint_Selector_PseudoattributeType(n)}
	}
	return &attributeConstraint{Selector: s, Predicate: p}
}

func exists() *predicate {
	return &predicate{Predicate: &schedulerpb.AttributeConstraint_Predicate_Exists_{}}
}

func notExists() *predicate {
	return &predicate{Predicate: &schedulerpb.AttributeConstraint_Predicate_NotExists_{}}
}

func equals(v string) *predicate {
	return &predicate{Predicate: &schedulerpb.AttributeConstraint_Predicate_TextEquals_{
		TextEquals: &schedulerpb.AttributeConstraint_Predicate_TextEquals{Value: proto.String(v)}}}
}

func notEquals(v string) *predicate {
	return &predicate{Predicate: &schedulerpb.AttributeConstraint_Predicate_TextNotEquals_{
		TextNotEquals: &schedulerpb.AttributeConstraint_Predicate_TextNotEquals{Value: proto.String(v)}}}
}

func matches(v string) *predicate {
	return &predicate{Predicate: &schedulerpb.AttributeConstraint_Predicate_TextMatches_{
		TextMatches: &schedulerpb.AttributeConstraint_Predicate_TextMatches{Regex: proto.String(v)}}}
}

func notMatches(v string) *predicate {
	return &predicate{Predicate: &schedulerpb.AttributeConstraint_Predicate_TextNotMatches_{
		TextNotMatches: &schedulerpb.AttributeConstraint_Predicate_TextNotMatches{Regex: proto.String(v)}}}
}

func group(list ...*attributeConstraint) *schedulerpb.OfferConstraints_RoleConstraints_Group {
	return &schedulerpb.OfferConstraints_RoleConstraints_Group{AttributeConstraints: list}
}

func constrain(role string, groups ...*schedulerpb.OfferConstraints_RoleConstraints_Group) *schedulerpb.OfferConstraints {
	return &schedulerpb.OfferConstraints{RoleConstraints: map[string]*schedulerpb.OfferConstraints_RoleConstraints{role: {Groups: groups}}}
}

// Mesos: src/tests/master/offer_constraints_filter_tests.cpp.
func TestConstraintsOnOneAttribute(t *testing.T) {
	with := func(attributes string) *mesosproto.AgentInfo {
		a := agentInfo("agent", attributes)
		a.Domain = domain("r1")
		return a
	}
	missing, r1, r2, number := agentInfo("agent"), with("rack:r1"), with("rack:r2"), with("rack:7")
	for _, row := range []struct {
		what       string
		p          *predicate
		none, one  bool // for an agent without, and with "r1"
		two, other bool // with "r2", and with a number
	}{
		{"exists", exists(), false, true, true, true},
		{"not exists", notExists(), true, false, false, false},
		{"equals", equals("r1"), false, true, false, true},
		{"not equals", notEquals("r1"), true, false, true, true},
		{"matches", matches("r?1"), false, true, false, true},
		{"matches a part", matches("r"), false, false, false, true},
		{"matches either", matches("r1|r2"), false, true, true, true},
		{"not matches", notMatches("r?1"), true, false, true, true},
	} {
		t.Run(row.what, func(t *testing.T) {
			c := constraintsOf(constrain("role", group(on("rack", row.p))), "role")
			require.Equal(t, []bool{row.none, row.one, row.two, row.other},
				[]bool{c.allow(missing), c.allow(r1), c.allow(r2), c.allow(number)})
		})
	}
	t.Run("the first attribute of the name counts", func(t *testing.T) {
		c := constraintsOf(constrain("role", group(on("rack", equals("r2")))), "role")
		require.False(t, c.allow(with("rack:r1;rack:r2")))
	})
	t.Run("pseudo-attributes", func(t *testing.T) {
		for _, row := range []struct {
			c    *attributeConstraint
			want bool
		}{
			{on("HOSTNAME", equals("host-agent")), true},
			{on("HOSTNAME", notExists()), false},
			{on("REGION", equals("r1")), true},
			{on("ZONE", matches("zone of .*")), true},
			{on("ZONE", notMatches("zone of .*")), false},
		} {
			require.Equal(t, row.want, constraintsOf(constrain("role", group(row.c)), "role").allow(r1), "%v", row.c)
		}
		require.False(t, constraintsOf(constrain("role", group(on("REGION", exists()))), "role").allow(missing))
	})
}

func TestGroupsOfConstraints(t *testing.T) {
	agent := agentInfo("agent", "rack:r1;gen:g2")
	allow := func(groups ...*schedulerpb.OfferConstraints_RoleConstraints_Group) bool {
		return constraintsOf(constrain("role", groups...), "role").allow(agent)
	}
	yes, no := on("rack", equals("r1")), on("gen", equals("g1"))
	require.True(t, allow(group(yes)))
	require.False(t, allow(group(yes, no)))
	require.True(t, allow(group(no), group(yes)))
	require.False(t, allow(group(no), group(no, yes)))
	require.True(t, constraintsOf(constrain("role", group(no)), "other role").allow(agent))
}

func TestConstrainedFrameworkGetsOffersOfSuitableAgents(t *testing.T) {
	c := setup(t, Config{})
	only := func(rack string) FrameworkOptions {
		return FrameworkOptions{Constraints: constrain("role1", group(on("rack", equals(rack))))}
	}
	c.AddFramework("framework1", frameworkInfo([]string{"role1", "role2"}), nil, true, only("r1"))
	c.SuppressOffers("framework1", []string{"role2"})
	total := resources.MustParse("cpus:2;mem:1024")
	c.AddAgent(agentInfo("agent1", "rack:r1"), allAgentCaps, nil, total, nil)
	c.AddAgent(agentInfo("agent2", "rack:r2"), allAgentCaps, nil, total, nil)
	require.Equal(t, "agent1", c.one().agent)
	require.Equal(t, []RoleAgents{{"role1", []string{"agent2"}}}, c.Excluded("framework1"))

	c.UpdateAgent(agentInfo("agent2", "rack:r1"), total, allAgentCaps)
	require.Equal(t, "agent2", c.one().agent)

	c.AddAgent(agentInfo("agent3", "rack:r3"), allAgentCaps, nil, total, nil)
	require.Empty(t, c.settle())
	options := only("r3")
	options.Suppressed = []string{"role2"}
	c.UpdateFramework("framework1", frameworkInfo([]string{"role1", "role2"}), options)
	require.Equal(t, "agent3", c.one().agent)
	c.ReviveOffers("framework1", []string{"role2"})
	c.AddAgent(agentInfo("agent4"), allAgentCaps, nil, total, nil)
	require.Equal(t, "role2", c.one().role, "which is not constrained")
}

// The master refuses these; if they come here all the same, no agent is allowed.
func TestIllegalConstraints(t *testing.T) {
	for what, c := range map[string]*schedulerpb.OfferConstraints{
		"no groups":                   constrain("role"),
		"an empty group":              constrain("role", group(on("a", notExists())), group()),
		"no selector":                 constrain("role", group(&attributeConstraint{Selector: &selector{}, Predicate: notExists()})),
		"an unknown pseudo-attribute": constrain("role", group(on("UNKNOWN", notExists()))),
		"no predicate":                constrain("role", group(on("a", notExists()), on("a", &predicate{}))),
		"a bad expression":            constrain("role", group(on("a", notMatches("(")))),
		"an expression that ends the group around it": constrain("role", group(on("a", notMatches("a)|(b")))),
		"a bad expression that must match":            constrain("role", group(on("a", notExists())), group(on("a", matches(`\1`)))),
	} {
		require.False(t, constraintsOf(c, "role").allow(agentInfo("agent")), what)
	}
	require.True(t, constraintsOf(nil, "role").allow(agentInfo("agent")))
}

func FuzzConstraintRegex(f *testing.F) {
	for _, s := range []string{"", "a|b", "(", "(a{1000}){1000}", `\C`, "[[:alpha:]]*", "(?i)x"} {
		f.Add(s, "abc")
	}
	f.Fuzz(func(t *testing.T, expression, value string) {
		if _, err := compileRegex(expression); err != nil {
			return
		}
		c := constrain("role", group(on("a", matches(expression))))
		agent := agentInfo("agent")
		agent.Attributes = []*mesosproto.Attribute{{Name: proto.String("a"), Type: mesosproto.Value_TEXT.Enum(), Text: &mesosproto.Value_Text{Value: &value}}}
		opposite := constrain("role", group(on("a", notMatches(expression))))
		require.NotEqual(t, constraintsOf(c, "role").allow(agent), constraintsOf(opposite, "role").allow(agent))
	})
}

package allocator

import (
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// MaxRegexProgram is how many instructions a regular expression of an offer constraint may compile to
// (--offer_constraints_re2_max_program_size).
const MaxRegexProgram = 100

// ValidateConstraints tells why offer constraints are not legal: a role without groups, a group
// without constraints, a constraint without selector or predicate, a regular expression that is wrong
// or too large. The master refuses such frameworks before it adds them.
//
// Errors: InvalidArgument, naming role, group and constraint. Mesos:
// src/master/allocator/mesos/offer_constraints_filter.cpp.
func ValidateConstraints(c *schedulerpb.OfferConstraints) error {
	for _, role := range sortedKeys(c.GetRoleConstraints()) {
		if _, err := compileConstraints(role, c.GetRoleConstraints()[role]); err != nil {
			return err
		}
	}
	return nil
}

// constraints are the offer constraints of a framework in a role: the groups, one of which an agent must
// satisfy as a whole. nil allows every agent.
type constraints struct {
	groups [][]constraint
}

// constraint is about one attribute, or a pseudo-attribute.
type constraint struct {
	pseudo schedulerpb.AttributeConstraint_Selector_PseudoattributeType
	name   string
	// text judges a TEXT; other types satisfy every predicate that is about text.
	text    func(value string) bool
	missing bool   // what the predicate says of an agent without the attribute
	wants   string // the predicate in words
}

// constraintsOf compiles the constraints for a role. Illegal ones, which the master never lets through,
// allow no agent, since a framework that constrains its offers must not get others.
func constraintsOf(all *schedulerpb.OfferConstraints, role string) *constraints {
	given, found := all.GetRoleConstraints()[role]
	if !found {
		return nil
	}
	c, err := compileConstraints(role, given)
	if err != nil {
		return &constraints{}
	}
	return c
}

func compileConstraints(role string, given *schedulerpb.OfferConstraints_RoleConstraints) (*constraints, error) {
	if len(given.GetGroups()) == 0 {
		return nil, status.Errorf(codes.InvalidArgument,
			"offer constraints of role %s have no groups; leave the role out to get offers of all agents", role)
	}
	c := &constraints{}
	for g, group := range given.GetGroups() {
		if len(group.GetAttributeConstraints()) == 0 {
			return nil, status.Errorf(codes.InvalidArgument, "offer constraints of role %s: group %d is empty", role, g)
		}
		var list []constraint
		for i, proto := range group.GetAttributeConstraints() {
			one, problem := compileConstraint(proto)
			if problem != "" {
				return nil, status.Errorf(codes.InvalidArgument,
					"offer constraints of role %s: group %d, constraint %d %s", role, g, i, problem)
			}
			list = append(list, one)
		}
		c.groups = append(c.groups, list)
	}
	return c, nil
}

func compileConstraint(p *schedulerpb.AttributeConstraint) (c constraint, problem string) {
	switch s := p.GetSelector().GetSelector().(type) {
	case *schedulerpb.AttributeConstraint_Selector_AttributeName:
		c.name = s.AttributeName
	case *schedulerpb.AttributeConstraint_Selector_PseudoattributeType_:
		c.pseudo = s.PseudoattributeType
		switch c.pseudo {
		case schedulerpb.AttributeConstraint_Selector_HOSTNAME,
			schedulerpb.AttributeConstraint_Selector_REGION,
			schedulerpb.AttributeConstraint_Selector_ZONE:
		default:
			return c, "selects a pseudo-attribute that is not HOSTNAME, REGION or ZONE"
		}
	default:
		return c, "has no selector"
	}
	switch p := p.GetPredicate().GetPredicate().(type) {
	case *schedulerpb.AttributeConstraint_Predicate_Exists_:
		c.wants = "to exist"
	case *schedulerpb.AttributeConstraint_Predicate_NotExists_:
		c.missing, c.wants = true, "not to exist"
	case *schedulerpb.AttributeConstraint_Predicate_TextEquals_:
		want := p.TextEquals.GetValue()
		c.wants = fmt.Sprintf("to be %q", want)
		c.text = func(v string) bool { return v == want }
	case *schedulerpb.AttributeConstraint_Predicate_TextNotEquals_:
		want := p.TextNotEquals.GetValue()
		c.wants = fmt.Sprintf("not to be %q", want)
		c.text, c.missing = func(v string) bool { return v != want }, true
	case *schedulerpb.AttributeConstraint_Predicate_TextMatches_:
		re, problem := compileRegex(p.TextMatches.GetRegex())
		if problem != "" {
			return c, problem
		}
		c.wants = fmt.Sprintf("to match %q", p.TextMatches.GetRegex())
		c.text = re.MatchString
	case *schedulerpb.AttributeConstraint_Predicate_TextNotMatches_:
		re, problem := compileRegex(p.TextNotMatches.GetRegex())
		if problem != "" {
			return c, problem
		}
		c.wants = fmt.Sprintf("not to match %q", p.TextNotMatches.GetRegex())
		c.text, c.missing = func(v string) bool { return !re.MatchString(v) }, true
	default:
		return c, "has no predicate"
	}
	return c, ""
}

// compileRegex compiles an expression that must match the whole of a text. Go's syntax is RE2's.
func compileRegex(text string) (*regexp.Regexp, string) {
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, "has a bad regular expression: " + err.Error()
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, "has a bad regular expression: " + err.Error()
	}
	if len(program.Inst) > MaxRegexProgram {
		return nil, "has a regular expression that is too large: " + text
	}
	re, err := regexp.Compile(`\A(?:` + text + `)\z`)
	if err != nil {
		return nil, "has a bad regular expression: " + err.Error()
	}
	return re, ""
}

// allow tells whether a framework wants offers of an agent.
func (c *constraints) allow(info *mesosproto.AgentInfo) bool {
	if c == nil {
		return true
	}
	for _, group := range c.groups {
		all := true
		for i := range group {
			if !group[i].holds(info) {
				all = false
				break
			}
		}
		if all {
			return true
		}
	}
	return false
}

func (c *constraint) holds(info *mesosproto.AgentInfo) bool {
	value, isText, found := c.value(info)
	switch {
	case !found:
		return c.missing
	case c.text == nil:
		return !c.missing // exists and not_exists
	case !isText:
		return true
	}
	return c.text(value)
}

// value finds the first attribute of that name, or the pseudo-attribute.
func (c *constraint) value(info *mesosproto.AgentInfo) (text string, isText, found bool) {
	domain := info.GetDomain().GetFaultDomain()
	switch c.pseudo {
	case schedulerpb.AttributeConstraint_Selector_HOSTNAME:
		return info.GetHostname(), true, true
	case schedulerpb.AttributeConstraint_Selector_REGION:
		return domain.GetRegion().GetName(), true, domain != nil
	case schedulerpb.AttributeConstraint_Selector_ZONE:
		return domain.GetZone().GetName(), true, domain != nil
	}
	for _, a := range info.GetAttributes() {
		if a.GetName() == c.name {
			return a.GetText().GetValue(), a.GetType() == mesosproto.Value_TEXT, true
		}
	}
	return "", false, false
}

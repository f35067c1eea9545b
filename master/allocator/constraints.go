package allocator

import (
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

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

// constraintsOf compiles the constraints for a role. The master has validated them; illegal ones would
// allow no agent, since a framework that constrains its offers must not get others.
func constraintsOf(all *schedulerpb.OfferConstraints, role string) *constraints {
	given, found := all.GetRoleConstraints()[role]
	if !found {
		return nil
	}
	c := &constraints{}
	for _, group := range given.GetGroups() {
		var list []constraint
		for _, p := range group.GetAttributeConstraints() {
			one, legal := compileConstraint(p)
			if !legal {
				return &constraints{}
			}
			list = append(list, one)
		}
		if len(list) == 0 {
			return &constraints{}
		}
		c.groups = append(c.groups, list)
	}
	return c
}

func compileConstraint(p *schedulerpb.AttributeConstraint) (c constraint, legal bool) {
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
			return c, false
		}
	default:
		return c, false
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
		re, err := compileRegex(p.TextMatches.GetRegex())
		if err != nil {
			return c, false
		}
		c.wants = fmt.Sprintf("to match %q", p.TextMatches.GetRegex())
		c.text = re.MatchString
	case *schedulerpb.AttributeConstraint_Predicate_TextNotMatches_:
		re, err := compileRegex(p.TextNotMatches.GetRegex())
		if err != nil {
			return c, false
		}
		c.wants = fmt.Sprintf("not to match %q", p.TextNotMatches.GetRegex())
		c.text, c.missing = func(v string) bool { return !re.MatchString(v) }, true
	default:
		return c, false
	}
	return c, true
}

// compileRegex compiles an expression that must match the whole of a text. Go's syntax is RE2's.
func compileRegex(text string) (*regexp.Regexp, error) {
	if _, err := syntax.Parse(text, syntax.Perl); err != nil { // it could end the group around it
		return nil, err
	}
	return regexp.Compile(`\A(?:` + text + `)\z`)
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

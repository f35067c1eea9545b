package validation

import (
	"regexp"
	"regexp/syntax"
	"slices"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// MaxRegexProgram bounds the compiled size of a regular expression in offer constraints, in
// instructions. Mesos: --offer_constraints_re2_max_program_size (100).
const MaxRegexProgram = 100

// OfferConstraints checks the constraints that a framework puts on agents: only for its own roles,
// nothing empty, regular expressions that compile and stay small.
func OfferConstraints(info *mesosproto.FrameworkInfo, c *schedulerpb.OfferConstraints) error {
	own := FrameworkRoles(info)
	for _, role := range sortedKeys(c.GetRoleConstraints()) {
		if !slices.Contains(own, role) {
			return reason("Offer constraints specify `role_constraints` for a role '%s' which is not contained in the set of roles", role)
		}
		rc := c.GetRoleConstraints()[role]
		if len(rc.GetGroups()) == 0 {
			return reason("Offer constraints are not valid: A role %s has an empty 'RoleConstraints'", role)
		}
		for _, g := range rc.GetGroups() {
			if len(g.GetAttributeConstraints()) == 0 {
				return reason("Offer constraints are not valid: A role %s has an empty 'RoleConstraints::Group'", role)
			}
			for _, a := range g.GetAttributeConstraints() {
				if err := attributeConstraint(a); err != nil {
					return reason("Offer constraints are not valid: A role %s has an invalid 'AttributeConstraint': %s", role, err)
				}
			}
		}
	}
	return nil
}

func attributeConstraint(a *schedulerpb.AttributeConstraint) error {
	switch s := a.GetSelector().GetSelector().(type) {
	case *schedulerpb.AttributeConstraint_Selector_AttributeName:
	case *schedulerpb.AttributeConstraint_Selector_PseudoattributeType_:
		switch s.PseudoattributeType {
		case schedulerpb.AttributeConstraint_Selector_HOSTNAME,
			schedulerpb.AttributeConstraint_Selector_REGION,
			schedulerpb.AttributeConstraint_Selector_ZONE:
		default:
			return reason("Unknown pseudoattribute type")
		}
	default:
		return reason("Exactly one of 'AttributeConstraint::Selector::name' or 'AttributeConstraint::Selector::pseudoattribute_type' must be set")
	}
	p := a.GetPredicate()
	switch p.GetPredicate().(type) {
	case nil:
		return reason("Unknown predicate type")
	case *schedulerpb.AttributeConstraint_Predicate_TextMatches_:
		return regex(p.GetTextMatches().GetRegex())
	case *schedulerpb.AttributeConstraint_Predicate_TextNotMatches_:
		return regex(p.GetTextNotMatches().GetRegex())
	}
	return nil
}

func regex(pattern string) error {
	if _, err := regexp.Compile(pattern); err != nil {
		text := err.Error()
		if e, ok := err.(*syntax.Error); ok {
			text = e.Code.String() + ": " + pattern
			if e.Code == syntax.ErrMissingParen {
				text = "missing ): " + pattern
			}
		}
		return reason("Failed to construct regex from pattern '%s': %s", pattern, text)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return reason("Failed to construct regex from pattern '%s': %s", pattern, err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return reason("Failed to construct regex from pattern '%s': %s", pattern, err)
	}
	if n := len(program.Inst); n > MaxRegexProgram {
		return reason("Size of regex '%s' is %d instructions, which exceeds the maximum of %d", pattern, n, MaxRegexProgram)
	}
	return nil
}

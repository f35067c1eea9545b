package framework

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mesokit/mesokit/mesosproto"
)

// Op is what a [Constraint] asks of a field.
type Op string

const (
	// Unique: no other instance has this value.
	Unique Op = "UNIQUE"
	// Cluster: all instances have the same value: Constraint.Value or, without one, the first instance's.
	Cluster Op = "CLUSTER"
	// GroupBy: instances are spread evenly over the values. Constraint.Value is how many values there
	// are; without it, those that have an instance count, and one not seen before is always welcome.
	GroupBy Op = "GROUP_BY"
	// Like: the whole value matches a regular expression.
	Like Op = "LIKE"
	// Unlike: it does not. Agents without the field satisfy this one only.
	Unlike Op = "UNLIKE"
	// MaxPer: at most Constraint.Value instances have the same value.
	MaxPer Op = "MAX_PER"
	// Is: the value is Constraint.Value.
	Is Op = "IS"
)

// Constraint restricts the agents that instances may run on. They are those of Marathon.
type Constraint struct {
	// Field is an attribute of agents, or "hostname", "@region", "@zone".
	Field string
	Op    Op
	// Value is what the Op is about; see there.
	Value string

	number  int
	pattern *regexp.Regexp
}

// ParseConstraint reads FIELD:OP or FIELD:OP:VALUE, such as "rack:GROUP_BY:3".
//
// Errors: InvalidArgument.
func ParseConstraint(text string) (Constraint, error) {
	parts := strings.SplitN(text, ":", 3)
	if len(parts) < 2 {
		return Constraint{}, invalid("constraint %q: expecting FIELD:OP or FIELD:OP:VALUE", text)
	}
	c := Constraint{Field: parts[0], Op: Op(strings.ToUpper(parts[1]))}
	if len(parts) == 3 {
		c.Value = parts[2]
	}
	c, err := c.checked()
	if err != nil {
		return Constraint{}, invalid("%v", err)
	}
	return c, nil
}

// MustConstraint is ParseConstraint for texts that are known to be right; it panics otherwise.
func MustConstraint(text string) Constraint {
	c, err := ParseConstraint(text)
	if err != nil {
		panic(err)
	}
	return c
}

func (c Constraint) String() string {
	s := c.Field + ":" + string(c.Op)
	if c.Value != "" {
		s += ":" + c.Value
	}
	return s
}

func (c Constraint) checked() (Constraint, error) {
	if c.Field == "" {
		return c, fmt.Errorf("constraint %s: no field; expecting an attribute, hostname, @region or @zone", c)
	}
	var err error
	switch c.Op {
	case Unique:
		if c.Value != "" {
			return c, fmt.Errorf("constraint %s: UNIQUE has no value", c)
		}
	case Cluster:
	case GroupBy, MaxPer:
		if c.Op == GroupBy && c.Value == "" {
			break
		}
		if c.number, err = strconv.Atoi(c.Value); err != nil || c.number < 1 {
			return c, fmt.Errorf("constraint %s: the value must be a number, at least 1", c)
		}
	case Like, Unlike:
		if c.pattern, err = regexp.Compile("^(?:" + c.Value + ")$"); err != nil || c.Value == "" {
			return c, fmt.Errorf("constraint %s: the value must be a regular expression", c)
		}
	case Is:
		if c.Value == "" {
			return c, fmt.Errorf("constraint %s: IS needs a value", c)
		}
	default:
		return c, fmt.Errorf("constraint %s: unknown operator; expecting UNIQUE, CLUSTER, GROUP_BY, LIKE, UNLIKE, MAX_PER or IS", c)
	}
	return c, nil
}

// refuses says why an agent with these fields is not right, given those of the agents that the other
// instances run on; empty if it is.
func (c Constraint) refuses(fields map[string]string, others []map[string]string) string {
	value, has := fields[c.Field]
	if !has {
		if c.Op == Unlike {
			return ""
		}
		return fmt.Sprintf("%s: the agent has no %s", c, c.Field)
	}
	switch c.Op {
	case Like, Unlike:
		if c.pattern.MatchString(value) != (c.Op == Like) {
			return fmt.Sprintf("%s: it is %s", c, value)
		}
		return ""
	case Is:
		if value != c.Value {
			return fmt.Sprintf("%s: it is %s", c, value)
		}
		return ""
	}
	count := map[string]int{}
	for _, o := range others {
		if v, ok := o[c.Field]; ok {
			count[v]++
		}
	}
	switch c.Op {
	case Unique:
		if count[value] > 0 {
			return fmt.Sprintf("%s: an instance is on %s already", c, value)
		}
	case MaxPer:
		if count[value] >= c.number {
			return fmt.Sprintf("%s: %d instances are on %s already", c, count[value], value)
		}
	case Cluster:
		want := c.Value
		if want == "" && len(others) > 0 {
			want = others[0][c.Field]
		}
		if want != "" && value != want {
			return fmt.Sprintf("%s: it is %s, not %s", c, value, want)
		}
	case GroupBy:
		least := 0
		if groups := slices.Sorted(maps.Values(count)); len(groups) > 0 && len(groups) >= c.number {
			least = groups[0]
		}
		if count[value] > least {
			return fmt.Sprintf("%s: %d instances are on %s, only %d elsewhere", c, count[value], value, least)
		}
	}
	return ""
}

// fieldsOf returns what constraints know of an offer's agent.
func fieldsOf(o *mesosproto.Offer) map[string]string {
	fields := map[string]string{}
	for _, a := range o.GetAttributes() {
		fields[a.GetName()] = attributeText(a)
	}
	fields["hostname"] = o.GetHostname()
	if d := o.GetDomain().GetFaultDomain(); d != nil {
		fields["@region"] = d.GetRegion().GetName()
		fields["@zone"] = d.GetZone().GetName()
	}
	return fields
}

// attributeText is a value as constraints compare it: 3, text, {a,b}, [1-2,5-6].
func attributeText(a *mesosproto.Attribute) string {
	switch a.GetType() {
	case mesosproto.Value_SCALAR:
		return strconv.FormatFloat(a.GetScalar().GetValue(), 'f', -1, 64)
	case mesosproto.Value_SET:
		return "{" + strings.Join(a.GetSet().GetItem(), ",") + "}"
	case mesosproto.Value_RANGES:
		var parts []string
		for _, r := range a.GetRanges().GetRange() {
			parts = append(parts, fmt.Sprintf("%d-%d", r.GetBegin(), r.GetEnd()))
		}
		return "[" + strings.Join(parts, ",") + "]"
	default:
		return a.GetText().GetValue()
	}
}

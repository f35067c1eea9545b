package resources

import (
	"fmt"
	"strings"

	"github.com/mesokit/mesokit/mesosproto"
)

// ParseAttributes reads an agent's attributes, "rack:r1;gen:2;ports:[1-10]", separated by semicolons or
// newlines; all behind the first colon is the value: a number, ranges, or else a text. Order and
// duplicates are kept.
//
// Errors: an entry without name or value, or a set, which attributes can't hold.
// Mesos: src/common/attributes.cpp, parse; flag --attributes.
func ParseAttributes(text string) ([]*mesosproto.Attribute, error) {
	var list []*mesosproto.Attribute
	for _, token := range tokens(text, ";\n") {
		if strings.TrimSpace(token) == "" {
			continue
		}
		name, text, found := strings.Cut(token, ":")
		if name = strings.TrimSpace(name); !found || name == "" {
			return nil, fmt.Errorf("invalid attribute '%s': want name:value", token)
		}
		v, err := parseValue(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("invalid value of attribute '%s': %w", token, err)
		}
		a := &mesosproto.Attribute{Name: &name}
		switch v.typ {
		case TypeScalar:
			a.Type = mesosproto.Value_SCALAR.Enum()
			a.Scalar = &mesosproto.Value_Scalar{Value: &v.number}
		case TypeRanges:
			a.Type = mesosproto.Value_RANGES.Enum()
			a.Ranges = Ranges(v.ranges).Proto()
		case typeText:
			a.Type = mesosproto.Value_TEXT.Enum()
			a.Text = &mesosproto.Value_Text{Value: &v.text}
		default:
			return nil, fmt.Errorf("attribute '%s' is a set; want a number, ranges or a text", token)
		}
		list = append(list, a)
	}
	return list, nil
}

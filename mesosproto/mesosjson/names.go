package mesosjson

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// vocabulary chooses between the two sets of names; plans keep both side by side.
type vocabulary uint8

const (
	v1 vocabulary = iota
	legacy
	vocabularies
)

func (v vocabulary) fieldName(d protoreflect.FieldDescriptor) string {
	name := string(d.Name())
	if v == legacy {
		switch name {
		case "agent_id":
			return "slave_id"
		case "agent_info":
			return "slave_info"
		}
	}
	return name
}

func (v vocabulary) enumName(d protoreflect.EnumValueDescriptor) string {
	name := string(d.Name())
	if v == legacy {
		if name == "SOURCE_AGENT" {
			return "SOURCE_SLAVE"
		}
		if rest, ok := strings.CutPrefix(name, "REASON_AGENT_"); ok {
			return "REASON_SLAVE_" + rest
		}
	}
	return name
}

// enumeration holds the names of an enum's values.
type enumeration struct {
	quoted  [vocabularies]map[int32]string // with quotation marks
	numbers [vocabularies]map[string]int32
}

func newEnumeration(d protoreflect.EnumDescriptor) *enumeration {
	e := &enumeration{}
	values := d.Values()
	for v := range vocabularies {
		e.quoted[v] = make(map[int32]string, values.Len())
		e.numbers[v] = make(map[string]int32, values.Len())
		for i := range values.Len() {
			value := values.Get(i)
			number, name := int32(value.Number()), v.enumName(value)
			e.numbers[v][name] = number
			if _, alias := e.quoted[v][number]; !alias {
				e.quoted[v][number] = `"` + name + `"`
			}
		}
	}
	return e
}

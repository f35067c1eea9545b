//lint:file-ignore SA1019 the deprecated field role is half of the old format of reservations

package resources

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
)

// Parse reads resources from text, either simple or JSON:
//
//	cpus:4;mem(prod):1024;ports:[31000-32000];licences:{a, b}
//	[{"name":"cpus","type":"SCALAR","scalar":{"value":4},"role":"prod"}]
//
// In simple text a role in parentheses is a static reservation. JSON is an array of Resource
// messages and can say everything else: disks, dynamic reservations, volumes.
//
// Errors: not well formed, an illegal resource, or a name used with two types.
// Mesos: src/common/resources.cpp, parse; flag --resources.
func Parse(text string) (Resources, error) {
	entries, err := parse(text, AnyRole)
	if err != nil {
		return Resources{}, err
	}
	return collect(entries), nil
}

// MustParse is [Parse] for text that is known to be right; it panics if it isn't.
func MustParse(text string) Resources {
	r, err := Parse(text)
	if err != nil {
		panic(fmt.Sprintf("resources.MustParse(%q): %v", text, err))
	}
	return r
}

// ParseFlag reads the value of an agent's --resources. Entries that name no role are reserved
// statically to defaultRole, unless that is "*".
//
// names are those mentioned, sorted: one with a zero amount is not in the result but still says that
// it must not be detected.
//
// Errors: as [Parse], and what can't be configured: dynamic reservations, persistent volumes and revocable resources.
func ParseFlag(text, defaultRole string) (r Resources, names []string, err error) {
	entries, err := parse(text, defaultRole)
	if err != nil {
		return Resources{}, nil, err
	}
	for _, e := range entries {
		switch {
		case e.IsPersistentVolume():
			return Resources{}, nil, reason("Persistent volumes cannot be specified at the command line")
		case e.IsRevocable():
			return Resources{}, nil, reason("Revocable resources cannot be specified at the command line;" +
				" do not include a 'revocable' key in the resources JSON")
		case e.IsDynamicallyReserved():
			return Resources{}, nil, reason("Dynamic reservations cannot be specified at the command line;" +
				" do not include a reservation with DYNAMIC type in the resources JSON")
		}
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return collect(entries), slices.Compact(names), nil
}

// parse returns the entries as written, empty ones too.
func parse(text, defaultRole string) ([]Resource, error) {
	var entries []Resource
	var err error
	if strings.HasPrefix(strings.TrimSpace(text), "[") {
		entries, err = parseJSON(text, defaultRole)
	} else {
		entries, err = parseSimple(text, defaultRole)
	}
	if err != nil {
		return nil, err
	}
	types := make(map[string]Type, len(entries))
	for _, e := range entries {
		if typ, seen := types[e.Name()]; seen && typ != e.Type() {
			return nil, reason("Resources with the same name ('%s') but different types are not allowed", e.Name())
		}
		types[e.Name()] = e.Type()
	}
	return entries, nil
}

func parseJSON(text, defaultRole string) ([]Resource, error) {
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("resources are not a JSON array: %w", err)
	}
	entries := make([]Resource, 0, len(list))
	for i, raw := range list {
		m := &mesosproto.Resource{}
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(raw, m); err != nil {
			return nil, fmt.Errorf("resource %d of the JSON array: %w", i, err)
		}
		if m.Role == nil && len(m.Reservations) == 0 {
			m.Role = proto.String(defaultRole)
		}
		e, err := FromMessage(m)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func parseSimple(text, defaultRole string) ([]Resource, error) {
	var entries []Resource
	for token := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(token) == "" {
			continue
		}
		parts := tokens(token, ":")
		if len(parts) != 2 {
			return nil, fmt.Errorf("bad value for resources, missing or extra ':' in '%s'", token)
		}
		name, role := parts[0], defaultRole
		if open := strings.IndexByte(name, '('); open >= 0 {
			length := strings.IndexByte(name[open:], ')')
			if length < 0 {
				return nil, fmt.Errorf("bad value for resources, mismatched parentheses in '%s'", token)
			}
			name, role = name[:open], strings.TrimSpace(name[open+1:open+length])
		}
		e, err := parseEntry(strings.TrimSpace(name), role, parts[1])
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func parseEntry(name, role, text string) (Resource, error) {
	v, err := parseValue(text)
	if err != nil {
		return Resource{}, fmt.Errorf("failed to parse resource %s value %s error %w", name, text, err)
	}
	m := &mesosproto.Resource{Name: &name, Role: &role}
	switch v.typ {
	case TypeScalar:
		m.Type = mesosproto.Value_SCALAR.Enum()
		m.Scalar = &mesosproto.Value_Scalar{Value: &v.number}
	case TypeRanges:
		m.Type = mesosproto.Value_RANGES.Enum()
		m.Ranges = Ranges(v.ranges).Proto()
	case TypeSet:
		m.Type = mesosproto.Value_SET.Enum()
		m.Set = &mesosproto.Value_Set{Item: v.items}
	default:
		return Resource{}, fmt.Errorf("bad type for resource %s value %s type TEXT;"+
			" want a number of at least 0, ranges such as [1-10], or a set such as {a, b}", name, text)
	}
	return FromMessage(m)
}

package mesosjson

import (
	"reflect"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// plan is what the codec knows about a message type, in the form in which it needs it.
type plan struct {
	fields   []field // in order of declaration
	byName   [vocabularies]lookup
	required []*field

	// goType is the generated struct whose fields are read and written in place; nil if the message
	// is handled through protoreflect.
	goType   reflect.Type
	duration bool // google.protobuf.Duration
}

// shape says how many values a field has.
type shape uint8

const (
	single shape = iota
	list
	mapping
)

// kind is the type of a value, without regard to how the wire encodes it.
type kind uint8

const (
	boolKind kind = iota
	int32Kind
	int64Kind
	uint32Kind
	uint64Kind
	floatKind
	doubleKind
	stringKind
	bytesKind
	enumKind
	messageKind
)

func kindOf(k protoreflect.Kind) kind {
	switch k {
	case protoreflect.BoolKind:
		return boolKind
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return int32Kind
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return int64Kind
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return uint32Kind
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return uint64Kind
	case protoreflect.FloatKind:
		return floatKind
	case protoreflect.DoubleKind:
		return doubleKind
	case protoreflect.StringKind:
		return stringKind
	case protoreflect.BytesKind:
		return bytesKind
	case protoreflect.EnumKind:
		return enumKind
	default: // MessageKind, GroupKind
		return messageKind
	}
}

type field struct {
	shape    shape
	kind     kind // of the value, or of one element; of a map: messageKind
	access   access
	required bool
	offset   uintptr              // in the struct; see access
	key      [vocabularies]string // `,"name":`
	unset    [vocabularies]string // the JSON value written when the field is not set; usually ""
	enum     *enumeration         // of an enumKind
	message  *plan                // of a messageKind, if access is direct
	mapKey   *field               // of a map
	value    *field               // of a map
	name     [vocabularies]string
	desc     protoreflect.FieldDescriptor
}

// plans holds the plan of every message type seen so far, by the pointer type of its generated
// struct (reflect.Type) or else by its protoreflect.MessageDescriptor.
var plans sync.Map

// planning serialises making plans. They point to each other, so all plans that a message type
// needs are made together and published together.
var planning sync.Mutex

// planOf returns the plan of m's type.
func planOf(m protoreflect.Message) *plan {
	goType := reflect.TypeOf(m.Interface())
	if p, ok := plans.Load(goType); ok {
		return p.(*plan)
	}
	d := m.Descriptor()
	if p, ok := plans.Load(d); ok {
		return p.(*plan)
	}
	if !isOpenStruct(goType) {
		goType = nil
	}
	planning.Lock()
	defer planning.Unlock()
	b := planner{}
	p := b.plan(d, goType)
	for key, p := range b {
		plans.Store(key, p)
	}
	return p
}

// planner holds the plans that are being made.
type planner map[any]*plan

// plan returns the plan for d. goType is the generated pointer type, or nil for protoreflect.
func (b planner) plan(d protoreflect.MessageDescriptor, goType reflect.Type) *plan {
	var key any = d
	if goType != nil {
		key = goType
	}
	if p, ok := plans.Load(key); ok {
		return p.(*plan)
	}
	if p, ok := b[key]; ok {
		return p
	}
	fields := d.Fields()
	p := &plan{
		fields:   make([]field, fields.Len()),
		duration: d.FullName() == "google.protobuf.Duration",
	}
	b[key] = p
	var layout structLayout
	if goType != nil {
		p.goType = goType.Elem()
		layout = layoutOf(p.goType)
	}
	for i := range p.fields {
		f := &p.fields[i]
		f.describe(fields.Get(i))
		if writesEmptyLists[d.FullName()] && f.shape == list && !isDeprecated(f.desc) {
			f.unset = [vocabularies]string{v1: "[]", legacy: "[]"}
		}
		if member := layout.place(f); f.access == direct && f.kind == messageKind {
			f.message = b.plan(f.desc.Message(), member)
		}
		if f.required {
			p.required = append(p.required, f)
		}
	}
	for v := range vocabularies {
		p.byName[v] = newLookup(p.fields, v)
	}
	return p
}

// describe fills in what d says.
func (f *field) describe(d protoreflect.FieldDescriptor) {
	f.desc = d
	f.kind = kindOf(d.Kind())
	f.required = d.Cardinality() == protoreflect.Required
	for v := range vocabularies {
		f.name[v] = v.fieldName(d)
		f.key[v] = `,"` + f.name[v] + `":`
	}
	switch {
	case d.IsMap():
		f.shape = mapping
		f.mapKey, f.value = &field{}, &field{}
		f.mapKey.describe(d.MapKey())
		f.value.describe(d.MapValue())
	case d.IsList():
		f.shape = list
	}
	if f.kind == enumKind {
		f.enum = newEnumeration(d.Enum())
	}
	if d.HasDefault() && !isDeprecated(d) {
		// The reference writes the explicit default of an optional field as if it were set.
		for v := range vocabularies {
			text, _, err := encoder{names: v}.scalar(nil, f, loadValue(f.kind, d.Default()))
			if err == nil {
				f.unset[v] = string(text)
			}
		}
	}
}

// writesEmptyLists are the messages whose lists are written also if they are empty. The reference
// has hand-written code for these, and clients index into the lists without asking.
// Mesos: src/master/readonly_handler.cpp, src/slave/http.cpp.
var writesEmptyLists = map[protoreflect.FullName]bool{
	"mesos.v1.master.Response.GetAgents":     true,
	"mesos.v1.master.Response.GetExecutors":  true,
	"mesos.v1.master.Response.GetFrameworks": true,
	"mesos.v1.master.Response.GetTasks":      true,
	"mesos.v1.agent.Response.GetExecutors":   true,
	"mesos.v1.agent.Response.GetFrameworks":  true,
	"mesos.v1.agent.Response.GetTasks":       true,
}

func isDeprecated(d protoreflect.FieldDescriptor) bool {
	options, ok := d.Options().(*descriptorpb.FieldOptions)
	return ok && options.GetDeprecated()
}

package resources

import (
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mesokit/mesokit/mesosproto"
)

// UpgradeAll changes every Resource anywhere in m in place to the new format of reservations, after
// checking each with [Validate]. m must belong to the caller: it is what a peer just sent.
//
// Errors: the first illegal resource; m may be half changed then.
func UpgradeAll(m proto.Message) error {
	return eachResource(m.ProtoReflect(), func(r *mesosproto.Resource) error {
		if err := Validate(r); err != nil {
			return invalidResource(r, err)
		}
		Upgrade(r)
		return nil
	})
}

// DowngradeAll changes every Resource anywhere in m, all valid, in place to the old format, for peers without
// the capability RESERVATION_REFINEMENT. m must belong to the caller.
//
// Errors: as [Downgrade]; m may be half changed then.
func DowngradeAll(m proto.Message) error {
	return eachResource(m.ProtoReflect(), Downgrade)
}

var resourceName = (*mesosproto.Resource)(nil).ProtoReflect().Descriptor().FullName()

// eachResource calls visit for the resources in m, in order of fields.
func eachResource(m protoreflect.Message, visit func(*mesosproto.Resource) error) error {
	if m.Descriptor().FullName() == resourceName {
		if r, ok := m.Interface().(*mesosproto.Resource); ok {
			return visit(r)
		}
		return nil
	}
	for _, field := range fieldsWithResources(m.Descriptor()) {
		if !m.Has(field) {
			continue
		}
		value := m.Get(field)
		if !field.IsList() {
			if err := eachResource(value.Message(), visit); err != nil {
				return err
			}
			continue
		}
		list := value.List()
		for i := range list.Len() {
			if err := eachResource(list.Get(i).Message(), visit); err != nil {
				return err
			}
		}
	}
	return nil
}

var withResources sync.Map // protoreflect.FullName of a message → []protoreflect.FieldDescriptor

// fieldsWithResources returns the fields of a message through which a Resource can be reached. Map
// fields are left out: no map of the protocol holds resources.
func fieldsWithResources(d protoreflect.MessageDescriptor) []protoreflect.FieldDescriptor {
	if known, ok := withResources.Load(d.FullName()); ok {
		return known.([]protoreflect.FieldDescriptor)
	}
	var fields []protoreflect.FieldDescriptor
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		if f.Message() != nil && !f.IsMap() && reachesResource(f.Message(), map[protoreflect.FullName]bool{}) {
			fields = append(fields, f)
		}
	}
	withResources.Store(d.FullName(), fields)
	return fields
}

func reachesResource(d protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if d.FullName() == resourceName {
		return true
	}
	if seen[d.FullName()] {
		return false
	}
	seen[d.FullName()] = true
	for i := range d.Fields().Len() {
		if f := d.Fields().Get(i); f.Message() != nil && !f.IsMap() && reachesResource(f.Message(), seen) {
			return true
		}
	}
	return false
}

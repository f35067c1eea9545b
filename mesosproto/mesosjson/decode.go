package mesosjson

import (
	"google.golang.org/protobuf/reflect/protoreflect"
)

// root decodes the whole input into r, whose plan p is.
func (d *decoder) root(p *plan, r record) error {
	if d.peek() != '{' {
		if err := checkSyntax(d.data); err != nil {
			return err
		}
		return errNotObject
	}
	if err := d.object(p, r); err != nil {
		return err
	}
	return d.end()
}

const errNotObject = plainError("Expecting a JSON object")

type plainError string

func (e plainError) Error() string { return string(e) }

// object decodes an object into r, which is empty.
func (d *decoder) object(p *plan, r record) error {
	if err := d.open('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := d.more('}', first)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		name, err := d.text()
		if err != nil {
			return err
		}
		f := p.byName[d.names].find(name)
		if err := d.take(':'); err != nil {
			return err
		}
		if f == nil {
			err = d.skip()
		} else if err = d.field(p, f, r); err != nil {
			err = inField(err, f.name[d.names])
		}
		if err != nil {
			return err
		}
	}
	if !d.incomplete {
		d.incomplete = !p.complete(r)
	}
	return nil
}

// complete reports whether r has all required fields of its own.
func (p *plan) complete(r record) bool {
	for _, f := range p.required {
		if f.access == direct {
			if r.word(f) == nil {
				return false
			}
		} else if !p.reflection(r).Has(f.desc) {
			return false
		}
	}
	return true
}

// field decodes the value of f. An earlier one of the same name gives way to it, also to null.
func (d *decoder) field(p *plan, f *field, r record) error {
	if f.access == direct {
		if f.shape == list {
			r.unset(f)
			return d.directElements(f, r)
		}
		return d.direct(f, r)
	}
	m := p.reflection(r)
	m.Clear(f.desc)
	switch f.shape {
	case mapping:
		return d.mapping(f, m)
	case list:
		return d.elements(f, m.Mutable(f.desc).List())
	}
	v, ok, err := d.value(f, func() protoreflect.Value { return m.NewField(f.desc) })
	if ok && err == nil {
		m.Set(f.desc, v)
	}
	return err
}

// direct decodes the value of a single field that is accessed directly.
func (d *decoder) direct(f *field, r record) error {
	if f.kind != messageKind {
		s, ok, err := d.scalar(f)
		if ok {
			r.store(f, s, &d.arena)
		} else if err == nil {
			r.unset(f)
		}
		return err
	}
	child := record{at: f.message.newStruct()}
	ok, err := d.message(f.message, child)
	if !ok {
		child.at = nil
	}
	r.setMessage(f, child.at)
	return err
}

// directElements decodes an array, or a single value as its only element, and appends to a list
// that is accessed directly.
func (d *decoder) directElements(f *field, r record) error {
	if d.peek() == '[' {
		return d.array(func() error { return d.directElements(f, r) })
	}
	if f.kind != messageKind {
		s, ok, err := d.scalar(f)
		if ok {
			r.add(f, s, &d.arena)
		}
		return err
	}
	child := record{at: f.message.newStruct()}
	ok, err := d.message(f.message, child)
	if ok {
		r.addMessage(f, child.at)
	}
	return err
}

// elements is directElements through protoreflect.
func (d *decoder) elements(f *field, l protoreflect.List) error {
	if d.peek() == '[' {
		return d.array(func() error { return d.elements(f, l) })
	}
	v, ok, err := d.value(f, l.NewElement)
	if ok && err == nil {
		l.Append(v)
	}
	return err
}

// array calls element for each element of an array.
func (d *decoder) array(element func() error) error {
	if err := d.open('['); err != nil {
		return err
	}
	for i := 0; ; i++ {
		if more, err := d.more(']', i == 0); !more {
			return err
		}
		if err := element(); err != nil {
			return inElement(err, i)
		}
	}
}

// mapping decodes a map field: an object, or, since it is a repeated field, an array of them.
func (d *decoder) mapping(f *field, m protoreflect.Message) error {
	switch d.peek() {
	case '[':
		return d.array(func() error { return d.mapping(f, m) })
	case 'n':
		return d.literal("null")
	case '{':
	default:
		return d.mismatch()
	}
	if err := d.open('{'); err != nil {
		return err
	}
	entries := m.Mutable(f.desc).Map()
	for first := true; ; first = false {
		if more, err := d.more('}', first); !more {
			return err
		}
		name, err := d.text()
		if err != nil {
			return err
		}
		k, err := f.mapKey.fromText(name, d.names)
		if err != nil {
			return inField(err, "["+clip(name)+"]")
		}
		key := k.value(f.mapKey.kind).MapKey()
		if err := d.take(':'); err != nil {
			return err
		}
		v, ok, err := d.value(f.value, entries.NewValue)
		if err != nil {
			return inField(err, "["+clip([]byte(key.String()))+"]")
		}
		if !ok { // null, or an unknown enum value: an entry with only a key
			v = entries.NewValue()
			d.incomplete = true
		}
		entries.Set(key, v)
	}
}

// value decodes one value for protoreflect. It is not ok if there is nothing to set. For messages
// it fills what blank returns.
func (d *decoder) value(f *field, blank func() protoreflect.Value) (v protoreflect.Value, ok bool, err error) {
	if f.kind != messageKind {
		s, ok, err := d.scalar(f)
		if !ok || err != nil {
			return v, false, err
		}
		return s.value(f.kind), true, nil
	}
	v = blank()
	p := planOf(v.Message())
	ok, err = d.message(p, p.record(v.Message()))
	return v, ok, err
}

// message decodes an object into r. It is not ok if there was null instead.
func (d *decoder) message(p *plan, r record) (ok bool, err error) {
	switch c := d.peek(); {
	case c == '{':
		err = d.object(p, r)
		return err == nil, err
	case c == 'n':
		return false, d.literal("null")
	case c == '"' && p.duration:
		err = d.duration(p.reflection(r))
		return err == nil, err
	}
	return false, d.mismatch()
}

// mismatch returns the error for a value that is of the wrong kind for the field, or no JSON.
func (d *decoder) mismatch() error {
	switch d.peek() {
	case '{':
		return notExpecting("object")
	case '[':
		return notExpecting("array")
	case '"':
		return notExpecting("string")
	case 't', 'f':
		return notExpecting("boolean")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return notExpecting("number")
	}
	return d.fail("")
}

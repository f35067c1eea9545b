package mesosjson

import (
	"encoding/base64"
	"math"
	"strconv"
	"unsafe"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// encoder writes messages with one set of options.
type encoder struct {
	names      vocabulary
	infinities bool
}

// message appends r, whose plan p is.
func (e encoder) message(dst []byte, p *plan, r record) ([]byte, error) {
	start := len(dst)
	for i := range p.fields {
		f := &p.fields[i]
		mark := len(dst)
		var written bool
		var err error
		switch {
		case p.goType == nil:
			dst, written, err = e.reflected(dst, f, r.message)
		case f.access != reflected && r.word(f) == nil:
		case f.access == direct:
			dst, written, err = e.direct(dst, f, r)
		default:
			dst, written, err = e.reflected(dst, f, p.reflection(r))
		}
		if err != nil {
			return dst, inField(err, f.name[e.names])
		}
		if !written {
			dst = dst[:mark]
			if f.unset[e.names] != "" {
				dst = append(append(dst, f.key[e.names]...), f.unset[e.names]...)
			}
		}
	}
	// Each key came with a comma in front; the first one becomes the opening brace.
	if len(dst) == start {
		return append(dst, '{', '}'), nil
	}
	dst[start] = '{'
	return append(dst, '}'), nil
}

// direct appends the key and value of a field that is accessed directly and whose word is not nil.
// It reports false if there was nothing to write; the caller then drops what was appended.
func (e encoder) direct(dst []byte, f *field, r record) (_ []byte, written bool, err error) {
	dst = append(dst, f.key[e.names]...)
	switch {
	case f.shape == list:
		return e.directList(dst, f, r)
	case f.kind == messageKind:
		dst, err = e.message(dst, f.message, record{at: r.word(f)})
		return dst, true, err
	case f.kind == bytesKind:
		return e.scalar(dst, f, load(bytesKind, r.place(f)))
	}
	return e.scalar(dst, f, load(f.kind, r.word(f)))
}

func (e encoder) directList(dst []byte, f *field, r record) (_ []byte, written bool, err error) {
	dst = append(dst, '[')
	for i := range r.length(f) {
		at := r.element(f, i)
		ok := true
		if f.kind != messageKind {
			dst, ok, err = e.scalar(dst, f, load(f.kind, at))
		} else if at = *(*unsafe.Pointer)(at); at != nil {
			dst, err = e.message(dst, f.message, record{at: at})
		} else { // a nil message counts as an empty one, as it does on the wire
			dst, err = e.message(dst, f.message, record{at: f.message.newStruct()})
		}
		if err != nil {
			return dst, false, inElement(err, i)
		}
		if ok {
			dst = append(dst, ',')
			written = true
		}
	}
	dst[len(dst)-1] = ']'
	return dst, written, nil
}

// reflected is direct for fields that are reached through protoreflect.
func (e encoder) reflected(dst []byte, f *field, m protoreflect.Message) (_ []byte, written bool, err error) {
	if !m.Has(f.desc) {
		return dst, false, nil
	}
	dst = append(dst, f.key[e.names]...)
	v := m.Get(f.desc)
	switch f.shape {
	case list:
		return e.list(dst, f, v.List())
	case mapping:
		return e.mapping(dst, f, v.Map())
	}
	return e.value(dst, f, v)
}

// value appends one value of a field or element of a list.
func (e encoder) value(dst []byte, f *field, v protoreflect.Value) ([]byte, bool, error) {
	if f.kind != messageKind {
		return e.scalar(dst, f, loadValue(f.kind, v))
	}
	m := v.Message()
	if !m.IsValid() {
		m = m.New()
	}
	p := planOf(m)
	dst, err := e.message(dst, p, p.record(m))
	return dst, true, err
}

func (e encoder) list(dst []byte, f *field, elements protoreflect.List) (_ []byte, written bool, err error) {
	dst = append(dst, '[')
	for i := range elements.Len() {
		var ok bool
		if dst, ok, err = e.value(dst, f, elements.Get(i)); err != nil {
			return dst, false, inElement(err, i)
		}
		if ok {
			dst = append(dst, ',')
			written = true
		}
	}
	dst[len(dst)-1] = ']'
	return dst, written, nil
}

func (e encoder) mapping(dst []byte, f *field, entries protoreflect.Map) (_ []byte, written bool, err error) {
	dst = append(dst, '{')
	for _, key := range sortedKeys(entries) {
		mark := len(dst)
		if f.mapKey.kind == stringKind {
			dst, _, _ = e.scalar(dst, f.mapKey, loadValue(stringKind, key.Value()))
		} else {
			dst = append(append(append(dst, '"'), key.String()...), '"')
		}
		dst = append(dst, ':')
		var ok bool
		if dst, ok, err = e.value(dst, f.value, entries.Get(key)); err != nil {
			return dst, false, inField(err, "["+key.String()+"]")
		}
		if ok {
			dst = append(dst, ',')
			written = true
		} else {
			dst = dst[:mark]
		}
	}
	dst[len(dst)-1] = '}'
	return dst, written, nil
}

// scalar appends s. It reports false for an enum value without a name: a peer may know more of them,
// and the protobuf libraries of the reference treat the field as not set.
func (e encoder) scalar(dst []byte, f *field, s scalar) (_ []byte, written bool, err error) {
	switch f.kind {
	case boolKind:
		return strconv.AppendBool(dst, s.n != 0), true, nil
	case int32Kind, int64Kind:
		return strconv.AppendInt(dst, int64(s.n), 10), true, nil
	case uint32Kind, uint64Kind:
		return strconv.AppendUint(dst, s.n, 10), true, nil
	case floatKind, doubleKind:
		return e.double(dst, math.Float64frombits(s.n))
	case stringKind:
		return appendString(dst, s.b), true, nil
	case bytesKind:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, s.b)
		return append(dst, '"'), true, nil
	default: // enumKind
		name := f.enum.quoted[e.names][int32(s.n)]
		return append(dst, name...), name != "", nil
	}
}

func (e encoder) double(dst []byte, v float64) (_ []byte, written bool, err error) {
	switch {
	case math.IsNaN(v):
		return dst, false, &fieldError{before: "No JSON number for NaN in field"}
	case !math.IsInf(v, 0):
		return appendDouble(dst, v), true, nil
	case !e.infinities:
		return dst, false, &fieldError{before: "No JSON number for infinity in field"}
	case v < 0:
		return append(dst, `"-Infinity"`...), true, nil
	default:
		return append(dst, `"Infinity"`...), true, nil
	}
}

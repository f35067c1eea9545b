package mesosjson

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"unsafe"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// This file is the only one that knows how messages lie in memory. Going through protoreflect for
// every field would cost more than the JSON does.

// access says how a field of a message is reached.
type access uint8

const (
	// reflected: through protoreflect.
	reflected access = iota
	// direct: at an offset in the generated struct: *T of a scalar, *T of a generated struct, []byte,
	// or a slice of such values. Its first word is nil exactly if the field is not set or empty.
	direct
	// guarded: through protoreflect, but the word at the offset is nil if the field is not set: a map,
	// or the interface of a oneof.
	guarded
)

// record is one message: the generated struct at an address, or a protoreflect.Message. Which of
// them, the plan that accompanies it says.
type record struct {
	at      unsafe.Pointer
	message protoreflect.Message
}

// record returns m, whose plan p is, in the form that p is made for.
func (p *plan) record(m protoreflect.Message) record {
	if p.goType == nil {
		return record{message: m}
	}
	return record{at: reflect.ValueOf(m.Interface()).UnsafePointer()}
}

// reflection is the reverse of record.
func (p *plan) reflection(r record) protoreflect.Message {
	if p.goType == nil {
		return r.message
	}
	return reflect.NewAt(p.goType, r.at).Interface().(proto.Message).ProtoReflect()
}

// word returns the first word of the field at f's offset.
func (r record) word(f *field) unsafe.Pointer { return *(*unsafe.Pointer)(r.place(f)) }

func (r record) place(f *field) unsafe.Pointer { return unsafe.Add(r.at, f.offset) }

// structLayout says where a generated struct holds its fields.
type structLayout struct {
	fields map[protoreflect.FieldNumber]reflect.StructField
	oneofs map[protoreflect.Name]reflect.StructField
}

func layoutOf(t reflect.Type) structLayout {
	l := structLayout{
		fields: map[protoreflect.FieldNumber]reflect.StructField{},
		oneofs: map[protoreflect.Name]reflect.StructField{},
	}
	for i := range t.NumField() {
		member := t.Field(i)
		if name, ok := member.Tag.Lookup("protobuf_oneof"); ok {
			l.oneofs[protoreflect.Name(name)] = member
		}
		// Such as `protobuf:"bytes,1,opt,name=value"`.
		for part := range strings.SplitSeq(member.Tag.Get("protobuf"), ",") {
			if n, err := strconv.ParseInt(part, 10, 32); err == nil {
				l.fields[protoreflect.FieldNumber(n)] = member
				break
			}
		}
	}
	return l
}

// place decides how f is accessed. Of a direct message field it returns the pointer type. Whatever
// does not look exactly as expected is left to protoreflect.
func (l structLayout) place(f *field) reflect.Type {
	member, ok := l.fields[f.desc.Number()]
	if oneof := f.desc.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
		member, ok = l.oneofs[oneof.Name()]
	}
	if !ok {
		return nil
	}
	f.offset = member.Offset
	t := member.Type
	switch t.Kind() {
	case reflect.Map, reflect.Interface:
		f.access = guarded
		return nil
	case reflect.Slice:
		if f.shape == list {
			t = t.Elem()
			break
		}
		if f.kind == bytesKind && f.desc.HasPresence() && t == goTypes[bytesKind] {
			f.access = direct
		}
		return nil
	case reflect.Pointer:
		if f.kind != messageKind {
			t = t.Elem()
		}
	default: // a field without presence, as in proto3
		return nil
	}
	switch {
	case f.kind == messageKind:
		if !isOpenStruct(t) {
			return nil
		}
	case f.kind == enumKind:
		if t.Kind() != reflect.Int32 {
			return nil
		}
	case t != goTypes[f.kind]:
		return nil
	}
	f.access = direct
	return t
}

var goTypes = [...]reflect.Type{
	boolKind:   reflect.TypeFor[bool](),
	int32Kind:  reflect.TypeFor[int32](),
	int64Kind:  reflect.TypeFor[int64](),
	uint32Kind: reflect.TypeFor[uint32](),
	uint64Kind: reflect.TypeFor[uint64](),
	floatKind:  reflect.TypeFor[float32](),
	doubleKind: reflect.TypeFor[float64](),
	stringKind: reflect.TypeFor[string](),
	bytesKind:  reflect.TypeFor[[]byte](),
	enumKind:   reflect.TypeFor[int32](), // what is below the named type
}

var messageType = reflect.TypeFor[proto.Message]()

// isOpenStruct reports whether t is a pointer to a struct generated with the Open API, in which
// optional values are pointers.
func isOpenStruct(t reflect.Type) bool {
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct || !t.Implements(messageType) {
		return false
	}
	state, ok := t.Elem().FieldByName("state")
	return ok && state.Tag.Get("protogen") == "open.v1"
}

// scalar is a value of any kind but messageKind.
type scalar struct {
	n uint64 // bool, integers (signed ones sign-extended), enum number, the bits of a float64
	b []byte // string, bytes; not to be written to or kept
}

// load reads the value at p.
func load(k kind, p unsafe.Pointer) (s scalar) {
	switch k {
	case boolKind:
		s.n = truth(*(*bool)(p))
	case int32Kind, enumKind:
		s.n = uint64(*(*int32)(p))
	case int64Kind, uint64Kind, doubleKind:
		s.n = *(*uint64)(p)
	case uint32Kind:
		s.n = uint64(*(*uint32)(p))
	case floatKind:
		s.n = math.Float64bits(float64(*(*float32)(p)))
	case stringKind:
		s.b = bytesOf(*(*string)(p))
	case bytesKind:
		s.b = *(*[]byte)(p)
	}
	return s
}

// bytesOf returns the bytes of s without copying them.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// store sets a field that is accessed directly.
func (r record) store(f *field, s scalar, a *arena) {
	p := r.place(f)
	switch f.kind {
	case boolKind:
		*(**bool)(p) = place(&a.bools, s.n != 0)
	case int32Kind, uint32Kind, enumKind:
		*(**uint32)(p) = place(&a.halves, uint32(s.n))
	case int64Kind, uint64Kind, doubleKind:
		*(**uint64)(p) = place(&a.words, s.n)
	case floatKind:
		*(**float32)(p) = new(float32(math.Float64frombits(s.n)))
	case stringKind:
		*(**string)(p) = a.newString(s.b)
	case bytesKind:
		*(*[]byte)(p) = s.ownBytes()
	}
}

// add appends to a list that is accessed directly.
func (r record) add(f *field, s scalar, a *arena) {
	p := r.place(f)
	switch f.kind {
	case boolKind:
		grow(p, s.n != 0)
	case int32Kind, uint32Kind, enumKind:
		grow(p, uint32(s.n))
	case int64Kind, uint64Kind, doubleKind:
		grow(p, s.n)
	case floatKind:
		grow(p, float32(math.Float64frombits(s.n)))
	case stringKind:
		grow(p, a.string(s.b))
	case bytesKind:
		grow(p, s.ownBytes())
	}
}

func grow[T any](p unsafe.Pointer, v T) {
	s := (*[]T)(p)
	*s = append(*s, v)
}

// ownBytes returns a copy that is not nil, since nil means not set.
func (s scalar) ownBytes() []byte { return append(make([]byte, 0, len(s.b)), s.b...) }

// setMessage sets a message field that is accessed directly; addMessage appends to a list of them.
func (r record) setMessage(f *field, m unsafe.Pointer) { *(*unsafe.Pointer)(r.place(f)) = m }

func (r record) addMessage(f *field, m unsafe.Pointer) { grow(r.place(f), m) }

// newStruct returns a new message of a plan with a Go type.
func (p *plan) newStruct() unsafe.Pointer { return reflect.New(p.goType).UnsafePointer() }

// unset clears a field that is accessed directly.
func (r record) unset(f *field) {
	p := r.place(f)
	if f.shape == list || f.kind == bytesKind {
		*(*[]byte)(p) = nil // all slices are alike when nil
		return
	}
	*(*unsafe.Pointer)(p) = nil
}

// length returns how many elements a list has that is accessed directly.
func (r record) length(f *field) int { return len(*(*[]struct{})(r.place(f))) }

// element returns the address of the element i of a list that is accessed directly.
func (r record) element(f *field, i int) unsafe.Pointer {
	return unsafe.Add(r.word(f), uintptr(i)*elementSizes[f.kind])
}

var elementSizes = [...]uintptr{
	boolKind:    unsafe.Sizeof(false),
	int32Kind:   unsafe.Sizeof(int32(0)),
	int64Kind:   unsafe.Sizeof(int64(0)),
	uint32Kind:  unsafe.Sizeof(uint32(0)),
	uint64Kind:  unsafe.Sizeof(uint64(0)),
	floatKind:   unsafe.Sizeof(float32(0)),
	doubleKind:  unsafe.Sizeof(float64(0)),
	stringKind:  unsafe.Sizeof(""),
	bytesKind:   unsafe.Sizeof([]byte(nil)),
	enumKind:    unsafe.Sizeof(int32(0)),
	messageKind: unsafe.Sizeof(unsafe.Pointer(nil)),
}

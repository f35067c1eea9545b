package mesosjson

import (
	"cmp"
	"math"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// loadValue is load for protoreflect.
func loadValue(k kind, v protoreflect.Value) (s scalar) {
	switch k {
	case boolKind:
		s.n = truth(v.Bool())
	case int32Kind, int64Kind:
		s.n = uint64(v.Int())
	case enumKind:
		s.n = uint64(v.Enum())
	case uint32Kind, uint64Kind:
		s.n = v.Uint()
	case floatKind, doubleKind:
		s.n = math.Float64bits(v.Float())
	case stringKind:
		s.b = bytesOf(v.String())
	case bytesKind:
		s.b = v.Bytes()
	}
	return s
}

// value is the reverse of loadValue; strings and bytes are copied.
func (s scalar) value(k kind) protoreflect.Value {
	switch k {
	case boolKind:
		return protoreflect.ValueOfBool(s.n != 0)
	case int32Kind:
		return protoreflect.ValueOfInt32(int32(s.n))
	case int64Kind:
		return protoreflect.ValueOfInt64(int64(s.n))
	case enumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(int32(s.n)))
	case uint32Kind:
		return protoreflect.ValueOfUint32(uint32(s.n))
	case uint64Kind:
		return protoreflect.ValueOfUint64(s.n)
	case floatKind:
		return protoreflect.ValueOfFloat32(float32(math.Float64frombits(s.n)))
	case doubleKind:
		return protoreflect.ValueOfFloat64(math.Float64frombits(s.n))
	case stringKind:
		return protoreflect.ValueOfString(string(s.b))
	default:
		return protoreflect.ValueOfBytes(s.ownBytes())
	}
}

// sortedKeys returns the keys of a map in ascending order, false before true.
func sortedKeys(m protoreflect.Map) []protoreflect.MapKey {
	keys := make([]protoreflect.MapKey, 0, m.Len())
	m.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k)
		return true
	})
	slices.SortFunc(keys, func(a, b protoreflect.MapKey) int {
		switch x := a.Interface().(type) {
		case string:
			return cmp.Compare(x, b.String())
		case bool:
			return cmp.Compare(truth(x), truth(b.Bool()))
		case int32, int64:
			return cmp.Compare(a.Int(), b.Int())
		default:
			return cmp.Compare(a.Uint(), b.Uint())
		}
	})
	return keys
}

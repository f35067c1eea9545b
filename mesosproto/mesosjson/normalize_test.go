package mesosjson_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// normalize changes m into the message that its JSON says: unset fields with a default become set,
// what JSON can't hold goes, required fields are all there.
func normalize(m protoreflect.Message) {
	m.SetUnknown(nil)
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		deprecated := f.Options().(*descriptorpb.FieldOptions).GetDeprecated()
		if !m.Has(f) {
			switch {
			case f.Cardinality() == protoreflect.Required && f.Message() == nil,
				f.HasDefault() && !deprecated && !isInfinite(f.Default()):
				m.Set(f, f.Default())
			case f.Cardinality() == protoreflect.Required:
				m.Set(f, m.NewField(f))
			default:
				continue
			}
		}
		v := m.Get(f)
		switch {
		case f.IsMap():
			normalizeMap(f, v.Map())
		case f.IsList():
			kept := m.NewField(f)
			for i := range v.List().Len() {
				if element, ok := normalValue(f, v.List().Get(i)); ok {
					kept.List().Append(element)
				}
			}
			m.Set(f, kept)
		default:
			if v, ok := normalValue(f, v); ok {
				m.Set(f, v)
			} else if f.Cardinality() == protoreflect.Required || f.HasDefault() {
				m.Set(f, f.Default())
			} else {
				m.Clear(f)
			}
		}
	}
}

func normalizeMap(f protoreflect.FieldDescriptor, entries protoreflect.Map) {
	entries.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		entries.Clear(k)
		v, keepValue := normalValue(f.MapValue(), v)
		key, keepKey := normalValue(f.MapKey(), k.Value())
		if keepKey && keepValue && key.Equal(k.Value()) {
			entries.Set(k, v)
		}
		return true
	})
}

// normalValue returns what becomes of one value, and whether it stays at all.
func normalValue(f protoreflect.FieldDescriptor, v protoreflect.Value) (protoreflect.Value, bool) {
	switch f.Kind() {
	case protoreflect.MessageKind:
		normalize(v.Message())
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(string([]rune(v.String()))), true
	case protoreflect.EnumKind:
		return v, f.Enum().Values().ByNumber(v.Enum()) != nil
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return v, !math.IsNaN(v.Float()) && !isInfinite(v)
	}
	return v, true
}

func isInfinite(v protoreflect.Value) bool {
	f, ok := v.Interface().(float64)
	if single, isSingle := v.Interface().(float32); isSingle {
		f, ok = float64(single), true
	}
	return ok && math.IsInf(f, 0)
}

// requireEqualMessages compares messages that may have different Go types.
func requireEqualMessages(t testing.TB, want, got proto.Message) {
	if !proto.Equal(want, got) {
		require.Equal(t, text(t, want), text(t, got))
		require.Fail(t, "messages differ", "%v\n%v", want, got)
	}
}

// text returns the wire form of m, which for equal messages is equal within one process.
func text(t testing.TB, m proto.Message) string {
	b, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(m)
	require.NoError(t, err)
	return strings.ToValidUTF8(string(b), "?")
}

package mesosjson_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/mesokit/mesokit/mesosproto/masterpb"
	"github.com/mesokit/mesokit/mesosproto/mesosjson"
	kinds "github.com/mesokit/mesokit/mesosproto/mesosjson/internal/kindspb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

var fuzzed = []protoreflect.MessageType{
	(*kinds.Kinds)(nil).ProtoReflect().Type(),
	(*schedulerpb.Call)(nil).ProtoReflect().Type(),
	(*schedulerpb.Event)(nil).ProtoReflect().Type(),
	(*masterpb.Response)(nil).ProtoReflect().Type(),
	(*masterpb.Call)(nil).ProtoReflect().Type(),
}

// Whatever the input, Unmarshal returns; both ways through the codec agree; what was accepted is
// JSON, and its own JSON is understood the same.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"text":"a\n\u00e4","i32":1.5,"numbers":["Infinity",1e3],"children":{"by_text":{"a":null}}}`), uint8(0))
	f.Add([]byte(`{"needs":{"name":"x","color":"RED","data":"YQ=="},"needy":[{}],"chosen_color":"PINK"}`), uint8(0))
	for _, file := range []string{"testdata/clients.tsv", "testdata/reference.tsv"} {
		golden(f, file, func(typ protoreflect.MessageType, value string) {
			for i := range fuzzed {
				if fuzzed[i] == typ && len(value) < 1000 {
					f.Add([]byte(value), uint8(i))
				}
			}
		})
	}
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		typ := fuzzed[int(which)%len(fuzzed)]
		generated, dynamic := typ.New().Interface(), dynamicpb.NewMessage(typ.Descriptor())
		err, dynamicErr := mesosjson.Unmarshal(data, generated), mesosjson.Unmarshal(data, dynamic)
		if err != nil {
			require.EqualError(t, dynamicErr, err.Error())
			return
		}
		require.NoError(t, dynamicErr)
		require.True(t, json.Valid(data), "accepted what is not JSON")
		requireEqualMessages(t, generated, dynamic)

		options := mesosjson.Options{Infinities: true}
		text, err := options.Marshal(generated)
		require.NoError(t, err)
		again := typ.New().Interface()
		require.NoError(t, mesosjson.Unmarshal(text, again), "%s", text)
		stable, err := options.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(text), string(stable))
	})
}

// Any message comes back from its JSON, apart from what JSON can't say (see normalize).
func FuzzMarshal(f *testing.F) {
	for i, m := range []proto.Message{
		&kinds.Kinds{Texts: []string{"a", "\xff"}, Numbers: []float64{0.1}, Colors: []kinds.Color{5, 0}, ByI32: map[int32]float64{1: 2}},
		&schedulerpb.Call{}, &schedulerpb.Event{}, &masterpb.Response{}, &masterpb.Call{},
	} {
		b, err := proto.Marshal(m)
		require.NoError(f, err)
		f.Add(b, uint8(i))
	}
	for _, file := range []string{"testdata/clients.tsv", "testdata/reference.tsv"} {
		golden(f, file, func(typ protoreflect.MessageType, value string) {
			for i := range fuzzed {
				if fuzzed[i] == typ && len(value) < 1000 {
					m := typ.New().Interface()
					require.NoError(f, mesosjson.Unmarshal([]byte(value), m))
					b, err := proto.Marshal(m)
					require.NoError(f, err)
					f.Add(b, uint8(i))
				}
			}
		})
	}
	f.Fuzz(func(t *testing.T, wire []byte, which uint8) {
		typ := fuzzed[int(which)%len(fuzzed)]
		m := typ.New().Interface()
		partial := proto.UnmarshalOptions{AllowPartial: true, RecursionLimit: 60}
		if partial.Unmarshal(wire, m) != nil {
			t.Skip()
		}
		before, err := mesosjson.Options{Infinities: true}.Marshal(m)
		if err == nil {
			require.True(t, json.Valid(before), "%s", before)
		}
		normalize(m.ProtoReflect())
		text, err := mesosjson.Marshal(m)
		require.NoError(t, err)
		dynamicText, err := mesosjson.Marshal(dynamic(t, m))
		require.NoError(t, err)
		require.Equal(t, string(text), string(dynamicText))
		back := typ.New().Interface()
		require.NoError(t, mesosjson.Unmarshal(text, back), "%s", text)
		requireEqualMessages(t, m, back)
	})
}

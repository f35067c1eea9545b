package mesosjson_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/mesokit/mesokit/mesosproto/mesosjson"
	kinds "github.com/mesokit/mesokit/mesosproto/mesosjson/internal/kindspb"
)

// Many goroutines meet message types, which refer to themselves and each other, for the first time.
func TestConcurrentFirstUse(t *testing.T) {
	file := protodesc.ToFileDescriptorProto(kinds.File_mesosproto_mesosjson_internal_kindspb_kinds_proto)
	const in = `{"i32":1,"child":{"children":[{"text":"a"}]},"needs":{"name":"n","color":"RED","data":""},` +
		`"defaults":{"flag":true,"big":1,"number":0.5,"text":"","data":"","color":"RED"},"messages":{"m":{}}}`
	for range 10 {
		fresh, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
		require.NoError(t, err)
		messages := fresh.Messages()
		results := make([]string, 20)
		var running sync.WaitGroup
		for i := range results {
			running.Go(func() {
				m := dynamicpb.NewMessage(messages.ByName("Kinds"))
				if i%2 == 1 {
					_, _ = mesosjson.Marshal(dynamicpb.NewMessage(messages.ByName("Needs")))
				}
				if err := mesosjson.Unmarshal([]byte(in), m); err != nil {
					results[i] = err.Error()
					return
				}
				text, err := mesosjson.Marshal(m)
				results[i] = string(text)
				if err != nil {
					results[i] = err.Error()
				}
			})
		}
		running.Wait()
		for _, got := range results {
			require.JSONEq(t, in, got)
			require.Equal(t, results[0], got)
		}
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	for _, w := range workloads {
		dst, err := mesosjson.Marshal(w.message)
		require.NoError(t, err)
		require.Zero(t, testing.AllocsPerRun(10, func() {
			dst, err = mesosjson.Append(dst[:0], w.message)
		}), w.name)
		require.NoError(t, err)
	}
}

// Of a message that was decoded, any part can be kept and changed without another one changing.
func TestDecodedFieldsShareNothing(t *testing.T) {
	in := []byte(`{"text":"abc","flag":true,"i32":1,"i64":2,"u32":3,"number":0.5,"color":"RED","texts":["x","y"],` +
		`"child":{"text":"abcd","flag":true,"i32":1,"i64":2,"u32":3,"number":0.5,"color":"RED"}}`)
	want, m := &kinds.Kinds{}, &kinds.Kinds{}
	require.NoError(t, mesosjson.Unmarshal(in, want))
	require.NoError(t, mesosjson.Unmarshal(in, m))
	*m.Text += "longer"
	*m.Flag, *m.I32, *m.I64, *m.U32, *m.Number, *m.Color = false, 9, 9, 9, 9, 9
	m.Texts = append(m.Texts[:1], "z")
	require.True(t, proto.Equal(want.Child, m.Child))
	require.Equal(t, "x", m.Texts[0])
}

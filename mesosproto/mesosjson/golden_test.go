package mesosjson_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	_ "github.com/mesokit/mesokit/mesosproto/agentpb"
	_ "github.com/mesokit/mesokit/mesosproto/executorpb"
	_ "github.com/mesokit/mesokit/mesosproto/masterpb"
	"github.com/mesokit/mesokit/mesosproto/mesosjson"
	_ "github.com/mesokit/mesokit/mesosproto/messagespb"
	_ "github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// golden calls each with the message type and second column of every line of a file.
func golden(t testing.TB, file string, each func(typ protoreflect.MessageType, value string)) {
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	for line := range strings.Lines(string(data)) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		require.True(t, ok, line)
		typ, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
		if err != nil { // of a package that this test does not import
			continue
		}
		each(typ, value)
	}
}

// both returns an empty message of the type twice: as the generated struct and as a dynamic message,
// which take different ways through the codec.
func both(typ protoreflect.MessageType) []proto.Message {
	return []proto.Message{typ.New().Interface(), dynamicpb.NewMessage(typ.Descriptor())}
}

// Decoding and encoding what a Mesos master or agent wrote gives the same bytes.
func TestReferencesJSONComesBackByteForByte(t *testing.T) {
	count := 0
	golden(t, "testdata/reference.tsv", func(typ protoreflect.MessageType, want string) {
		count++
		// In the state of agents the reference writes its v0 SlaveInfo, which has one field more.
		want = strings.ReplaceAll(want, `"},"checkpoint":true},"active":`, `"}},"active":`)
		for _, m := range both(typ) {
			require.NoError(t, mesosjson.Unmarshal([]byte(want), m), want)
			got, err := mesosjson.Marshal(m)
			require.NoError(t, err)
			require.Equal(t, want, string(got))
		}
	})
	require.Equal(t, 98, count)
}

// Every value that clients send arrives: it is there again in the message's own JSON.
func TestClientsJSONIsUnderstood(t *testing.T) {
	count := 0
	golden(t, "testdata/clients.tsv", func(typ protoreflect.MessageType, sent string) {
		count++
		for _, m := range both(typ) {
			require.NoError(t, mesosjson.Unmarshal([]byte(sent), m), sent)
			got, err := mesosjson.Marshal(m)
			require.NoError(t, err)
			var want, have any
			require.NoError(t, json.Unmarshal([]byte(sent), &want))
			require.NoError(t, json.Unmarshal(got, &have))
			requireContains(t, want, have, sent)
		}
	})
	require.Equal(t, 124, count)
}

// requireContains fails unless all of want is in have, which may have more members.
func requireContains(t *testing.T, want, have any, in string) {
	switch want := want.(type) {
	case map[string]any:
		members, ok := have.(map[string]any)
		require.True(t, ok, in)
		for name, value := range want {
			if elements, ok := value.([]any); value == nil || ok && len(elements) == 0 {
				continue // not written
			}
			require.Contains(t, members, name, in)
			requireContains(t, value, members[name], in)
		}
	case []any:
		elements, ok := have.([]any)
		require.True(t, ok, in)
		require.Len(t, elements, len(want), in)
		for i := range want {
			requireContains(t, want[i], elements[i], in)
		}
	default:
		require.Equal(t, want, have, in)
	}
}

// Messages captured in protobuf survive the way through JSON, in both vocabularies.
func TestCapturedMessagesSurviveJSON(t *testing.T) {
	count := 0
	golden(t, "../testdata/captured.tsv", func(typ protoreflect.MessageType, encoded string) {
		count++
		body, err := base64.StdEncoding.DecodeString(encoded)
		require.NoError(t, err)
		m := typ.New().Interface()
		require.NoError(t, proto.Unmarshal(body, m))
		normalize(m.ProtoReflect())
		for _, options := range []mesosjson.Options{{}, mesosjson.V0} {
			var first []byte
			for _, back := range both(typ) {
				text, err := options.Marshal(m)
				require.NoError(t, err)
				require.NoError(t, options.Unmarshal(text, back), "%s", text)
				requireEqualMessages(t, m, back)
				again, err := options.Marshal(back)
				require.NoError(t, err)
				require.Equal(t, string(text), string(again))
				if first != nil {
					require.Equal(t, string(first), string(text))
				}
				first = text
			}
		}
	})
	require.Greater(t, count, 50)
}

package mesosproto_test

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Programs of the reference sent these bytes: testdata/captured.tsv has the type and the message, for
// each type the shortest, the longest and a middling one. Nothing in them may be unknown to us but
// the checkpoint field of a v0 SlaveInfo, and they must come back as they were.
func TestCapturedMessagesAreKnown(t *testing.T) {
	data, err := os.ReadFile("testdata/captured.tsv")
	require.NoError(t, err)
	types := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		name, encoded, ok := strings.Cut(strings.TrimSpace(line), "\t")
		require.True(t, ok, line)
		body, err := base64.StdEncoding.DecodeString(encoded)
		require.NoError(t, err, line)
		typ, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
		require.NoError(t, err)
		types[name] = true

		m := typ.New()
		require.NoError(t, proto.Unmarshal(body, m.Interface()), line)
		noUnknownFields(t, m)
		again, err := proto.Marshal(m.Interface())
		require.NoError(t, err)
		require.Len(t, again, len(body), "%s: map entries and unknown fields may move, but nothing is lost", line)

		reread := typ.New().Interface()
		require.NoError(t, proto.Unmarshal(again, reread))
		require.True(t, proto.Equal(m.Interface(), reread), line)
	}
	require.Greater(t, len(types), 40, "message types")
}

func noUnknownFields(t *testing.T, m protoreflect.Message) {
	t.Helper()
	name := m.Descriptor().FullName()
	unknown := m.GetUnknown()
	if name == "mesos.v1.AgentInfo" && len(unknown) > 0 {
		num, typ, _ := protowire.ConsumeTag(unknown)
		require.Equal(t, protowire.Number(7), num, "checkpoint")
		require.Equal(t, protowire.VarintType, typ, "checkpoint")
	} else {
		require.Empty(t, unknown, name)
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap() && f.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				noUnknownFields(t, v.Message())
				return true
			})
		case f.IsMap():
		case f.IsList() && f.Message() != nil:
			for i := range v.List().Len() {
				noUnknownFields(t, v.List().Get(i).Message())
			}
		case f.Message() != nil && !f.IsList():
			noUnknownFields(t, v.Message())
		}
		return true
	})
}

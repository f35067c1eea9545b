package deepcopy

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mesokit/mesokit/mesosproto"
)

// fill sets every field of m, and of what is in it down to a depth; unknown adds to each message a field
// that nobody knows.
func fill(m protoreflect.Message, depth int, unknown bool) {
	if unknown {
		m.SetUnknown(protoreflect.RawFields{0xc0, 0x3e, 0x01}) // field 1000, varint 1
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		switch {
		case fd.IsMap():
			v := m.Mutable(fd).Map().NewValue()
			fill(v.Message(), depth-1, unknown)
			m.Mutable(fd).Map().Set(protoreflect.ValueOfString("key").MapKey(), v)
		case fd.Message() != nil && depth == 0:
		case fd.Message() != nil && fd.IsList():
			for range 2 {
				fill(m.Mutable(fd).List().AppendMutable().Message(), depth-1, unknown)
			}
		case fd.Message() != nil:
			fill(m.Mutable(fd).Message(), depth-1, unknown)
		case fd.IsList():
			m.Mutable(fd).List().Append(scalarOf(fd, i))
		default:
			m.Set(fd, scalarOf(fd, i))
		}
	}
}

func scalarOf(fd protoreflect.FieldDescriptor, i int) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.StringKind:
		return protoreflect.ValueOfString("text of " + string(fd.Name()))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(fd.Name()))
	case protoreflect.EnumKind:
		values := fd.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(values.Len() - 1).Number())
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(i) + 0.5)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(i) + 0.5)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(i) + 1)
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(i) + 1)
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(i) + 1)
	}
	return protoreflect.ValueOfUint64(uint64(i) + 1)
}

// spoil changes all that is in m in its place, as somebody may who believes that it is his.
func spoil(m protoreflect.Message) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				spoil(v.Message())
				return true
			})
			m.Clear(fd)
		case fd.Message() != nil && fd.IsList():
			for i := range v.List().Len() {
				spoil(v.List().Get(i).Message())
			}
		case fd.Message() != nil:
			spoil(v.Message())
		case fd.IsList():
			v.List().Set(0, v.List().NewElement())
		case fd.Kind() == protoreflect.BytesKind:
			clear(v.Bytes())
		case fd.Kind() == protoreflect.BoolKind:
			m.Set(fd, protoreflect.ValueOfBool(!v.Bool()))
		default: // where it is
			m.Set(fd, fd.Default())
		}
		return true
	})
	for i := range m.GetUnknown() {
		m.GetUnknown()[i]++
	}
}

// copiers are all functions of the package, but for what they are made of.
var copiers = []struct {
	empty proto.Message
	copy  func(proto.Message) proto.Message
}{
	{&mesosproto.TaskID{}, func(m proto.Message) proto.Message { return TaskID(m.(*mesosproto.TaskID)) }},
	{&mesosproto.AgentID{}, func(m proto.Message) proto.Message { return AgentID(m.(*mesosproto.AgentID)) }},
	{&mesosproto.TaskStatus{}, func(m proto.Message) proto.Message { return TaskStatus(m.(*mesosproto.TaskStatus)) }},
	{&mesosproto.TaskInfo{}, func(m proto.Message) proto.Message { return TaskInfo(m.(*mesosproto.TaskInfo)) }},
	{&mesosproto.Offer_Operation{}, func(m proto.Message) proto.Message { return Operation(m.(*mesosproto.Offer_Operation)) }},
}

func TestCopiesAreComplete(t *testing.T) {
	for _, c := range copiers {
		for _, unknown := range []bool{false, true} {
			m := proto.Clone(c.empty)
			require.True(t, proto.Equal(m, c.copy(m)), "an empty %s", m.ProtoReflect().Descriptor().Name())
			fill(m.ProtoReflect(), 4, unknown)
			if o, is := m.(*mesosproto.Offer_Operation); is {
				o.Type = mesosproto.Offer_Operation_LAUNCH.Enum()
			}
			got := c.copy(m)
			require.True(t, proto.Equal(m, got), "%v\n%v", m, got)
		}
	}
}

func TestCopiesShareNothing(t *testing.T) {
	for _, c := range copiers {
		for _, unknown := range []bool{false, true} {
			m := proto.Clone(c.empty)
			fill(m.ProtoReflect(), 4, unknown)
			if o, is := m.(*mesosproto.Offer_Operation); is {
				o.Type = mesosproto.Offer_Operation_LAUNCH.Enum()
			}
			before, got := proto.Clone(m), c.copy(m)
			spoil(got.ProtoReflect())
			require.False(t, proto.Equal(m, got), "the copy of a %s was changed", m.ProtoReflect().Descriptor().Name())
			require.True(t, proto.Equal(before, m), "%v\n%v", before, m)
		}
	}
}

func TestNilIsCopiedToNil(t *testing.T) {
	require.Nil(t, TaskStatus(nil))
	require.Nil(t, TaskInfo(nil))
	require.Nil(t, Operation(nil))
	require.Nil(t, AgentID(nil))
}

func BenchmarkTaskStatus(b *testing.B) {
	s := &mesosproto.TaskStatus{
		TaskId: &mesosproto.TaskID{Value: proto.String("task")}, State: mesosproto.TaskState_TASK_RUNNING.Enum(),
		Source: mesosproto.TaskStatus_SOURCE_EXECUTOR.Enum(), AgentId: &mesosproto.AgentID{Value: proto.String("agent")},
		ExecutorId: &mesosproto.ExecutorID{Value: proto.String("task")}, Timestamp: proto.Float64(1), Uuid: make([]byte, 16),
		ContainerStatus: &mesosproto.ContainerStatus{
			ContainerId:  &mesosproto.ContainerID{Value: proto.String("container")},
			NetworkInfos: []*mesosproto.NetworkInfo{{IpAddresses: []*mesosproto.NetworkInfo_IPAddress{{IpAddress: proto.String("10.0.0.1")}}}},
		},
	}
	b.Run("by hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			TaskStatus(s)
		}
	})
	b.Run("proto.Clone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			proto.CloneOf(s)
		}
	})
}

package mesosjson_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/masterpb"
	"github.com/mesokit/mesokit/mesosproto/mesosjson"
	kinds "github.com/mesokit/mesokit/mesosproto/mesosjson/internal/kindspb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// dynamic returns m as a dynamic message.
func dynamic(t testing.TB, m proto.Message) proto.Message {
	b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m)
	require.NoError(t, err)
	d := dynamicpb.NewMessage(m.ProtoReflect().Descriptor())
	require.NoError(t, proto.UnmarshalOptions{AllowPartial: true}.Unmarshal(b, d))
	return d
}

func TestMarshal(t *testing.T) {
	tests := []struct {
		name string
		in   proto.Message
		want string
	}{
		{"nothing set", &kinds.Kinds{}, `{}`},
		{"set empty message", &kinds.Kinds{Child: &kinds.Kinds{}}, `{"child":{}}`},
		{"order of declaration, not of numbers",
			&kinds.Kinds{Flag: new(true), Text: new("x")}, `{"text":"x","flag":true}`},
		{"set to zero is set",
			&kinds.Kinds{Text: new(""), Flag: new(false), I32: new(int32(0)), Number: new(0.0), Data: []byte{}, Color: kinds.Color_RED.Enum()},
			`{"text":"","flag":false,"i32":0,"number":0.0,"data":"","color":"RED"}`},
		{"numbers are never strings", &kinds.Kinds{
			I32: new(int32(math.MinInt32)), I64: new(int64(math.MinInt64)),
			U32: new(uint32(math.MaxUint32)), U64: new(uint64(math.MaxUint64)),
			S32: new(int32(-1)), S64: new(int64(-2)), F32: new(uint32(3)), F64: new(uint64(4)),
			Sf32: new(int32(-5)), Sf64: new(int64(-6)),
		}, `{"i32":-2147483648,"i64":-9223372036854775808,"u32":4294967295,"u64":18446744073709551615,` +
			`"s32":-1,"s64":-2,"f32":3,"f64":4,"sf32":-5,"sf64":-6}`},
		{"doubles have a decimal, floats are written as doubles",
			&kinds.Kinds{Single: new(float32(0.1)), Number: new(15.0)},
			`{"single":0.10000000149011612,"number":15.0}`},
		{"bytes", &kinds.Kinds{Data: []byte{0xff, 0, 'a', 'b'}}, `{"data":"/wBhYg=="}`},
		{"negative enum value", &kinds.Kinds{Color: kinds.Color_BLUE.Enum()}, `{"color":"BLUE"}`},
		{"lists", &kinds.Kinds{
			Flags: []bool{true, false}, I32S: []int32{1, -1}, I64S: []int64{2}, U32S: []uint32{3}, U64S: []uint64{4, 5},
			Singles: []float32{1.5}, Numbers: []float64{2, 0.25}, Texts: []string{"", "b"}, Datas: [][]byte{nil, {1}},
			Colors:   []kinds.Color{kinds.Color_GREEN, kinds.Color_RED},
			Children: []*kinds.Kinds{{}, {I32: new(int32(1))}},
		}, `{"flags":[true,false],"i32s":[1,-1],"i64s":[2],"u32s":[3],"u64s":[4,5],"singles":[1.5],"numbers":[2.0,0.25],` +
			`"texts":["","b"],"datas":["","AQ=="],"colors":["GREEN","RED"],"children":[{},{"i32":1}]}`},
		{"empty lists are left out", &kinds.Kinds{Flags: []bool{}, Children: []*kinds.Kinds{}}, `{}`},
		{"maps, sorted", &kinds.Kinds{
			ByText:   map[string]string{"b": "2", "a": "1", "": "0", "\"": "q"},
			ByFlag:   map[bool]kinds.Color{true: kinds.Color_GREEN, false: kinds.Color_RED},
			ByI32:    map[int32]float64{10: 1, -1: 2, 9: 3},
			ByU64:    map[uint64][]byte{math.MaxUint64: {0}, 2: nil},
			Messages: map[string]*kinds.Kinds{"m": {}},
		}, `{"by_text":{"":"0","\"":"q","a":"1","b":"2"},"by_flag":{"false":"RED","true":"GREEN"},` +
			`"by_i32":{"-1":2.0,"9":3.0,"10":1.0},"by_u64":{"2":"","18446744073709551615":"AA=="},"messages":{"m":{}}}`},
		{"empty maps are left out", &kinds.Kinds{ByText: map[string]string{}}, `{}`},
		{"oneofs", &kinds.Kinds{
			Choice:      &kinds.Kinds_ChosenMessage{ChosenMessage: &kinds.Kinds{Flag: new(true)}},
			OtherChoice: &kinds.Kinds_ChosenNumber{ChosenNumber: 0},
		}, `{"chosen_message":{"flag":true},"chosen_number":0}`},
		{"explicit defaults are written, deprecated ones are not", &kinds.Kinds{Defaults: &kinds.Defaults{}},
			`{"defaults":{"flag":false,"big":-9223372036854775808,"number":0.0,"text":"a \"b\"","data":"Af8=","color":"GREEN"}}`},
		{"values instead of defaults",
			//lint:ignore SA1019 that the field is deprecated is the point
			&kinds.Defaults{Flag: new(true), Big: new(int64(1)), Number: new(1.5), Text: new(""), Data: []byte{}, Color: kinds.Color_RED.Enum(), Old: new("o")},
			`{"flag":true,"big":1,"number":1.5,"text":"","data":"","color":"RED","old":"o"}`},
		{"missing required fields are left out", &kinds.Needs{Name: new("n")}, `{"name":"n"}`},
		{"enum values without a name count as not set", &kinds.Kinds{
			Color: kinds.Color(99).Enum(), Colors: []kinds.Color{5, kinds.Color_RED, 6}, Needs: &kinds.Needs{Color: kinds.Color(7).Enum()},
			Defaults: &kinds.Defaults{Color: kinds.Color(8).Enum()},
			ByFlag:   map[bool]kinds.Color{true: 9},
		}, `{"needs":{},"defaults":{"flag":false,"big":-9223372036854775808,"number":0.0,"text":"a \"b\"","data":"Af8=","color":"GREEN"},"colors":["RED"]}`},
		{"only enum values without a name", &kinds.Kinds{Colors: []kinds.Color{5}}, `{}`},
		{"proto3 message", durationpb.New(1500e6), `{"seconds":1,"nanos":500000000}`},
		{"proto3 zero", durationpb.New(0), `{}`},
		{"a framework", &pb.FrameworkInfo{User: new("root"), Name: new("x")},
			`{"user":"root","name":"x","failover_timeout":0.0,"checkpoint":false}`},
		{"a resource does not show its default role",
			&pb.Resource{Name: new("cpus"), Type: pb.Value_SCALAR.Enum(), Scalar: &pb.Value_Scalar{Value: new(2.0)}},
			`{"name":"cpus","type":"SCALAR","scalar":{"value":2.0}}`},
		{"lists of state answers are written also when empty",
			&masterpb.Response{GetTasks: &masterpb.Response_GetTasks{}, GetOperations: &masterpb.Response_GetOperations{}},
			`{"get_operations":{},"get_tasks":{"tasks":[],"unreachable_tasks":[],"completed_tasks":[]}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, m := range []proto.Message{tt.in, dynamic(t, tt.in)} {
				got, err := mesosjson.Marshal(m)
				require.NoError(t, err)
				require.Equal(t, tt.want, string(got))
			}
		})
	}
}

func TestMarshalStrings(t *testing.T) {
	tests := map[string]string{
		"plain /slash <html> & \x7f":   "\"plain /slash <html> & \x7f\"",
		"\"\\\b\f\n\r\t":               `"\"\\\b\f\n\r\t"`,
		"\x00\x1f\x0b":                 `"\u0000\u001F\u000B"`,
		"größe 世界 😀 \u2028":            "\"größe 世界 😀 \u2028\"",
		"bad \xff\xfe end":             "\"bad \uFFFD\uFFFD end\"",
		"cut off \xe4\xb8":             "\"cut off \uFFFD\uFFFD\"",
		"surrogate \xed\xa0\x80":       "\"surrogate \uFFFD\uFFFD\uFFFD\"",
		"replacement \uFFFD stays":     "\"replacement \uFFFD stays\"",
		"\xffmixed\n\xc3(":             "\"\uFFFDmixed\\n\uFFFD(\"",
		strings.Repeat("long ", 1000):  `"` + strings.Repeat("long ", 1000) + `"`,
		strings.Repeat("\"", 50) + "ä": `"` + strings.Repeat(`\"`, 50) + `ä"`,
	}
	for in, want := range tests {
		got, err := mesosjson.Marshal(&kinds.Kinds{Text: &in})
		require.NoError(t, err)
		require.Equal(t, `{"text":`+want+`}`, string(got))
	}
}

func TestMarshalRefusesNonFiniteDoubles(t *testing.T) {
	infinite := &pb.TaskInfo{Limits: map[string]*pb.Value_Scalar{"mem": {Value: new(math.Inf(1))}, "cpus": {Value: new(math.Inf(-1))}}}
	_, err := mesosjson.Marshal(infinite)
	require.EqualError(t, err, "No JSON number for infinity in field 'limits[cpus].value'")
	_, err = mesosjson.Marshal(&kinds.Kinds{Children: []*kinds.Kinds{{}, {Numbers: []float64{1, math.NaN()}}}})
	require.EqualError(t, err, "No JSON number for NaN in field 'children[1].numbers[1]'")
	_, err = mesosjson.Marshal(dynamic(t, &kinds.Kinds{Children: []*kinds.Kinds{{}, {Singles: []float32{float32(math.NaN())}}}}))
	require.EqualError(t, err, "No JSON number for NaN in field 'children[1].singles[0]'")

	options := mesosjson.Options{Infinities: true}
	got, err := options.Marshal(infinite)
	require.NoError(t, err)
	require.Equal(t, `{"limits":{"cpus":{"value":"-Infinity"},"mem":{"value":"Infinity"}}}`, string(got))
	_, err = options.Marshal(&kinds.Kinds{Number: new(math.NaN())})
	require.EqualError(t, err, "No JSON number for NaN in field 'number'")
}

func TestAppend(t *testing.T) {
	got, err := mesosjson.Append([]byte("20\n"), &schedulerpb.Event{Type: schedulerpb.Event_HEARTBEAT.Enum()})
	require.NoError(t, err)
	require.Equal(t, "20\n{\"type\":\"HEARTBEAT\"}", string(got))
}

func TestNilMessages(t *testing.T) {
	_, err := mesosjson.Marshal(nil)
	require.EqualError(t, err, "mesosjson: nil message")
	_, err = mesosjson.Marshal((*kinds.Kinds)(nil))
	require.EqualError(t, err, "mesosjson: nil message")
	require.EqualError(t, mesosjson.Unmarshal([]byte("{}"), nil), "mesosjson: nil message")
	require.EqualError(t, mesosjson.Unmarshal([]byte("{}"), (*kinds.Kinds)(nil)), "mesosjson: nil message")

	// Within a message nil stands for an empty one, as on the wire.
	got, err := mesosjson.Marshal(&kinds.Kinds{Children: []*kinds.Kinds{nil}, Messages: map[string]*kinds.Kinds{"a": nil}})
	require.NoError(t, err)
	require.Equal(t, `{"children":[{}],"messages":{"a":{}}}`, string(got))
}

func TestLegacyNames(t *testing.T) {
	status := &pb.TaskStatus{
		TaskId: &pb.TaskID{Value: new("t")}, State: pb.TaskState_TASK_LOST.Enum(), AgentId: &pb.AgentID{Value: new("s")},
		Source: pb.TaskStatus_SOURCE_AGENT.Enum(), Reason: pb.TaskStatus_REASON_AGENT_REMOVED_BY_OPERATOR.Enum(),
	}
	const v0 = `{"task_id":{"value":"t"},"state":"TASK_LOST","source":"SOURCE_SLAVE","reason":"REASON_SLAVE_REMOVED_BY_OPERATOR","slave_id":{"value":"s"}}`
	const v1 = `{"task_id":{"value":"t"},"state":"TASK_LOST","source":"SOURCE_AGENT","reason":"REASON_AGENT_REMOVED_BY_OPERATOR","agent_id":{"value":"s"}}`
	for _, m := range []proto.Message{status, dynamic(t, status)} {
		got, err := mesosjson.V0.Marshal(m)
		require.NoError(t, err)
		require.Equal(t, v0, string(got))
		got, err = mesosjson.Marshal(m)
		require.NoError(t, err)
		require.Equal(t, v1, string(got))
	}
	var back pb.TaskStatus
	require.NoError(t, mesosjson.V0.Unmarshal([]byte(v0), &back))
	require.True(t, proto.Equal(status, &back))
	require.NoError(t, mesosjson.V0.Unmarshal([]byte(v1), &back))
	require.Nil(t, back.AgentId)
	require.Nil(t, back.Reason)
	require.EqualError(t, mesosjson.V0.Unmarshal([]byte(`{"agent_id":{"value":"s"}}`), &pb.Offer{}),
		"Missing required fields: id, framework_id, slave_id, hostname")

	// v0 says agent here, too.
	got, err := mesosjson.V0.Marshal(&pb.MasterInfo_Capability{Type: pb.MasterInfo_Capability_AGENT_UPDATE.Enum()})
	require.NoError(t, err)
	require.Equal(t, `{"type":"AGENT_UPDATE"}`, string(got))
}

// Groups and extensions, which Mesos does not use, and messages from other programs' descriptors.
func TestForeignMessages(t *testing.T) {
	file := protodesc.ToFileDescriptorProto(kinds.File_mesosproto_mesosjson_internal_kindspb_kinds_proto)
	text, err := mesosjson.Marshal(file)
	require.NoError(t, err)
	require.Contains(t, string(text), `{"name":"old","number":7,"label":"LABEL_OPTIONAL","type":"TYPE_STRING"`)
	var back descriptorpb.FileDescriptorProto
	require.NoError(t, mesosjson.Unmarshal(text, &back))
	normalize(file.ProtoReflect())
	requireEqualMessages(t, file, &back)
}

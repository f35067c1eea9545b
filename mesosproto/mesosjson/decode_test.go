package mesosjson_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/masterpb"
	"github.com/mesokit/mesokit/mesosproto/mesosjson"
	kinds "github.com/mesokit/mesokit/mesosproto/mesosjson/internal/kindspb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

func TestUnmarshal(t *testing.T) {
	tests := []struct {
		name, in string
		want     *kinds.Kinds
	}{
		{"empty", `{}`, &kinds.Kinds{}},
		{"white space", " \t\r\n{ \"flag\" :\ttrue , \"i32\":\n1 } \r\n", &kinds.Kinds{Flag: new(true), I32: new(int32(1))}},
		{"unknown names", `{"Flag":true,"i_32":1,"byText":{},"x":{"y":[1,"]",{"z":null}]},"flag":false}`, &kinds.Kinds{Flag: new(false)}},
		{"camel case is unknown", `{"byText":{"a":"b"},"chosenText":"x"}`, &kinds.Kinds{}},
		{"escaped name", `{"fl\u0061g":true}`, &kinds.Kinds{Flag: new(true)}},

		{"last of equal names", `{"i32":1,"text":"a","i32":2,"text":"b"}`, &kinds.Kinds{I32: new(int32(2)), Text: new("b")}},
		{"last message, not merged", `{"child":{"i32":1},"child":{"text":"b"}}`, &kinds.Kinds{Child: &kinds.Kinds{Text: new("b")}}},
		{"last list, not appended", `{"i32s":[1,2],"i32s":[3]}`, &kinds.Kinds{I32S: []int32{3}}},
		{"last list of messages", `{"children":[{},{}],"children":{"i32":1}}`, &kinds.Kinds{Children: []*kinds.Kinds{{I32: new(int32(1))}}}},
		{"last map", `{"by_text":{"a":"1"},"by_text":{"b":"2"}}`, &kinds.Kinds{ByText: map[string]string{"b": "2"}}},
		{"last entry", `{"by_text":{"a":"1","a":"2"}}`, &kinds.Kinds{ByText: map[string]string{"a": "2"}}},
		{"null last", `{"i32":1,"i32":null,"texts":["a"],"texts":null,"child":{},"child":null,"by_text":{"a":"b"},"by_text":null}`, &kinds.Kinds{}},
		{"unknown enum value last", `{"color":"RED","color":"PINK"}`, &kinds.Kinds{}},

		{"null", `{"flag":null,"i32":null,"text":null,"data":null,"color":null,"child":null,"texts":null,"children":null,"by_text":null,"chosen_text":null}`, &kinds.Kinds{}},
		{"null elements", `{"texts":[null,"a",null],"children":[null,{}],"colors":[null]}`, &kinds.Kinds{Texts: []string{"a"}, Children: []*kinds.Kinds{{}}}},
		{"null in maps makes an entry", `{"by_text":{"a":null},"messages":{"m":null}}`, &kinds.Kinds{ByText: map[string]string{"a": ""}, Messages: map[string]*kinds.Kinds{"m": {}}}},

		{"booleans", `{"flag":true,"flags":[false,"true","false"," true "]}`, &kinds.Kinds{Flag: new(true), Flags: []bool{false, true, false, true}}},
		{"integers", `{"i32":-2147483648,"i64":-9223372036854775808,"u32":4294967295,"u64":18446744073709551615,"s32":-1,"s64":-2,"f32":3,"f64":4,"sf32":-5,"sf64":-6}`,
			&kinds.Kinds{
				I32: new(int32(math.MinInt32)), I64: new(int64(math.MinInt64)), U32: new(uint32(math.MaxUint32)), U64: new(uint64(math.MaxUint64)),
				S32: new(int32(-1)), S64: new(int64(-2)), F32: new(uint32(3)), F64: new(uint64(4)), Sf32: new(int32(-5)), Sf64: new(int64(-6)),
			}},
		{"64 bits are exact", `{"i64s":[9007199254740993,9223372036854775807,-9223372036854775807,"9007199254740993"],"u64s":[18446744073709551615]}`,
			&kinds.Kinds{I64S: []int64{9007199254740993, math.MaxInt64, -math.MaxInt64, 9007199254740993}, U64S: []uint64{math.MaxUint64}}},
		{"fractions are cut off", `{"i32s":[1.5,-1.5,0.99,-0.99,12e-1,1e3],"u64s":[1.9,1e19]}`,
			&kinds.Kinds{I32S: []int32{1, -1, 0, 0, 1, 1000}, U64S: []uint64{1, 1e19}}},
		{"negative wraps around", `{"u32s":[-1,-1.5],"u64s":[-1,-9223372036854775808]}`,
			&kinds.Kinds{U32S: []uint32{math.MaxUint32, math.MaxUint32}, U64S: []uint64{math.MaxUint64, 1 << 63}}},
		{"too many bits wrap around", `{"i32s":[2147483648,4294967297,1e10],"u32s":[4294967296],"i64s":[18446744073709551615]}`,
			&kinds.Kinds{I32S: []int32{math.MinInt32, 1, 1410065408}, U32S: []uint32{0}, I64S: []int64{-1}}},
		{"doubles", `{"numbers":[0,-0.0,1,-1,0.1,1e3,1E+3,1.5e-3,123456789012345678901234567890,9007199254740993,5e-324,1e-999,1.7976931348623157e308,18446744073709551615]}`,
			&kinds.Kinds{Numbers: []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 1000, 1000, 0.0015, 123456789012345678901234567890,
				9007199254740992, math.SmallestNonzeroFloat64, 0, math.MaxFloat64, 18446744073709551615}}},
		{"floats", `{"singles":[0.1,1e-999,3.4028234e38]}`, &kinds.Kinds{Singles: []float32{0.1, 0, 3.4028234e38}}},
		{"numbers as strings", `{"i32":"12","u64":" -1 ","i64":"1.5","number":"0.5","numbers":["Infinity","-Infinity"," 1e3"],"single":"-Infinity"}`,
			&kinds.Kinds{I32: new(int32(12)), U64: new(uint64(math.MaxUint64)), I64: new(int64(1)), Number: new(0.5),
				Numbers: []float64{math.Inf(1), math.Inf(-1), 1000}, Single: new(float32(math.Inf(-1)))}},

		{"enum values", `{"color":"BLUE","colors":["RED","PINK","","GREEN"]}`, &kinds.Kinds{Color: kinds.Color_BLUE.Enum(), Colors: []kinds.Color{kinds.Color_RED, kinds.Color_GREEN}}},
		{"unknown enum value in a map", `{"by_flag":{"true":"PINK","false":"GREEN"}}`, &kinds.Kinds{ByFlag: map[bool]kinds.Color{true: kinds.Color_RED, false: kinds.Color_GREEN}}},
		{"unknown enum value in a oneof", `{"chosen_color":"PINK"}`, &kinds.Kinds{}},

		{"bytes", `{"data":"/wBhYg==","datas":["","YQ","YQ=","YWI","YWJj","YWJjZA"]}`,
			&kinds.Kinds{Data: []byte{0xff, 0, 'a', 'b'}, Datas: [][]byte{{}, {'a'}, {'a'}, {'a', 'b'}, []byte("abc"), []byte("abcd")}}},
		{"white space in base64", `{"data":" Y W\nJ\tj\r \u000b\f"}`, &kinds.Kinds{Data: []byte("abc")}},
		{"base64 ends at the first =", `{"data":"YQ==YQ-!"}`, &kinds.Kinds{Data: []byte("a")}},
		{"bits that make no byte", `{"data":"Y"}`, &kinds.Kinds{Data: []byte{}}},
		{"empty bytes are set", `{"data":""}`, &kinds.Kinds{Data: []byte{}}},

		{"one value for a list", `{"i32s":1,"texts":"a","colors":"RED","datas":"YQ==","children":{"i32":1},"flags":"true"}`,
			&kinds.Kinds{I32S: []int32{1}, Texts: []string{"a"}, Colors: []kinds.Color{kinds.Color_RED}, Datas: [][]byte{{'a'}},
				Children: []*kinds.Kinds{{I32: new(int32(1))}}, Flags: []bool{true}}},
		{"empty list", `{"i32s":[],"children":[ ]}`, &kinds.Kinds{}},
		{"lists in lists are joined", `{"i32s":[1,[2,[3]],[]],"children":[[{}],{}]}`, &kinds.Kinds{I32S: []int32{1, 2, 3}, Children: []*kinds.Kinds{{}, {}}}},

		{"maps", `{"by_text":{"":"0","a":"1"},"by_flag":{"true":"GREEN"},"by_i32":{"-1":2,"10":"3"},"by_u64":{"18446744073709551615":"AA=="},"messages":{"m":{"i32":1}}}`,
			&kinds.Kinds{ByText: map[string]string{"": "0", "a": "1"}, ByFlag: map[bool]kinds.Color{true: kinds.Color_GREEN},
				ByI32: map[int32]float64{-1: 2, 10: 3}, ByU64: map[uint64][]byte{math.MaxUint64: {0}},
				Messages: map[string]*kinds.Kinds{"m": {I32: new(int32(1))}}}},
		{"map as a list of maps", `{"by_text":[{"a":"1"},{"b":"2","a":"3"}]}`, &kinds.Kinds{ByText: map[string]string{"a": "3", "b": "2"}}},
		{"empty map", `{"by_text":{}}`, &kinds.Kinds{}},

		{"oneof", `{"chosen_message":{"i32":1},"chosen_number":0}`, &kinds.Kinds{
			Choice: &kinds.Kinds_ChosenMessage{ChosenMessage: &kinds.Kinds{I32: new(int32(1))}}, OtherChoice: &kinds.Kinds_ChosenNumber{}}},
		{"last of a oneof", `{"chosen_message":{},"chosen_text":"x","chosen_number":1,"chosen_data":""}`, &kinds.Kinds{
			Choice: &kinds.Kinds_ChosenText{ChosenText: "x"}, OtherChoice: &kinds.Kinds_ChosenData{ChosenData: []byte{}}}},

		{"complete required fields", `{"needs":{"name":"","color":"RED","data":"","inner":{"name":"n","color":"GREEN","data":"YQ=="}}}`, &kinds.Kinds{
			Needs: &kinds.Needs{Name: new(""), Color: kinds.Color_RED.Enum(), Data: []byte{},
				Inner: &kinds.Needs{Name: new("n"), Color: kinds.Color_GREEN.Enum(), Data: []byte("a")}}}},
		{"an incomplete message gives way", `{"needs":{},"needs":{"name":"","color":"RED","data":""},"needy":[{}],"needy":[]}`, &kinds.Kinds{
			Needs: &kinds.Needs{Name: new(""), Color: kinds.Color_RED.Enum(), Data: []byte{}}}},

		{"strings", `{"texts":["","a\"\\\/\b\f\n\r\tz","\u0000\u00e4\u4e16\uD83D\ude00\uFFFD","größe 世界 😀","a` + "\x7f" + `"]}`,
			&kinds.Kinds{Texts: []string{"", "a\"\\/\b\f\n\r\tz", "\x00ä世😀\uFFFD", "größe 世界 😀", "a\x7f"}}},
		{"invalid UTF-8", "{\"text\":\"a\xff\xe4\xb8z\xed\xa0\x80\",\"by_text\":{\"\xff\":\"\xfe\"}}",
			&kinds.Kinds{Text: new("a\uFFFD\uFFFD\uFFFDz\uFFFD\uFFFD\uFFFD"), ByText: map[string]string{"\uFFFD": "\uFFFD"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, m := range both((*kinds.Kinds)(nil).ProtoReflect().Type()) {
				require.NoError(t, mesosjson.Unmarshal([]byte(tt.in), m), tt.in)
				requireEqualMessages(t, tt.want, m)
			}
		})
	}
}

func TestUnmarshalReplaces(t *testing.T) {
	m := &kinds.Kinds{Text: new("old"), I32S: []int32{1}, Choice: &kinds.Kinds_ChosenText{}}
	require.NoError(t, mesosjson.Unmarshal([]byte(`{"flag":true}`), m))
	require.True(t, proto.Equal(&kinds.Kinds{Flag: new(true)}, m))
}

func TestUnmarshalKeepsNoPartOfItsInput(t *testing.T) {
	in := []byte(`{"text":"plain","texts":["a\n"],"data":"YWJj","by_text":{"k":"v"}}`)
	m, want := &kinds.Kinds{}, &kinds.Kinds{}
	require.NoError(t, mesosjson.Unmarshal(in, m))
	require.NoError(t, mesosjson.Unmarshal(in, want))
	for i := range in {
		in[i] = 'X'
	}
	require.True(t, proto.Equal(want, m))
}

func TestUnmarshalMismatches(t *testing.T) {
	tests := map[string]string{
		`[]`:     "Expecting a JSON object",
		`"x"`:    "Expecting a JSON object",
		` 1 `:    "Expecting a JSON object",
		`null`:   "Expecting a JSON object",
		`[{"}"]`: "syntax error at line 1 near: ]",

		`{"text":1}`:          "Not expecting a JSON number for field 'text'",
		`{"text":true}`:       "Not expecting a JSON boolean for field 'text'",
		`{"text":{}}`:         "Not expecting a JSON object for field 'text'",
		`{"text":["a"]}`:      "Not expecting a JSON array for field 'text'",
		`{"i32":[1]}`:         "Not expecting a JSON array for field 'i32'",
		`{"i32":true}`:        "Not expecting a JSON boolean for field 'i32'",
		`{"flag":1}`:          "Not expecting a JSON number for field 'flag'",
		`{"color":1}`:         "Not expecting a JSON number for field 'color'",
		`{"color":false}`:     "Not expecting a JSON boolean for field 'color'",
		`{"data":12}`:         "Not expecting a JSON number for field 'data'",
		`{"child":"x"}`:       "Not expecting a JSON string for field 'child'",
		`{"child":[{}]}`:      "Not expecting a JSON array for field 'child'",
		`{"child":-1}`:        "Not expecting a JSON number for field 'child'",
		`{"by_text":1}`:       "Not expecting a JSON number for field 'by_text'",
		`{"by_text":{"a":1}}`: "Not expecting a JSON number for field 'by_text[a]'",
		`{"chosen_text":{}}`:  "Not expecting a JSON object for field 'chosen_text'",
		`{"child":{"children":[{},{"messages":{"m":{"texts":["a",2]}}}]}}`: "Not expecting a JSON number for field 'child.children[1].messages[m].texts[1]'",

		`{"i32":"x"}`:                   "Failed to parse 'x' as a JSON number for field 'i32'",
		`{"i32":""}`:                    "Failed to parse '' as a JSON number for field 'i32'",
		`{"i32":"1 2"}`:                 "Failed to parse '1 2' as a JSON number for field 'i32'",
		`{"i32":"0x1"}`:                 "Failed to parse '0x1' as a JSON number for field 'i32'",
		`{"i32":"Infinity"}`:            "Failed to parse 'Infinity' as a JSON number for field 'i32'",
		`{"number":"NaN"}`:              "Failed to parse 'NaN' as a JSON number for field 'number'",
		`{"number":"+Infinity"}`:        "Failed to parse '+Infinity' as a JSON number for field 'number'",
		`{"flag":"yes"}`:                "Failed to parse 'yes' as a JSON boolean for field 'flag'",
		`{"flag":"True"}`:               "Failed to parse 'True' as a JSON boolean for field 'flag'",
		`{"by_i32":{"one":1}}`:          "Failed to parse 'one' as a JSON number for field 'by_i32[one]'",
		`{"by_flag":{"1":"RED"}}`:       "Failed to parse '1' as a JSON boolean for field 'by_flag[1]'",
		`{"number":1e999}`:              "Number 1e999 is out of range of field 'number'",
		`{"number":"-1e999"}`:           "Number -1e999 is out of range of field 'number'",
		`{"single":1e39}`:               "Number 1e39 is out of range of field 'single'",
		`{"i32":1e19}`:                  "",
		`{"i32":1e20}`:                  "Number 1e20 is out of range of field 'i32'",
		`{"u64":-1e19}`:                 "Number -1e19 is out of range of field 'u64'",
		`{"i64":-9223372036854775809}`:  "Number -9223372036854775809 is out of range of field 'i64'",
		`{"i64":18446744073709551616}`:  "Number 18446744073709551616 is out of range of field 'i64'",
		`{"i64":-18446744073709551615}`: "Number -18446744073709551615 is out of range of field 'i64'",
		`{"data":"YQ-_"}`:               "Failed to base64 decode bytes field 'data': Invalid character '-' at position 2",
		`{"data":"ä"}`:                  "Failed to base64 decode bytes field 'data': Invalid character 'Ã' at position 0",

		`{"needs":{"name":"x","color":"PINK","data":""}}`: "Failed to find enum for 'PINK' in field 'needs.color'",
		`{"needs":{}}`: "Missing required fields: needs.name, needs.color, needs.data",
		`{"needs":{"name":null,"color":"RED","data":null}}`:                                                                  "Missing required fields: needs.name, needs.data",
		`{"needs":{"inner":{"name":"x","data":""},"name":"x","data":""}}`:                                                    "Missing required fields: needs.color, needs.inner.color",
		`{"needy":[{"name":"a","color":"RED","data":""},{"color":"RED"}],"children":[{"needs":{"name":"a","color":"RED"}}]}`: "Missing required fields: children[0].needs.data, needy[1].name, needy[1].data",
		`{"needy_messages":{"b":{"name":"x","color":"RED"},"a":null}}`:                                                       "Missing required fields: needy_messages[a].name, needy_messages[a].color, needy_messages[a].data, needy_messages[b].data",
	}
	for in, want := range tests {
		for _, m := range both((*kinds.Kinds)(nil).ProtoReflect().Type()) {
			err := mesosjson.Unmarshal([]byte(in), m)
			if want == "" {
				require.NoError(t, err, in)
			} else {
				require.EqualError(t, err, want, in)
			}
		}
	}
}

func TestUnmarshalSyntaxErrors(t *testing.T) {
	tests := map[string]string{
		``:                         "syntax error at line 1 near: ",
		` `:                        "syntax error at line 1 near: ",
		`{bad`:                     "syntax error at line 1 near: bad", // as captured from the reference
		"{\"i32\":1\n,\n x}\nrest": "syntax error at line 3 near: x}",
		`{`:                        "syntax error at line 1 near: ",
		`{"i32"`:                   "syntax error at line 1 near: ",
		`{"i32" 1}`:                "syntax error at line 1 near: 1}",
		`{"i32":}`:                 "syntax error at line 1 near: }",
		`{"i32":1,}`:               "syntax error at line 1 near: }",
		`{"i32":1 "i64":2}`:        `syntax error at line 1 near: "i64":2}`,
		`{,"i32":1}`:               `syntax error at line 1 near: ,"i32":1}`,
		`{"i32":01}`:               "syntax error at line 1 near: 1}",
		`{"i32":-}`:                "syntax error at line 1 near: }",
		`{"i32":+1}`:               "syntax error at line 1 near: +1}",
		`{"i32":.5}`:               "syntax error at line 1 near: .5}",
		`{"i32":1.}`:               "syntax error at line 1 near: }",
		`{"i32":1e}`:               "syntax error at line 1 near: }",
		`{"i32":1e+}`:              "syntax error at line 1 near: }",
		`{"i32":NaN}`:              "syntax error at line 1 near: NaN}",
		`{"i32":nul}`:              "syntax error at line 1 near: }",
		`{"flag":True}`:            "syntax error at line 1 near: True}",
		`{"flag":truth}`:           "syntax error at line 1 near: th}",
		`{"flag":truee}`:           "syntax error at line 1 near: e}",
		`{"texts":["a",]}`:         "syntax error at line 1 near: ]}",
		`{"texts":["a" "b"]}`:      `syntax error at line 1 near: "b"]}`,
		`{"texts":["a"}`:           "syntax error at line 1 near: }",
		`{"text":'a'}`:             "syntax error at line 1 near: 'a'}",
		`{"text":"a`:               "syntax error at line 1 near: ",
		`{"text":"a\`:              "syntax error at line 1 near: ",
		`{"text":"a\x"}`:           `syntax error at line 1 near: x"} (unknown escape)`,
		`{"text":"a\u12"}`:         `syntax error at line 1 near: "}`,
		`{"text":"\u12`:            "syntax error at line 1 near: ",
		`{"text":"\ud800"}`:        `syntax error at line 1 near: \ud800"} (half a surrogate pair)`,
		`{"text":"\udc00"}`:        `syntax error at line 1 near: \udc00"} (half a surrogate pair)`,
		`{"text":"\ud800\u0041"}`:  `syntax error at line 1 near: \ud800\u0041"} (half a surrogate pair)`,
		`{"text":"\ud800\n"}`:      `syntax error at line 1 near: \ud800\n"} (half a surrogate pair)`,
		"{\"text\":\"a\nb\"}":      "syntax error at line 1 near:  (control character in string)",
		"{\"text\":\"a\x00b\"}":    "syntax error at line 1 near: b\"} (control character in string)",
		"{\x00}":                   "syntax error at line 1 near: }",
		`{} x`:                     "syntax error at line 1 near: x (characters after the end of the value)",
		`{}{}`:                     "syntax error at line 1 near: {} (characters after the end of the value)",
		`[1] 2`:                    "syntax error at line 1 near: 2 (characters after the end of the value)",
		"\ufeff{}":                 "syntax error at line 1 near: \ufeff{}",
		`{/**/}`:                   "syntax error at line 1 near: /**/}",
		// A field of the wrong kind does not hide that the rest is no JSON.
		`{"text":1,bad}`:                       "syntax error at line 1 near: bad}",
		`{"unknown":{"a":[1,2,{"b":x}]}}`:      "syntax error at line 1 near: x}]}}",
		`{"i32":1x` + strings.Repeat("y", 100): "syntax error at line 1 near: x" + strings.Repeat("y", 79),
	}
	for in, want := range tests {
		for _, m := range both((*kinds.Kinds)(nil).ProtoReflect().Type()) {
			err := mesosjson.Unmarshal([]byte(in), m)
			require.EqualError(t, err, want, in)
			var syntax *mesosjson.SyntaxError
			require.ErrorAs(t, err, &syntax, in)
		}
	}
	var syntax *mesosjson.SyntaxError
	require.ErrorAs(t, mesosjson.Unmarshal([]byte("{\n  bad"), &kinds.Kinds{}), &syntax)
	require.Equal(t, mesosjson.SyntaxError{Offset: 4, Line: 2, Near: "bad"}, *syntax)
}

func TestUnmarshalNesting(t *testing.T) {
	nest := func(opening, closing string, levels int) string {
		return strings.Repeat(opening, levels) + strings.Repeat(closing, levels)
	}
	tests := []struct {
		name     string
		in       func(levels int) string
		overhead int // levels that in adds to those asked for
	}{
		{"messages", func(n int) string { return strings.Repeat(`{"child":`, n) + "{}" + strings.Repeat("}", n) }, 1},
		{"lists", func(n int) string { return `{"i32s":` + nest("[", "]", n) + "}" }, 1},
		{"messages in lists", func(n int) string { return strings.Repeat(`{"children":[`, n/2) + strings.Repeat("]}", n/2) }, 0},
		{"skipped lists", func(n int) string { return `{"x":` + nest("[", "]", n) + "}" }, 1},
		{"skipped objects", func(n int) string { return `{"x":` + strings.Repeat(`{"":`, n) + "1" + strings.Repeat("}", n) + "}" }, 1},
		{"maps", func(n int) string {
			return strings.Repeat(`{"messages":{"":`, n/2) + "null" + strings.Repeat("}}", n/2)
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, m := range both((*kinds.Kinds)(nil).ProtoReflect().Type()) {
				require.NoError(t, mesosjson.Unmarshal([]byte(tt.in(200-tt.overhead)), m))
				for _, levels := range []int{202 - tt.overhead, 100_000} {
					err := mesosjson.Unmarshal([]byte(tt.in(levels)), m)
					var syntax *mesosjson.SyntaxError
					require.ErrorAs(t, err, &syntax)
					require.Equal(t, "nesting is deeper than 200 levels", syntax.Reason)
				}
			}
		})
	}
	require.Error(t, mesosjson.Unmarshal([]byte(`{"i32s":`+nest("[", "]", 200)+"}"), &kinds.Kinds{}))
}

func TestMissingFieldsTextIsBounded(t *testing.T) {
	in := `{"needy":[` + strings.Repeat("{},", 99) + "{}]}"
	err := mesosjson.Unmarshal([]byte(in), &kinds.Kinds{})
	require.ErrorContains(t, err, "Missing required fields: needy[0].name, needy[0].color, needy[0].data, needy[1].name")
	require.ErrorContains(t, err, "needy[6].color and 280 more")
}

// The master's answers to these bodies were captured.
func TestUnmarshalAsTheReferenceAnswers(t *testing.T) {
	var call schedulerpb.Call
	err := mesosjson.Unmarshal([]byte(`{"type":"RECONCILE","framework_id":{"value":"f"},"reconcile":{"tasks":[{"agent_id":{"value":"s"}}]}}`), &call)
	require.EqualError(t, err, "Missing required fields: reconcile.tasks[0].task_id")
	require.NoError(t, mesosjson.Unmarshal([]byte(`{"type":"NOSUCH"}`), &call))
	require.Nil(t, call.Type, "so that validation says: Expecting 'type' to be present")
}

func TestUnmarshalDurations(t *testing.T) {
	tests := map[string]*durationpb.Duration{
		`{"seconds":600,"nanos":5}`: {Seconds: 600, Nanos: 5},
		`{"seconds":"600"}`:         {Seconds: 600},
		`{}`:                        {},
		`"10mins"`:                  {Seconds: 600},
		`"600s"`:                    {Seconds: 600},
		`"1.5hrs"`:                  {Seconds: 5400},
		`"-2500ms"`:                 {Seconds: -2, Nanos: -500_000_000},
		`"1 secs"`:                  {Seconds: 1},
		`"3weeks"`:                  {Seconds: 3 * 604800},
		`"7ns"`:                     {Nanos: 7},
	}
	for in, want := range tests {
		for _, m := range both((*masterpb.Call_DrainAgent)(nil).ProtoReflect().Type()) {
			text := `{"agent_id":{"value":"s"},"max_grace_period":` + in + `}`
			require.NoError(t, mesosjson.Unmarshal([]byte(text), m), text)
			requireEqualMessages(t, &masterpb.Call_DrainAgent{AgentId: &pb.AgentID{Value: new("s")}, MaxGracePeriod: want}, m)
		}
	}
	for _, in := range []string{`""`, `"10"`, `"mins"`, `"10 minutes"`, `"1e300weeks"`, `"1e30weeks"`, `"1mins2secs"`, `"+1s"`} {
		err := mesosjson.Unmarshal([]byte(`{"max_grace_period":`+in+`}`), &masterpb.Call_DrainAgent{})
		require.EqualError(t, err, "Failed to parse duration '"+strings.Trim(in, `"`)+"' for field 'max_grace_period'"+
			": expecting a number and one of ns, us, ms, secs, mins, hrs, days, weeks")
	}
	err := mesosjson.Unmarshal([]byte(`{"max_grace_period":10}`), &masterpb.Call_DrainAgent{})
	require.EqualError(t, err, "Not expecting a JSON number for field 'max_grace_period'")
}

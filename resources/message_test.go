package resources

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
)

func message(t require.TestingT, text string) *mesosproto.Resource {
	m := &mesosproto.Resource{}
	err := protojson.UnmarshalOptions{AllowPartial: true}.Unmarshal([]byte(text), m)
	require.NoError(t, err, text)
	return m
}

// cpus is a message of 2 cpus and more fields.
func cpus(t require.TestingT, more string) *mesosproto.Resource {
	return message(t, `{"name":"cpus","type":"SCALAR","scalar":{"value":2}`+more+`}`)
}

func disk(t require.TestingT, more string) *mesosproto.Resource {
	return message(t, `{"name":"disk","type":"SCALAR","scalar":{"value":2}`+more+`}`)
}

// The reasons are the reference's, because frameworks see them.
func TestReasonsForRefusal(t *testing.T) {
	const double = `"reservations":[{"type":"DYNAMIC","role":"a"},{"type":"DYNAMIC","role":"a/b"}]`
	for _, row := range []struct{ text, want string }{
		{`{}`, "Empty resource name"},
		{`{"name":"cpus"}`, "Invalid resource type"},
		{`{"name":"cpus","type":7}`, "Unsupported resource type"},
		{`{"name":"cpus","type":"TEXT"}`, "Unsupported resource type"},
		{`{"name":"cpus","type":"SCALAR"}`, "Invalid scalar resource"},
		{`{"name":"cpus","type":"SCALAR","scalar":{"value":1},"set":{}}`, "Invalid scalar resource"},
		{`{"name":"cpus","type":"SCALAR","scalar":{"value":-1}}`, "Invalid scalar resource: value <= 0"},
		{`{"name":"cpus","type":"SCALAR","scalar":{"value":0.0001}}`, "Invalid scalar resource: value <= 0"},
		{`{"name":"cpus","type":"SCALAR","scalar":{"value":"Infinity"}}`, "Invalid scalar resource: value +Inf is not a number below 9.2e15"},
		{`{"name":"cpus","type":"SCALAR","scalar":{"value":"NaN"}}`, "Invalid scalar resource: value NaN is not a number below 9.2e15"},
		{`{"name":"p","type":"RANGES"}`, "Invalid ranges resource"},
		{`{"name":"p","type":"RANGES","ranges":{"range":[{"begin":2,"end":1}]}}`, "Invalid ranges resource: begin > end"},
		{`{"name":"p","type":"RANGES","ranges":{"range":[{"begin":5,"end":9},{"begin":1,"end":5}]}}`, "Invalid ranges resource: overlapping ranges"},
		{`{"name":"z","type":"SET"}`, "Invalid set resource"},
		{`{"name":"z","type":"SET","set":{"item":["a","b","a"]}}`, "Invalid set resource: duplicated elements"},
	} {
		require.EqualError(t, Validate(message(t, row.text)), row.want, row.text)
	}
	for _, row := range []struct{ more, want string }{
		{`,"disk":{}`, "DiskInfo should not be set for cpus resource"},
		{`,"role":"a b"`, "Role component 'a b' is invalid because it contains backspace or whitespace"},
		{`,"role":"*","reservation":{}`, `Invalid reservation: role "*" cannot be dynamically reserved`},
		{`,"role":"a","reservation":{"type":"DYNAMIC"}`, "'Resource.ReservationInfo.type' must not be set for the 'Resource.reservation' field"},
		{`,"role":"a","reservation":{"role":"a"}`, "'Resource.ReservationInfo.role' must not be set for the 'Resource.reservation' field"},
		{`,"reservations":[{"role":"a"}]`, "Invalid reservation: 'Resource.ReservationInfo.type' field must be set."},
		{`,"reservations":[{"type":"STATIC"}]`, "Invalid reservation: 'Resource.ReservationInfo.role' field must be set."},
		{`,"reservations":[{"type":"STATIC","role":"*"}]`, `Invalid reservation: role "*" cannot be reserved`},
		{`,"reservations":[{"type":"STATIC","role":"/"}]`, "Role '/' cannot start with a slash"},
		{`,"reservations":[{"type":"UNKNOWN","role":"a"}]`, "Unsupported 'Resource.ReservationInfo.Type'"},
		{`,"reservations":[{"type":"DYNAMIC","role":"a"},{"type":"STATIC","role":"a/b"}]`, "Invalid refined reservation: A refined reservation cannot be STATIC"},
		{`,"reservations":[{"type":"DYNAMIC","role":"a"},{"type":"DYNAMIC","role":"a"}]`, "Invalid refined reservation: role 'a' is not a refinement of 'a'"},
		{`,"role":"b","reservations":[{"type":"STATIC","role":"a"}]`, "Invalid resource format: 'Resource.role' field with 'b' does not match the role 'a' in 'Resource.reservations'"},
		{`,"role":"a","reservation":{},"reservations":[{"type":"STATIC","role":"a"}]`, "Invalid resource format: 'Resource.reservation' must not be set if the single reservation in 'Resource.reservations' is STATIC"},
		{`,"role":"a","reservations":[{"type":"DYNAMIC","role":"a"}]`, "Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be both set or both not set if the single reservation in 'Resource.reservations' is DYNAMIC"},
		{`,"role":"a","reservation":{"principal":"p"},"reservations":[{"type":"DYNAMIC","role":"a"}]`, "Invalid resource format: 'Resource.reservation.principal' field with 'p' does not match the principal '' in 'Resource.reservations'"},
		{`,"role":"a","reservation":{"labels":{"labels":[{"key":"k"}]}},"reservations":[{"type":"DYNAMIC","role":"a"}]`, "Invalid resource format: 'Resource.reservation.labels' field with '{k}' does not match the labels '{}' in 'Resource.reservations'"},
		{`,"role":"a",` + double, "Invalid resource format: 'Resource.role' must not be set if there is more than one reservation in 'Resource.reservations'"},
		{`,"reservation":{},` + double, "Invalid resource format: 'Resource.reservation' must not be set if there is more than one reservation in 'Resource.reservations'"},
		{`,"shared":{}`, "Resource cpus cannot be shared"},
	} {
		require.EqualError(t, Validate(cpus(t, row.more)), row.want, row.more)
	}
	for _, row := range []struct{ more, want string }{
		{`,"shared":{}`, "Only persistent volumes can be shared"},
		{`,"disk":{"source":{"type":"UNKNOWN"}}`, "Unsupported 'DiskInfo.Source.Type' in 'UNKNOWN'"},
		{`,"disk":{"source":{"type":"BLOCK","mount":{}}}`, "Mount should not be set for BLOCK disk source"},
		{`,"disk":{"source":{"type":"RAW","path":{}}}`, "Path should not be set for RAW disk source"},
		{`,"disk":{"source":{"type":"PATH","mount":{}}}`, "Mount should not be set for PATH disk source"},
		{`,"disk":{"source":{"type":"MOUNT","path":{}}}`, "Path should not be set for MOUNT disk source"},
	} {
		require.EqualError(t, Validate(disk(t, row.more)), row.want, row.more)
	}
	require.Error(t, Validate(nil))
}

func TestTheFirstBadResourceIsNamed(t *testing.T) {
	bad := []*mesosproto.Resource{cpus(t, ""), message(t, `{"name":"mem","type":"SCALAR","scalar":{"value":-1},"role":"r"}`)}
	const want = "Resource 'mem(reservations: [(STATIC,r)]):-1' is invalid: Invalid scalar resource: value <= 0"
	require.EqualError(t, ValidateAll(bad), want)
	_, err := FromProto(bad)
	require.EqualError(t, err, want)
	_, err = FromProto([]*mesosproto.Resource{nil})
	require.EqualError(t, err, "Resource ':0' is invalid: Empty resource name")
}

// One reservation, written in each format, is one resource.
func TestFormats(t *testing.T) {
	for _, row := range []struct{ name, old, mixed, stack, want string }{
		{"unreserved", `,"role":"*"`, `,"role":"*"`, ``, "cpus:2"},
		{"static", `,"role":"r"`, `,"role":"r","reservations":[{"type":"STATIC","role":"r"}]`,
			`,"reservations":[{"type":"STATIC","role":"r"}]`, "cpus(reservations: [(STATIC,r)]):2"},
		{"dynamic", `,"role":"r","reservation":{"principal":"p","labels":{"labels":[{"key":"k","value":"v"}]}}`,
			`,"role":"r","reservation":{"principal":"p","labels":{"labels":[{"key":"k","value":"v"}]}},
			  "reservations":[{"type":"DYNAMIC","role":"r","principal":"p","labels":{"labels":[{"key":"k","value":"v"}]}}]`,
			`,"reservations":[{"type":"DYNAMIC","role":"r","principal":"p","labels":{"labels":[{"key":"k","value":"v"}]}}]`,
			"cpus(reservations: [(DYNAMIC,r,p,{k: v})]):2"},
		{"dynamic without principal", `,"role":"r","reservation":{}`, `,"role":"r","reservation":{},"reservations":[{"type":"DYNAMIC","role":"r"}]`,
			`,"reservations":[{"type":"DYNAMIC","role":"r"}]`, "cpus(reservations: [(DYNAMIC,r)]):2"},
	} {
		old, mixed, stack := cpus(t, row.old), cpus(t, row.mixed), cpus(t, row.stack)
		for _, m := range []*mesosproto.Resource{old, mixed, stack} {
			r, err := FromMessage(m)
			require.NoError(t, err, row.name)
			require.Equal(t, row.want, r.String(), row.name)
			requireMessages(t, stack, r.Proto())
			upgraded := proto.Clone(m).(*mesosproto.Resource)
			Upgrade(upgraded)
			requireMessages(t, stack, upgraded)
			downgraded := proto.Clone(upgraded).(*mesosproto.Resource)
			require.NoError(t, Downgrade(downgraded))
			requireMessages(t, old, downgraded)
			require.NoError(t, Downgrade(downgraded), "again is no change")
			requireMessages(t, old, downgraded)
			list, err := r.Resources().ProtoPreRefinement()
			require.NoError(t, err)
			requireMessages(t, old, list[0])
			requireMessages(t, mixed, r.Resources().ProtoEndpoint()[0])
		}
	}
	refined := cpus(t, `,"reservations":[{"type":"STATIC","role":"a"},{"type":"DYNAMIC","role":"a/b"}]`)
	before := proto.Clone(refined)
	require.EqualError(t, Downgrade(refined), "Cannot downgrade resources containing refined reservations:"+
		" cpus(reservations: [(STATIC,a),(DYNAMIC,a/b)]):2")
	requireMessages(t, before, refined)
	r, err := FromMessage(refined)
	require.NoError(t, err)
	_, err = r.Resources().ProtoPreRefinement()
	require.ErrorContains(t, err, "Cannot downgrade")
	requireMessages(t, refined, r.Resources().ProtoEndpoint()[0])
}

func requireMessages(t require.TestingT, want, got proto.Message) {
	if !proto.Equal(want, got) {
		require.Equal(t, protojson.Format(want), protojson.Format(got))
	}
}

// A full message keeps all that matters.
func TestDisksComeBack(t *testing.T) {
	for _, more := range []string{
		`,"disk":{"source":{"type":"MOUNT","mount":{"root":"/m"}}}`,
		`,"disk":{"source":{"type":"RAW","vendor":"v","id":"i","profile":"p","metadata":{"labels":[{"key":"k","value":"v"}]}}},"provider_id":{"value":"rp"}`,
		`,"reservations":[{"type":"DYNAMIC","role":"r"}],"allocation_info":{"role":"r"},"shared":{},
		  "disk":{"persistence":{"id":"i","principal":"p"},"volume":{"container_path":"c","host_path":"h","mode":"RO"},"source":{"type":"PATH","path":{"root":"/p"}}}`,
		`,"revocable":{}`,
	} {
		m := disk(t, more)
		r, err := FromMessage(m)
		require.NoError(t, err)
		requireMessages(t, m, r.Proto())
	}
}

func TestFormatsOfWholeMessages(t *testing.T) {
	task := &mesosproto.TaskInfo{
		Resources: []*mesosproto.Resource{cpus(t, `,"role":"r"`), cpus(t, `,"role":"*"`)},
		Executor:  &mesosproto.ExecutorInfo{Resources: []*mesosproto.Resource{cpus(t, `,"role":"r","reservation":{}`)}},
	}
	op := &mesosproto.Offer_Operation{
		Launch:     &mesosproto.Offer_Operation_Launch{TaskInfos: []*mesosproto.TaskInfo{task}},
		GrowVolume: &mesosproto.Offer_Operation_GrowVolume{Volume: disk(t, `,"role":"r"`), Addition: disk(t, `,"role":"r"`)},
	}
	old := proto.Clone(op)
	require.NoError(t, UpgradeAll(op))
	requireMessages(t, cpus(t, `,"reservations":[{"type":"STATIC","role":"r"}]`), task.Resources[0])
	requireMessages(t, cpus(t, ``), task.Resources[1])
	requireMessages(t, cpus(t, `,"reservations":[{"type":"DYNAMIC","role":"r"}]`), task.Executor.Resources[0])
	requireMessages(t, disk(t, `,"reservations":[{"type":"STATIC","role":"r"}]`), op.GrowVolume.Addition)
	require.NoError(t, DowngradeAll(op))
	requireMessages(t, old, op)

	task.Executor.Resources[0].Name = proto.String("")
	require.ErrorContains(t, UpgradeAll(op), "Empty resource name")
	require.NoError(t, UpgradeAll(&mesosproto.TaskID{Value: proto.String("t")}), "nothing to do")
}

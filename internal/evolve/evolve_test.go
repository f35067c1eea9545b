package evolve_test

import (
	"encoding/base64"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/mesokit/mesokit/internal/evolve"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// What an agent of the reference sent to /master/mesos.internal.RegisterSlaveMessage; it has
// checkpoint: true.
const registerSlave = "CpUBCg5hZ2VudDEuZXhhbXBsZRoWCgRjcHVzEAAaCQkAAAAAAAAAQDIBKhoVCgNtZW0QABoJCQAAAAAAALBAMgEqGhYK" +
	"BGRpc2sQABoJCQAAAAAAALBAMgEqGhgKBXBvcnRzEAEiCgoICJjyARCA+gEyASoqDgoEcmFjaxADKgQKAnIxKg0KBHpvbmUQAyoD" +
	"CgF6OAFAuycSBjEuMTIuMCICCAEiAggCIgIIAyICCAQiAggFIgIIBiICCAciAggIKhIKEBTc4zs8CU6Bsyjsy0Dmemg="

func TestCheckpointOfACapturedAgent(t *testing.T) {
	body, err := base64.StdEncoding.DecodeString(registerSlave)
	require.NoError(t, err)
	var register messagespb.RegisterSlaveMessage
	require.NoError(t, proto.Unmarshal(body, &register))
	require.Equal(t, "agent1.example", register.GetSlave().GetHostname())
	require.True(t, evolve.Checkpoint(register.GetSlave()))

	again, err := proto.Marshal(&register)
	require.NoError(t, err)
	require.Len(t, again, len(body), "nothing is lost when it is sent on")
}

func TestCheckpoint(t *testing.T) {
	require.False(t, evolve.Checkpoint(nil))
	require.Nil(t, evolve.WithCheckpoint(nil, true))

	info := &mesosproto.AgentInfo{Hostname: proto.String("h")}
	info.ProtoReflect().SetUnknown(appendBytes(nil, 99, []byte("kept")))
	require.False(t, evolve.Checkpoint(info), "absent means false")

	on := evolve.WithCheckpoint(info, true)
	require.True(t, evolve.Checkpoint(on))
	require.False(t, evolve.Checkpoint(info), "the original is not changed")

	bytes, err := proto.Marshal(on)
	require.NoError(t, err)
	var received mesosproto.AgentInfo
	require.NoError(t, proto.Unmarshal(bytes, &received))
	require.True(t, evolve.Checkpoint(&received), "it travels")

	json, err := protojson.Marshal(&received)
	require.NoError(t, err)
	require.NotContains(t, string(json), "heckpoint")

	off := evolve.WithCheckpoint(evolve.WithCheckpoint(on, true), false)
	require.False(t, evolve.Checkpoint(off))
	require.Equal(t, appendVarint(appendBytes(nil, 99, []byte("kept")), 7, 0),
		[]byte(off.ProtoReflect().GetUnknown()), "replaced, not added; other fields stay")

	last := &mesosproto.AgentInfo{}
	last.ProtoReflect().SetUnknown(appendVarint(appendVarint(nil, 7, 0), 7, 1))
	require.True(t, evolve.Checkpoint(last), "the last one counts")

	mistyped := &mesosproto.AgentInfo{}
	mistyped.ProtoReflect().SetUnknown(appendBytes(nil, 7, []byte{1}))
	require.False(t, evolve.Checkpoint(mistyped))
}

func TestDuration(t *testing.T) {
	for _, tt := range []struct {
		v1 *durationpb.Duration
		ns int64
	}{
		{&durationpb.Duration{}, 0},
		{&durationpb.Duration{Seconds: 60}, 60e9},
		{&durationpb.Duration{Seconds: 1, Nanos: 5}, 1e9 + 5},
		{&durationpb.Duration{Seconds: -1, Nanos: -5}, -1e9 - 5},
		{&durationpb.Duration{Seconds: 9223372036, Nanos: 854775806}, math.MaxInt64 - 1},
	} {
		info, err := evolve.DurationInfo(tt.v1)
		require.NoError(t, err, "%v", tt.v1)
		require.Equal(t, tt.ns, info.GetNanoseconds(), "%v", tt.v1)
		require.True(t, proto.Equal(tt.v1, evolve.Duration(info)), "%v", tt.v1)
	}

	info, err := evolve.DurationInfo(nil)
	require.NoError(t, err)
	require.Nil(t, info)
	require.Nil(t, evolve.Duration(nil))

	for _, tt := range []struct {
		d    *durationpb.Duration
		want string
	}{
		{&durationpb.Duration{Seconds: 1e10}, "duration of 10000000000 s is out of range, at most 9223372036 s fit"},
		{&durationpb.Duration{Seconds: -1e10}, "duration of -10000000000 s is out of range"},
		{&durationpb.Duration{Nanos: 1e9}, "out-of-range nanos"},
		{&durationpb.Duration{Seconds: 1, Nanos: -1}, "seconds and nanos with different signs"},
	} {
		_, err := evolve.DurationInfo(tt.d)
		require.ErrorContains(t, err, tt.want)
	}
}

func TestNames(t *testing.T) {
	for _, tt := range []struct{ v1, v0 string }{
		{"mesos.v1.TaskInfo", "mesos.TaskInfo"},
		{"mesos.v1.AgentID", "mesos.SlaveID"},
		{"mesos.v1.AgentInfo", "mesos.SlaveInfo"},
		{"mesos.v1.AgentInfo.Capability.Type", "mesos.SlaveInfo.Capability.Type"},
		{"mesos.v1.Offer.Operation", "mesos.Offer.Operation"},
		{"mesos.v1.scheduler.Call", "mesos.scheduler.Call"},
		{"mesos.v1.scheduler.Event.Offers", "mesos.scheduler.Event.Offers"},
		{"mesos.v1.agent.Call", "mesos.agent.Call"},
		{"mesos.v1.master.Response.GetAgents.Agent", "mesos.master.Response.GetAgents.Agent"},
		{"mesos.v1.resource_provider.Call", "mesos.resource_provider.Call"},
	} {
		require.Equal(t, tt.v0, evolve.V0Name(tt.v1))
		require.Equal(t, tt.v1, evolve.V1Name(tt.v0))
		require.Equal(t, tt.v0, evolve.V0Name(tt.v0), "v0 stays v0")
		require.Equal(t, tt.v1, evolve.V1Name(tt.v1), "v1 stays v1")
	}
	for _, name := range []string{
		"mesos.internal.RegisterSlaveMessage", "mesos.ACL", "mesos.ACL.Entity", "mesos.ACLs", "mesos.slave.ContainerConfig",
		"mesos.fetcher.FetcherInfo", "mesos.seccomp.ContainerSeccompProfile", "mesos.authorization.Request",
		"mesos.resource_provider.registry.Registry", "mesos.v1.scheduler.APIResult",
		"google.protobuf.Duration", "", "mesos", "mesos.", "mesos..", "mesosphere.X", "scheduler.Call",
	} {
		require.Equal(t, name, evolve.V0Name(name))
		require.Equal(t, name, evolve.V1Name(name))
	}
}

func TestLegacyJSONNames(t *testing.T) {
	for v1, v0 := range map[string]string{
		"agent_id": "slave_id", "agent_info": "slave_info", "task_id": "task_id", "agent_capabilities": "agent_capabilities",
	} {
		require.Equal(t, v0, evolve.V0Field(v1))
	}
	for v1, v0 := range map[string]string{
		"REASON_AGENT_REMOVED_BY_OPERATOR": "REASON_SLAVE_REMOVED_BY_OPERATOR",
		"SOURCE_AGENT":                     "SOURCE_SLAVE",
		"SOURCE_MASTER":                    "SOURCE_MASTER",
		"REASON_RECONCILIATION":            "REASON_RECONCILIATION",
		"AGENT_UPDATE":                     "AGENT_UPDATE",
	} {
		require.Equal(t, v0, evolve.V0Value(v1))
	}
}

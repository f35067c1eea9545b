package evolve

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
)

// slaveInfoCheckpoint is the number of `optional bool checkpoint = 7 [default = false]`, which v0
// SlaveInfo has and AgentInfo does not; in an AgentInfo it is an unknown field.
const slaveInfoCheckpoint protowire.Number = 7

// Checkpoint reports the checkpoint field of a SlaveInfo that was received as an AgentInfo: whether
// the agent keeps what it needs to recover its executors after a restart. False when absent or if
// info is nil.
//
// Mesos: SlaveInfo.checkpoint; every agent since 1.0 sends true.
func Checkpoint(info *mesosproto.AgentInfo) bool {
	checkpoint := false
	if info == nil {
		return checkpoint
	}
	// Unknown fields were parsed once already; what can't be parsed here was put there by hand.
	_ = eachField(info.ProtoReflect().GetUnknown(), func(f field) error {
		if f.isCheckpoint() {
			checkpoint = protowire.DecodeBool(f.varint())
		}
		return nil
	})
	return checkpoint
}

// WithCheckpoint returns a copy of info that has the checkpoint field of v0 SlaveInfo when it is
// marshalled, as RegisterSlaveMessage and ReregisterSlaveMessage need it. A v1 reader ignores the
// field; JSON does not show it. A nil info stays nil.
func WithCheckpoint(info *mesosproto.AgentInfo, checkpoint bool) *mesosproto.AgentInfo {
	if info == nil {
		return nil
	}
	out := proto.CloneOf(info)
	var unknown []byte
	_ = eachField(out.ProtoReflect().GetUnknown(), func(f field) error {
		if !f.isCheckpoint() {
			unknown = append(unknown, f.raw...)
		}
		return nil
	})
	unknown = protowire.AppendTag(unknown, slaveInfoCheckpoint, protowire.VarintType)
	unknown = protowire.AppendVarint(unknown, protowire.EncodeBool(checkpoint))
	out.ProtoReflect().SetUnknown(unknown)
	return out
}

func (f field) isCheckpoint() bool {
	return f.num == slaveInfoCheckpoint && f.typ == protowire.VarintType
}

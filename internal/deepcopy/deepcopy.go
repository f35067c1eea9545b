package deepcopy

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
)

// plain reports whether there is m, and it has no fields that this version does not know.
func plain[T any, M interface {
	*T
	proto.Message
}](m M) bool {
	return m != nil && len(m.ProtoReflect().GetUnknown()) == 0
}

// rare copies what few messages have. It costs nothing where there is nothing.
func rare[T any, M interface {
	*T
	proto.Message
}](m M) M {
	if m == nil {
		return nil
	}
	return proto.CloneOf(m)
}

// list copies a list of messages.
func list[T any](from []*T, one func(*T) *T) []*T {
	if from == nil {
		return nil
	}
	to := make([]*T, len(from))
	for i, m := range from {
		to[i] = one(m)
	}
	return to
}

// put copies an optional value to a place; nil stays nil.
func put[T any](to, from *T) *T {
	if from == nil {
		return nil
	}
	*to = *from
	return to
}

// AgentID copies an id.
func AgentID(m *mesosproto.AgentID) *mesosproto.AgentID { return new(agentID).put(m) }

// TaskID copies an id.
func TaskID(m *mesosproto.TaskID) *mesosproto.TaskID { return new(taskID).put(m) }

type agentID struct {
	message mesosproto.AgentID
	value   string
}

func (to *agentID) put(m *mesosproto.AgentID) *mesosproto.AgentID {
	if !plain(m) {
		return rare(m)
	}
	to.message.Value = put(&to.value, m.Value)
	return &to.message
}

type taskID struct {
	message mesosproto.TaskID
	value   string
}

func (to *taskID) put(m *mesosproto.TaskID) *mesosproto.TaskID {
	if !plain(m) {
		return rare(m)
	}
	to.message.Value = put(&to.value, m.Value)
	return &to.message
}

type executorID struct {
	message mesosproto.ExecutorID
	value   string
}

func (to *executorID) put(m *mesosproto.ExecutorID) *mesosproto.ExecutorID {
	if !plain(m) {
		return rare(m)
	}
	to.message.Value = put(&to.value, m.Value)
	return &to.message
}

type containerID struct {
	message mesosproto.ContainerID
	value   string
}

func (to *containerID) put(m *mesosproto.ContainerID) *mesosproto.ContainerID {
	if !plain(m) {
		return rare(m)
	}
	to.message.Value = put(&to.value, m.Value)
	to.message.Parent = rare(m.Parent)
	return &to.message
}

// uuidSize is the length of most ids that are bytes.
const uuidSize = 16

type uuid [uuidSize]byte

func (to *uuid) put(b []byte) []byte {
	if len(b) != uuidSize {
		return slices.Clone(b)
	}
	copy(to[:], b)
	return to[:]
}

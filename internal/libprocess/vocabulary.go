package libprocess

import (
	"fmt"

	"google.golang.org/protobuf/proto"
)

// Vocabulary is the set of messages that a process understands, by full name.
type Vocabulary map[string]proto.Message

// NewVocabulary makes one of an example of each message.
func NewVocabulary(examples ...proto.Message) Vocabulary {
	v := make(Vocabulary, len(examples))
	for _, m := range examples {
		v[string(m.ProtoReflect().Descriptor().FullName())] = m
	}
	return v
}

// Decode makes a message out of what a process received. known is false if the process does not
// understand name; then, and after an error, the message is to be dropped.
func (v Vocabulary) Decode(name string, body []byte) (m proto.Message, known bool, err error) {
	example, known := v[name]
	if !known {
		return nil, false, nil
	}
	m = example.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(body, m); err != nil {
		return nil, true, fmt.Errorf("libprocess: decode %s: %w", name, err)
	}
	return m, true, nil
}

package httpv1

import (
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto/mesosjson"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// codec is one of the two ways to write messages.
type codec struct {
	mediaType string
	marshal   func(proto.Message) ([]byte, error)
	unmarshal func([]byte, *schedulerpb.Event) error
}

var protobufCodec = codec{
	mediaType: "application/x-protobuf",
	marshal:   proto.Marshal,
	unmarshal: func(data []byte, e *schedulerpb.Event) error { return proto.Unmarshal(data, e) },
}

var jsonCodec = codec{
	mediaType: "application/json",
	marshal:   mesosjson.Options{Infinities: true}.Marshal, // a task's limits may be infinite
	unmarshal: func(data []byte, e *schedulerpb.Event) error { return mesosjson.Unmarshal(data, e) },
}

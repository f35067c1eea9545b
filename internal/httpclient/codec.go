package httpclient

import (
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto/mesosjson"
)

// Codec is one of the two ways to write messages.
type Codec struct {
	// MediaType is what stands in Content-Type and Accept.
	MediaType string
	Marshal   func(proto.Message) ([]byte, error)
	Unmarshal func([]byte, proto.Message) error
}

// Protobuf is the usual way.
var Protobuf = Codec{
	MediaType: "application/x-protobuf",
	Marshal:   proto.Marshal,
	Unmarshal: proto.Unmarshal,
}

// JSON is the slower way, which is easy to follow on the wire.
var JSON = Codec{
	MediaType: "application/json",
	Marshal:   mesosjson.Options{Infinities: true}.Marshal, // a task's limits may be infinite
	Unmarshal: func(data []byte, m proto.Message) error { return mesosjson.Unmarshal(data, m) },
}

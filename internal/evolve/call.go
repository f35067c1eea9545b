package evolve

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// The fields of mesos.scheduler.Call.Subscribe (v0) and mesos.v1.scheduler.Call.Subscribe (v1) that
// have different numbers, and where Call has its Subscribe in both.
const (
	callSubscribe protowire.Number = 3

	v0Force            protowire.Number = 2
	v0SuppressedRoles  protowire.Number = 3
	v0OfferConstraints protowire.Number = 4

	v1SuppressedRoles  protowire.Number = 2
	v1OfferConstraints protowire.Number = 3
)

// UnmarshalCall decodes the bytes of a v0 mesos.scheduler.Call, as libprocess carries it.
//
// force is Subscribe's field of that name, which v1 does not have: true takes the subscription over
// from another scheduler of the same framework. It is false when absent and in other calls.
//
// Errors: data is not a protobuf message, or a required field is missing.
func UnmarshalCall(data []byte) (call *schedulerpb.Call, force bool, err error) {
	v1, err := rewriteSubscribe(data, func(subscribe []byte) ([]byte, error) {
		out, f, found, err := subscribeToV1(subscribe)
		if found { // as protobuf merges a field that occurs twice
			force = f
		}
		return out, err
	})
	if err != nil {
		return nil, false, fmt.Errorf("decode v0 scheduler call of %d bytes: %w", len(data), err)
	}
	call = &schedulerpb.Call{}
	if err := proto.Unmarshal(v1, call); err != nil {
		return nil, false, fmt.Errorf("decode v0 scheduler call of %d bytes: %w", len(data), err)
	}
	return call, force, nil
}

// MarshalCall encodes call as a v0 mesos.scheduler.Call. force goes into Subscribe if it is true and
// call has one; otherwise it is left out, as v0 drivers do.
//
// Errors: a required field of call is missing.
func MarshalCall(call *schedulerpb.Call, force bool) ([]byte, error) {
	v1, err := proto.MarshalOptions{Deterministic: true}.Marshal(call)
	if err != nil {
		return nil, fmt.Errorf("encode v0 scheduler call: %w", err)
	}
	v0, err := rewriteSubscribe(v1, func(subscribe []byte) ([]byte, error) {
		return subscribeToV0(subscribe, force)
	})
	if err != nil {
		return nil, fmt.Errorf("encode v0 scheduler call: %w", err)
	}
	return v0, nil
}

// rewriteSubscribe copies an encoded Call and passes each Subscribe in it through rewrite.
func rewriteSubscribe(call []byte, rewrite func([]byte) ([]byte, error)) ([]byte, error) {
	out := make([]byte, 0, len(call)+2)
	err := eachField(call, func(f field) error {
		if f.num != callSubscribe || f.typ != protowire.BytesType {
			out = append(out, f.raw...)
			return nil
		}
		subscribe, err := rewrite(f.bytes())
		if err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
		out = protowire.AppendTag(out, callSubscribe, protowire.BytesType)
		out = protowire.AppendBytes(out, subscribe)
		return nil
	})
	return out, err
}

// subscribeToV1 renumbers an encoded v0 Subscribe and takes force out; found says whether it was
// there. A field whose wire type does not fit is dropped: under its new number it could become another field.
func subscribeToV1(v0 []byte) (v1 []byte, force, found bool, err error) {
	v1 = make([]byte, 0, len(v0))
	err = eachField(v0, func(f field) error {
		switch {
		case f.num == v0Force && f.typ == protowire.VarintType:
			force, found = protowire.DecodeBool(f.varint()), true
		case f.num == v0SuppressedRoles && f.typ == protowire.BytesType:
			v1 = f.appendAs(v1, v1SuppressedRoles)
		case f.num == v0OfferConstraints && f.typ == protowire.BytesType:
			v1 = f.appendAs(v1, v1OfferConstraints)
		case f.num < v0Force || f.num > v0OfferConstraints:
			v1 = append(v1, f.raw...)
		}
		return nil
	})
	return v1, force, found, err
}

// subscribeToV0 is the other way round.
func subscribeToV0(v1 []byte, force bool) ([]byte, error) {
	var info, rest []byte // force has the number between them
	err := eachField(v1, func(f field) error {
		switch {
		case f.num == v1SuppressedRoles && f.typ == protowire.BytesType:
			rest = f.appendAs(rest, v0SuppressedRoles)
		case f.num == v1OfferConstraints && f.typ == protowire.BytesType:
			rest = f.appendAs(rest, v0OfferConstraints)
		case f.num < v0Force:
			info = append(info, f.raw...)
		case f.num > v0OfferConstraints:
			rest = append(rest, f.raw...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if force {
		info = protowire.AppendTag(info, v0Force, protowire.VarintType)
		info = protowire.AppendVarint(info, protowire.EncodeBool(true))
	}
	return append(info, rest...), nil
}

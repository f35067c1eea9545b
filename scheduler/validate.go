package scheduler

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// validate refuses what the master would refuse as malformed, so that the mistake shows where it was
// made. What a task or operation may be is left to the master, whose answers are updates.
func validate(call *schedulerpb.Call) error {
	t := call.GetType()
	switch t {
	case schedulerpb.Call_SUBSCRIBE:
		return invalid("SUBSCRIBE is sent by the driver; see Start")
	case schedulerpb.Call_TEARDOWN: // has no body
		return nil
	}
	if _, known := schedulerpb.Call_Type_name[int32(t)]; !known || t == schedulerpb.Call_UNKNOWN {
		return invalid("call of unknown type %d; expecting one of schedulerpb.Call_Type", t)
	}
	if t != schedulerpb.Call_REVIVE && t != schedulerpb.Call_SUPPRESS && !hasBody(call.ProtoReflect(), t.String()) {
		return invalid("%s: the field of that name is not set", t)
	}
	if err := proto.CheckInitialized(call); err != nil {
		// The text of protobuf errors begins in a way that changes from build to build.
		_, field, _ := strings.Cut(err.Error(), "required field ")
		return invalid("%s: required field %s", t, field)
	}
	return validateBody(call)
}

func validateBody(call *schedulerpb.Call) error {
	t := call.GetType()
	switch t {
	case schedulerpb.Call_ACCEPT:
		for i, op := range call.GetAccept().GetOperations() {
			if err := validateOperation(i, op); err != nil {
				return err
			}
		}
		return needOffers(t, call.GetAccept().GetOfferIds())
	case schedulerpb.Call_DECLINE:
		return needOffers(t, call.GetDecline().GetOfferIds())
	case schedulerpb.Call_ACCEPT_INVERSE_OFFERS:
		return needOffers(t, call.GetAcceptInverseOffers().GetInverseOfferIds())
	case schedulerpb.Call_DECLINE_INVERSE_OFFERS:
		return needOffers(t, call.GetDeclineInverseOffers().GetInverseOfferIds())
	case schedulerpb.Call_ACKNOWLEDGE:
		return needUUID(t, call.GetAcknowledge().GetUuid())
	case schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS:
		return needUUID(t, call.GetAcknowledgeOperationStatus().GetUuid())
	}
	return nil
}

func needOffers(t schedulerpb.Call_Type, ids []*mesosproto.OfferID) error {
	if len(ids) == 0 {
		return invalid("%s: no offers given; at least one is needed", t)
	}
	return nil
}

func needUUID(t schedulerpb.Call_Type, uuid []byte) error {
	if len(uuid) != uuidSize {
		return invalid("%s: the uuid has %d bytes; expecting the %d of the update", t, len(uuid), uuidSize)
	}
	return nil
}

// validateOperation asks for a known type and the field of that name, as the launch of LAUNCH.
func validateOperation(i int, op *mesosproto.Offer_Operation) error {
	t := op.GetType()
	if _, known := mesosproto.Offer_Operation_Type_name[int32(t)]; !known || t == mesosproto.Offer_Operation_UNKNOWN {
		return invalid("ACCEPT: operation %d has no known type (%s); scheduler.Launch and the like make operations", i, t)
	}
	if !hasBody(op.ProtoReflect(), t.String()) {
		return invalid("ACCEPT: operation %d is a %s without the field of that name", i, t)
	}
	return nil
}

// hasBody tells whether the field is set that is called like the type.
func hasBody(m protoreflect.Message, typeName string) bool {
	return m.Has(m.Descriptor().Fields().ByName(protoreflect.Name(strings.ToLower(typeName))))
}

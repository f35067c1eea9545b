package mesosjson_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/mesosjson"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

const masterID = "3125d202-57a8-42a7-98e7-08bd43f3390a"

func scalarResource(name string, value float64) *pb.Resource {
	return &pb.Resource{
		Name: &name, Type: pb.Value_SCALAR.Enum(), Scalar: &pb.Value_Scalar{Value: &value},
		AllocationInfo: &pb.Resource_AllocationInfo{Role: new("dev")},
	}
}

// offers is an OFFERS event as a master sends it, with count offers.
func offers(count int) *schedulerpb.Event {
	all := &schedulerpb.Event_Offers{}
	for i := range count {
		host := fmt.Sprintf("agent%d.example", i)
		all.Offers = append(all.Offers, &pb.Offer{
			Id:          &pb.OfferID{Value: new(fmt.Sprintf("%s-O%d", masterID, i))},
			FrameworkId: &pb.FrameworkID{Value: new(masterID + "-0002")},
			AgentId:     &pb.AgentID{Value: new(fmt.Sprintf("%s-S%d", masterID, i))},
			Hostname:    &host,
			Url: &pb.URL{Scheme: new("http"), Path: new("/slave(1)"), Address: &pb.Address{
				Hostname: &host, Ip: new(fmt.Sprintf("10.0.1.%d", i)), Port: new(int32(5051)),
			}},
			Resources: []*pb.Resource{
				{
					Name: new("ports"), Type: pb.Value_RANGES.Enum(),
					Ranges: &pb.Value_Ranges{Range: []*pb.Value_Range{
						{Begin: new(uint64(31000)), End: new(uint64(31999))}, {Begin: new(uint64(32001)), End: new(uint64(33000))},
					}},
					AllocationInfo: &pb.Resource_AllocationInfo{Role: new("dev")},
				},
				scalarResource("cpus", 23.7), scalarResource("mem", 64000), scalarResource("disk", 409600),
			},
			Attributes: []*pb.Attribute{
				{Name: new("rack"), Type: pb.Value_TEXT.Enum(), Text: &pb.Value_Text{Value: new("r1")}},
				{Name: new("zone"), Type: pb.Value_TEXT.Enum(), Text: &pb.Value_Text{Value: new("z")}},
			},
			AllocationInfo: &pb.Resource_AllocationInfo{Role: new("dev")},
		})
	}
	return &schedulerpb.Event{Type: schedulerpb.Event_OFFERS.Enum(), Offers: all}
}

// accept is an ACCEPT call that launches count command tasks.
func accept(count int) *schedulerpb.Call {
	launch := &pb.Offer_Operation_Launch{}
	for i := range count {
		launch.TaskInfos = append(launch.TaskInfos, &pb.TaskInfo{
			Name: new(fmt.Sprintf("task %d", i)), TaskId: &pb.TaskID{Value: new(fmt.Sprintf("web.%08x-58a1-4f6e", i))},
			AgentId:   &pb.AgentID{Value: new(masterID + "-S1")},
			Resources: []*pb.Resource{scalarResource("cpus", 0.1), scalarResource("mem", 32)},
			Command: &pb.CommandInfo{
				Shell: new(true), Value: new("exec ./server --port=\"$PORT0\" >> \"server.log\" 2>&1"),
				Environment: &pb.Environment{Variables: []*pb.Environment_Variable{
					{Name: new("PORT0"), Value: new("31005"), Type: pb.Environment_Variable_VALUE.Enum()},
					{Name: new("GREETING"), Value: new("grüße"), Type: pb.Environment_Variable_VALUE.Enum()},
				}},
				Uris: []*pb.CommandInfo_URI{{Value: new("https://artifacts.example/server-1.2.tgz"), Extract: new(true)}},
			},
			Labels: &pb.Labels{Labels: []*pb.Label{{Key: new("team"), Value: new("blue")}, {Key: new("tier"), Value: new("front")}}},
			Data:   []byte("opaque data of the framework\x00\x01\x02"),
		})
	}
	return &schedulerpb.Call{
		FrameworkId: &pb.FrameworkID{Value: new(masterID + "-0002")},
		Type:        schedulerpb.Call_ACCEPT.Enum(),
		Accept: &schedulerpb.Call_Accept{
			OfferIds:   []*pb.OfferID{{Value: new(masterID + "-O7")}},
			Operations: []*pb.Offer_Operation{{Type: pb.Offer_Operation_LAUNCH.Enum(), Launch: launch}},
			Filters:    &pb.Filters{RefuseSeconds: new(5.0)},
		},
	}
}

// codecs are ours and, as points of reference, the canonical JSON and the wire form.
var codecs = []struct {
	name      string
	marshal   func(dst []byte, m proto.Message) ([]byte, error)
	unmarshal func(b []byte, m proto.Message) error
}{
	{"mesosjson", mesosjson.Append, mesosjson.Unmarshal},
	{"protojson", protojson.MarshalOptions{UseProtoNames: true}.MarshalAppend, protojson.Unmarshal},
	{"protobuf", proto.MarshalOptions{}.MarshalAppend, proto.Unmarshal},
}

var workloads = []struct {
	name    string
	message proto.Message
}{
	{"offers-100", offers(100)},
	{"accept-100", accept(100)},
	{"decline-1", &schedulerpb.Call{
		FrameworkId: &pb.FrameworkID{Value: new(masterID + "-0002")}, Type: schedulerpb.Call_DECLINE.Enum(),
		Decline: &schedulerpb.Call_Decline{OfferIds: []*pb.OfferID{{Value: new(masterID + "-O7")}}},
	}},
}

func BenchmarkMarshal(b *testing.B) {
	for _, w := range workloads {
		for _, c := range codecs {
			b.Run(w.name+"/"+c.name, func(b *testing.B) {
				var dst []byte
				var err error
				b.ReportAllocs()
				for b.Loop() {
					if dst, err = c.marshal(dst[:0], w.message); err != nil {
						b.Fatal(err)
					}
				}
				b.SetBytes(int64(len(dst)))
			})
		}
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	for _, w := range workloads {
		for _, c := range codecs {
			b.Run(w.name+"/"+c.name, func(b *testing.B) {
				data, err := c.marshal(nil, w.message)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					m := w.message.ProtoReflect().New().Interface()
					if err := c.unmarshal(data, m); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

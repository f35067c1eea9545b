package httpv1

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/httpclient"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/mesosjson"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
)

func jsonUnmarshalCall(data []byte, call *schedulerpb.Call) error {
	return mesosjson.Unmarshal(data, call)
}

var (
	anOffer  = offersEvent(1)
	anUpdate = &schedulerpb.Event{
		Type: schedulerpb.Event_UPDATE.Enum(),
		Update: &schedulerpb.Event_Update{Status: &mesosproto.TaskStatus{
			TaskId:  &mesosproto.TaskID{Value: proto.String("t")},
			AgentId: &mesosproto.AgentID{Value: proto.String("S0")},
			State:   mesosproto.TaskState_TASK_RUNNING.Enum(),
			Uuid:    []byte("0123456789abcdef"),
		}},
	}
)

// offersEvent is an OFFERS event as a master sends it to a framework with one role.
func offersEvent(n int) *schedulerpb.Event {
	have := resources.MustParse("cpus:24;mem:4096;disk:4096;ports:[31000-32000]").Proto()
	e := &schedulerpb.Event{Type: schedulerpb.Event_OFFERS.Enum(), Offers: &schedulerpb.Event_Offers{}}
	for i := range n {
		host := fmt.Sprintf("agent%d.example", i)
		e.Offers.Offers = append(e.Offers.Offers, &mesosproto.Offer{
			Id:          &mesosproto.OfferID{Value: proto.String(fmt.Sprintf("3125d202-57a8-42a7-98e7-08bd43f3390a-O%d", i))},
			FrameworkId: &mesosproto.FrameworkID{Value: proto.String("3125d202-57a8-42a7-98e7-08bd43f3390a-0000")},
			AgentId:     &mesosproto.AgentID{Value: proto.String(fmt.Sprintf("3125d202-57a8-42a7-98e7-08bd43f3390a-S%d", i))},
			Hostname:    &host,
			Url: &mesosproto.URL{Scheme: proto.String("http"), Path: proto.String("/slave(1)"), Address: &mesosproto.Address{
				Hostname: &host, Ip: proto.String("10.0.0.1"), Port: proto.Int32(5051)}},
			Resources: have,
			Attributes: []*mesosproto.Attribute{{
				Name: proto.String("rack"), Type: mesosproto.Value_TEXT.Enum(), Text: &mesosproto.Value_Text{Value: proto.String("r1")}}},
		})
	}
	return e
}

// acceptCall is an ACCEPT that launches n command tasks.
func acceptCall(n int) *schedulerpb.Call {
	need := resources.MustParse("cpus:0.1;mem:32")
	var tasks []*mesosproto.TaskInfo
	for i := range n {
		t := scheduler.CommandTask(fmt.Sprintf("task-%d", i), "sleep 60", need, scheduler.WithEnv("INDEX", fmt.Sprint(i)))
		t.AgentId = &mesosproto.AgentID{Value: proto.String("3125d202-57a8-42a7-98e7-08bd43f3390a-S0")}
		tasks = append(tasks, t)
	}
	return &schedulerpb.Call{
		Type:        schedulerpb.Call_ACCEPT.Enum(),
		FrameworkId: &mesosproto.FrameworkID{Value: proto.String("3125d202-57a8-42a7-98e7-08bd43f3390a-0000")},
		Accept: &schedulerpb.Call_Accept{
			OfferIds:   []*mesosproto.OfferID{{Value: proto.String("3125d202-57a8-42a7-98e7-08bd43f3390a-O0")}},
			Operations: []*mesosproto.Offer_Operation{scheduler.Launch(tasks...)},
		},
	}
}

var codecs = map[string]httpclient.Codec{"protobuf": httpclient.Protobuf, "json": httpclient.JSON}

func BenchmarkDecodeOffers100(b *testing.B) {
	event := offersEvent(100)
	for _, name := range []string{"protobuf", "json"} {
		b.Run(name, func(b *testing.B) {
			data, err := codecs[name].Marshal(event)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := codecs[name].Unmarshal(data, &schedulerpb.Event{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncodeAccept100(b *testing.B) {
	call := acceptCall(100)
	for _, name := range []string{"protobuf", "json"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				data, err := codecs[name].Marshal(call)
				if err != nil {
					b.Fatal(err)
				}
				size = len(data)
			}
			b.SetBytes(int64(size))
		})
	}
}

package scheduler

import (
	"context"
	"testing"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
	"google.golang.org/protobuf/proto"
)

// mirror is a Transport in which each call is answered at once and, but for SUBSCRIBE, by an offer.
type mirror struct{ events chan *schedulerpb.Event }

func (m mirror) Dial(*mesosproto.MasterInfo) Transport { return m }

func (m mirror) Subscribe(ctx context.Context, _ *schedulerpb.Call, each func(*schedulerpb.Event) error) error {
	for {
		select {
		case e := <-m.events:
			if err := each(e); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (m mirror) Send(context.Context, *schedulerpb.Call) error {
	m.events <- offers("o")
	return nil
}

// pingPong declines each offer, n times.
type pingPong struct {
	Base
	n int
}

func (p *pingPong) ResourceOffers(d *Driver, offers []*mesosproto.Offer) {
	if p.n--; p.n <= 0 {
		d.Stop(true)
		return
	}
	d.Decline(OfferIDs(offers...))
}

func (p *pingPong) StatusUpdate(*Driver, *mesosproto.TaskStatus) {}

// BenchmarkOfferToCall is the driver's own share of answering an offer: five goroutines are passed.
func BenchmarkOfferToCall(b *testing.B) {
	m := mirror{make(chan *schedulerpb.Event, 10)}
	m.events <- subscribedEvent("f", 15)
	m.events <- offers("o")
	d, err := New(Config{
		Framework: &mesosproto.FrameworkInfo{Name: proto.String("n"), User: proto.String("u")},
		Scheduler: &pingPong{n: b.N}, Dialer: m, Master: "127.0.0.1:5050",
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	if err := d.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRoom fills an offer with 100 tasks.
func BenchmarkRoom(b *testing.B) {
	o := offer("o", "cpus:24;mem:4096;disk:4096;ports:[31000-32000]")
	need := resources.MustParse("cpus:0.1;mem:32")
	b.ReportAllocs()
	for b.Loop() {
		room := RoomIn(o)
		for range 100 {
			if !room.Put(CommandTask("t", "x", need)) {
				b.Fatal("no room")
			}
		}
	}
}

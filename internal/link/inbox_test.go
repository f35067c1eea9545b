package link_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
)

func TestInboxHandlesMessagesOnItsLoopInOrder(t *testing.T) {
	sim := loop.NewSim(1)
	var got []string
	boxes := map[string]*link.Inbox{}
	for _, name := range []string{"a", "b"} {
		var box *link.Inbox
		box = link.NewInbox(sim.Loop(name), func(c link.Conn, m proto.Message) {
			text := m.(*wrapperspb.StringValue).Value
			got = append(got, c.Peer()+" > "+name+" "+text)
			if text == "1" { // while it is being handled another one comes
				box.Message(c, wrapperspb.String("3"), func() { got = append(got, name+" handled 3") })
			}
		})
		boxes[name] = box
	}
	x := pipeTo(t, "x")
	for _, text := range []string{"1", "2"} {
		boxes["a"].Message(x, wrapperspb.String(text), func() { got = append(got, "a handled "+text) })
	}
	require.Empty(t, got, "nothing is handled within the call")
	sim.Settle()
	boxes["b"].Message(x, wrapperspb.String("4"), func() {})
	sim.Settle()
	require.Equal(t, []string{
		"x > a 1", "a handled 1", "x > a 2", "a handled 2", "x > a 3", "a handled 3", "x > b 4",
	}, got)
}

// pipeTo is a connection to a peer.
func pipeTo(t *testing.T, peer string) link.Conn {
	s := &side{}
	link.Pipe(peer, s).Dial(nil, s).Send(wrapperspb.String(""))
	require.NotNil(t, s.conn)
	return s.conn
}

func TestInboxAllocatesNothing(t *testing.T) {
	sim := loop.NewSim(1)
	box := link.NewInbox(sim.Loop("a"), func(link.Conn, proto.Message) {})
	x, m, handled := pipeTo(t, "x"), wrapperspb.String("m"), func() {}
	allocated := testing.AllocsPerRun(1000, func() {
		box.Message(x, m, handled)
		sim.Settle()
	})
	require.Zero(t, allocated)
}

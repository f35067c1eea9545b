package link_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
)

// server is a core that answers calls on its loop and remembers its streams.
type server struct {
	loop    *loop.SimLoop
	refuse  error
	streams []link.Stream[string]
	calls   []string
	ended   int
}

func (s *server) Subscribe(from link.Caller, call string, stream link.Stream[string], answer func(string, error)) {
	s.loop.Post(func() {
		answer("id-"+call, s.refuse)
		if s.refuse == nil {
			s.streams = append(s.streams, stream)
			stream.Send("welcome " + call)
		}
	})
}

func (s *server) Call(from link.Caller, call string, done func(error)) {
	s.loop.Post(func() {
		s.calls = append(s.calls, call+" by "+from.StreamID)
		done(s.refuse)
	})
}

func (s *server) Ended(link.Stream[string]) { s.loop.Post(func() { s.ended++ }) }

type local struct {
	sim    *loop.Sim
	server *server
	client link.Client[string, string]
	events []string
	ends   []error
}

func setup() *local {
	b := &local{sim: loop.NewSim(1)}
	b.server = &server{loop: b.sim.Loop("server")}
	b.client = link.Local[string, string](b.sim.Loop("client"), b.server, "")
	return b
}

func (b *local) subscribe(call string) (cancel func()) {
	return b.client.Subscribe(call, func(e string) { b.events = append(b.events, e) }, func(err error) { b.ends = append(b.ends, err) })
}

func TestLocalCarriesEventsAndCallsInOrder(t *testing.T) {
	b := setup()
	b.subscribe("a")
	b.sim.Settle()
	b.server.streams[0].Send("1")
	b.server.streams[0].Send("2")
	for i := range 3 {
		b.client.Send(fmt.Sprint(i), func(err error) { require.NoError(t, err); b.events = append(b.events, "done") })
	}
	b.sim.Settle()
	require.Equal(t, []string{"welcome a", "1", "2", "done", "done", "done"}, b.events)
	require.Equal(t, []string{"0 by id-a", "1 by id-a", "2 by id-a"}, b.server.calls, "calls carry the stream's id")
}

func TestLocalStreamEndsOnceEitherWay(t *testing.T) {
	b := setup()
	b.subscribe("a")
	b.sim.Settle()
	b.server.streams[0].Send("last")
	b.server.streams[0].Close()
	b.server.streams[0].Send("after the end")
	b.server.streams[0].Close()
	b.sim.Settle()
	require.Equal(t, []string{"welcome a", "last"}, b.events)
	require.Equal(t, []error{io.EOF}, b.ends)
	require.Zero(t, b.server.ended, "the server closed it itself")

	cancel := b.subscribe("b")
	b.sim.Settle()
	cancel()
	cancel()
	b.server.streams[1].Send("too late")
	b.sim.Settle()
	require.Equal(t, 1, b.server.ended)
	require.Len(t, b.ends, 1, "who cancels is told nothing")
	require.NotContains(t, b.events, "too late")
}

func TestLocalRefusalEndsTheStreamWithItsError(t *testing.T) {
	b := setup()
	b.server.refuse = status.Error(codes.InvalidArgument, "no")
	b.subscribe("a")
	b.client.Send("x", func(err error) { b.ends = append(b.ends, err) })
	b.sim.Settle()
	require.Len(t, b.ends, 2)
	for _, err := range b.ends {
		require.Equal(t, codes.InvalidArgument, apierror.Code(err))
	}
}

func TestLocalCutsOffAClientThatDoesNotRead(t *testing.T) {
	b := setup()
	b.subscribe("a")
	b.sim.Settle()
	for range link.MaxQueuedEvents + 10 { // the client's loop does not run meanwhile
		b.server.streams[0].Send("x")
	}
	b.sim.Settle()
	require.Equal(t, 1, b.server.ended)
	require.Equal(t, []error{io.EOF}, b.ends)
}

// transport is a scripted blocking transport.
type transport struct {
	events  []string
	end     error
	block   bool // after the events, until the context ends
	sending chan struct{}
	mu      sync.Mutex
	sent    []string
}

func (t *transport) Subscribe(ctx context.Context, call string, each func(string) error) error {
	for _, e := range t.events {
		if err := each(e); err != nil {
			return err
		}
	}
	if t.block {
		<-ctx.Done()
		return ctx.Err()
	}
	return t.end
}

func (t *transport) Send(ctx context.Context, call string) error {
	if t.sending != nil {
		select {
		case <-t.sending:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent = append(t.sent, call)
	return nil
}

func TestTransportDeliversInOrderAndEndsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := loop.New()
		defer l.Close()
		many := make([]string, 1000)
		for i := range many {
			many[i] = fmt.Sprint(i)
		}
		boom := errors.New("boom")
		tr := &transport{events: many, end: boom}
		client, stop := link.FromTransport[string, string](l, tr)
		defer stop()
		var got []string
		var ends []error
		l.Post(func() {
			client.Subscribe("a", func(e string) { got = append(got, e) }, func(err error) { ends = append(ends, err) })
			for i := range 100 {
				client.Send(fmt.Sprint(i), nil)
			}
		})
		synctest.Wait()
		require.Equal(t, many, got)
		require.Equal(t, []error{boom}, ends)
		require.Equal(t, many[:100], tr.sent)
	})
}

func TestTransportIsNotReadWhileTheLoopIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := loop.New()
		defer l.Close()
		tr := &counting{}
		client, stop := link.FromTransport[string, string](l, tr)
		release := make(chan struct{})
		l.Post(func() {
			client.Subscribe("a", func(string) { <-release }, func(error) {})
		})
		synctest.Wait()
		require.LessOrEqual(t, tr.read, link.MaxUnhandled+2)
		close(release)
		stop()
	})
}

// counting is a transport with endless events.
type counting struct {
	transport
	read int
}

func (c *counting) Subscribe(_ context.Context, _ string, each func(string) error) error {
	for {
		c.read++
		if err := each("x"); err != nil {
			return err
		}
	}
}

func TestTransportRefusesCallsWhenTooManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := loop.New()
		defer l.Close()
		tr := &transport{sending: make(chan struct{})}
		client, stop := link.FromTransport[string, string](l, tr)
		var refused []error
		l.Post(func() {
			for range link.MaxQueuedCalls + 1000 { // some don't wait: they are being sent
				client.Send("x", func(err error) { refused = append(refused, err) })
			}
		})
		synctest.Wait()
		require.NotEmpty(t, refused)
		for _, err := range refused {
			require.Equal(t, codes.ResourceExhausted, apierror.Code(err))
		}
		stop()
		stop()
	})
}

func TestCancelledSubscriptionIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := loop.New()
		defer l.Close()
		client, stop := link.FromTransport[string, string](l, &transport{block: true})
		defer stop()
		ends := 0
		l.Post(func() {
			cancel := client.Subscribe("a", func(string) {}, func(error) { ends++ })
			l.Post(func() { cancel() })
		})
		synctest.Wait()
		require.Zero(t, ends)
	})
}

// side records what arrives at one end of a pipe.
type side struct {
	got    []string
	conn   link.Conn
	exited int
}

func (s *side) Message(c link.Conn, m proto.Message, handled func()) {
	s.conn = c
	s.got = append(s.got, m.(*wrapperspb.StringValue).Value)
	handled()
}

func (s *side) Exited(c link.Conn) { s.conn = c; s.exited++ }

func TestPipeCarriesMessagesBothWaysUntilEitherSideCloses(t *testing.T) {
	agent, master := &side{}, &side{}
	pid := "master@127.0.0.1:5050"
	conn := link.Pipe("slave(1)@127.0.0.1:5051", master).Dial(&mesosproto.MasterInfo{Pid: &pid}, agent)
	require.Equal(t, pid, conn.Peer())
	conn.Send(wrapperspb.String("up"))
	require.Equal(t, []string{"up"}, master.got)
	require.Equal(t, "slave(1)@127.0.0.1:5051", master.conn.Peer())
	first := master.conn
	master.conn.Send(wrapperspb.String("down"))
	require.Equal(t, []string{"down"}, agent.got)
	require.Same(t, conn, agent.conn)
	conn.Send(wrapperspb.String("again"))
	require.Same(t, first, master.conn, "one Conn for the whole connection")
	conn.Close()
	conn.Close()
	first.Close()
	first.Send(wrapperspb.String("too late"))
	require.Equal(t, 1, master.exited)
	require.Zero(t, agent.exited, "who closes is told nothing")
	require.Equal(t, []string{"down"}, agent.got)
}

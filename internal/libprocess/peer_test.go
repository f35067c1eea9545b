package libprocess

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

func TestEndpointsExchangeMessages(t *testing.T) {
	a, b := loopbackHost(t, Config{}), loopbackHost(t, Config{})
	pings, pongs := newInbox(true), newInbox(true)
	observer, agent := a.spawn(t, a.NextID("slave-observer"), pongs), b.spawn(t, b.NextID("slave"), pings)

	require.NoError(t, observer.SendMessage(agent.PID(), &messagespb.PingSlaveMessage{Connected: proto.Bool(true)}))
	ping := <-pings.arrived
	require.Equal(t, observer.PID(), ping.from)
	require.Equal(t, "mesos.internal.PingSlaveMessage", ping.name)
	var decoded messagespb.PingSlaveMessage
	require.NoError(t, proto.Unmarshal([]byte(ping.body), &decoded))
	require.True(t, decoded.GetConnected())

	require.NoError(t, agent.SendMessage(ping.from, &messagespb.PongSlaveMessage{}))
	pong := <-pongs.arrived
	require.Equal(t, agent.PID(), pong.from)
	require.Equal(t, "mesos.internal.PongSlaveMessage", pong.name)
	require.Empty(t, pong.body)
}

func TestMessagesKeepTheirOrderAndShareOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, local, master, _ := pair(t, Config{})
		remote := n.host(t, "10.0.0.2:5051", Config{})
		box := newInbox(true)
		remote.spawn(t, "slave(1)", box)
		body := []byte("reused by the caller")
		for i := range 3000 {
			copy(body, fmt.Sprintf("%04d", i))
			require.NoError(t, master.Send(agent1, "a.B", body[:i%5+4]))
		}
		require.NoError(t, local.Flush(t.Context()))
		synctest.Wait()
		require.Len(t, box.all(), 3000)
		for i, m := range box.all() {
			require.Equal(t, fmt.Sprintf("%04d", i), m.body[:4])
		}
		require.Equal(t, 1, n.dialed())
		require.Equal(t, uint64(3000), local.Stats().Sent)
		require.Equal(t, uint64(3000), remote.Stats().Received)
		require.Zero(t, local.Stats().Dropped)
	})
}

// Requests go out though no answer ever comes (mesos-go gives none), and though answers come that nobody asked for.
func TestAnswersDoNotMatter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _, master, _ := pair(t, Config{})
		listener := n.listen(agent1.Addr())
		defer listener.Close()
		require.NoError(t, master.Link(agent1, func(UPID) {}))
		conn, err := listener.Accept()
		require.NoError(t, err)
		defer conn.Close()
		for range 100 {
			require.NoError(t, master.Send(agent1, "a.B", []byte("abc")))
		}
		reader := bufio.NewReader(conn)
		for range 100 {
			r, err := http.ReadRequest(reader)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, r.Body)
			require.NoError(t, err)
		}
		_, err = conn.Write(bytes.Repeat([]byte("HTTP/1.1 500 whatever\r\n\r\nnoise"), 10_000)) // a pipe: all of it is read
		require.NoError(t, err)
		require.NoError(t, master.Send(agent1, "a.Last", nil))
		r, err := http.ReadRequest(reader)
		require.NoError(t, err)
		require.Equal(t, "/slave(1)/a.Last", r.RequestURI)
	})
}

func TestMessagesToUnreachablePeersAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, local, master, _ := pair(t, Config{})
		require.NoError(t, master.Send(agent1, "a.B", nil))
		synctest.Wait()
		require.Equal(t, Stats{Dropped: 1}, local.Stats())

		remote := n.host(t, "10.0.0.2:5051", Config{})
		box := newInbox(true)
		remote.spawn(t, "slave(1)", box)
		require.NoError(t, master.Send(agent1, "a.Next", nil))
		synctest.Wait()
		require.Len(t, box.all(), 1)
		require.Equal(t, "a.Next", box.all()[0].name, "each message tries again")
	})
}

func TestConnectingGivesUpAfterDialTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		_, local, master, _ := pair(t, Config{Dial: hang, DialTimeout: 3 * time.Second})
		x := &exits{}
		require.NoError(t, master.Link(agent1, x.as("master")))
		require.NoError(t, master.Send(agent1, "a.B", nil))
		time.Sleep(3*time.Second - 1)
		synctest.Wait()
		require.Empty(t, x.all())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.Len(t, x.all(), 1)
		require.Equal(t, uint64(1), local.Stats().Dropped)
	})
}

// A peer that does not read costs QueueBytes and one message, then its connection.
func TestOverflowEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, local, master, _ := pair(t, Config{QueueBytes: 100_000})
		listener := n.listen(agent1.Addr())
		defer listener.Close()
		x := &exits{}
		require.NoError(t, master.Link(agent1, x.as("master")))
		conn, err := listener.Accept() // and never read
		require.NoError(t, err)
		defer conn.Close()
		sent := 0
		for len(x.all()) == 0 {
			require.NoError(t, master.Send(agent1, "a.B", make([]byte, 1000)))
			sent++
			synctest.Wait()
			require.LessOrEqual(t, local.Stats().Queued, 180, "messages of over 1000 bytes: the first write and 100,000 bytes")
			require.Less(t, sent, 1000)
		}
		require.Equal(t, []string{"master: " + agent1.String()}, x.all())
		require.Equal(t, Stats{Dropped: uint64(sent)}, local.Stats())
	})
}

// Messages may be larger than QueueBytes, since the reference limits none.
func TestOneMessageMayExceedTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _, master, _ := pair(t, Config{QueueBytes: 1000})
		remote := n.host(t, "10.0.0.2:5051", Config{})
		box := newInbox(true)
		remote.spawn(t, "slave(1)", box)
		require.NoError(t, master.Send(agent1, "a.B", make([]byte, 3<<20)))
		synctest.Wait()
		require.Len(t, box.all(), 1)
	})
}

func TestFlushWaitsForTheKernelToTakeAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, local, master, _ := pair(t, Config{})
		require.NoError(t, local.Flush(t.Context()), "nothing to send")
		listener := n.listen(agent1.Addr())
		defer listener.Close()
		require.NoError(t, master.Send(agent1, "a.B", []byte("abc")))
		conn, err := listener.Accept()
		require.NoError(t, err)
		defer conn.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.EqualError(t, local.Flush(ctx), "libprocess: 1 messages not sent: context deadline exceeded")

		flushed := make(chan error, 1)
		go func() { flushed <- local.Flush(t.Context()) }()
		synctest.Wait()
		require.Empty(t, flushed)
		r, err := http.ReadRequest(bufio.NewReader(conn))
		require.NoError(t, err)
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, "abc", string(body))
		require.NoError(t, <-flushed)
	})
}

func TestFlushEndsWhenMessagesAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, local, master, _ := pair(t, Config{})
		require.NoError(t, master.Send(agent1, "a.B", nil))
		require.NoError(t, local.Flush(t.Context()))
		require.Equal(t, uint64(1), local.Stats().Dropped)
	})
}

// Close ends connections that are being made, idle, or stuck in a write; synctest fails if a goroutine remains.
func TestCloseEndsEveryConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		hanging := netip.MustParseAddrPort("10.0.0.4:1")
		local := n.host(t, "10.0.0.1:5050", Config{Dial: func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
			if addr == hanging {
				<-ctx.Done()
				return nil, errors.New("too late")
			}
			return n.dial(ctx, addr)
		}})
		master := local.spawn(t, "master", newInbox(true))
		n.host(t, "10.0.0.2:5051", Config{})
		stuck := n.listen(netip.MustParseAddrPort("10.0.0.3:5051"))
		defer stuck.Close()
		go func() {
			conn, err := stuck.Accept()
			if err == nil {
				<-stuck.closed
				conn.Close()
			}
		}()
		for _, addr := range []netip.AddrPort{agent1.Addr(), stuck.addr, hanging} {
			to := NewUPID("slave(1)", addr)
			require.NoError(t, master.Link(to, func(UPID) { t.Error("exited") }))
			require.NoError(t, master.Send(to, "a.B", nil))
		}
		synctest.Wait()
		require.Equal(t, 3, local.Stats().Peers)
		local.Endpoint.Close()
		require.Zero(t, local.Stats().Peers)
		require.Zero(t, local.Stats().Queued)
		require.Equal(t, uint64(2), local.Stats().Dropped)
	})
}

func TestCloseWaitsForReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, local, master, _ := pair(t, Config{})
		inside, leave := make(chan struct{}), make(chan struct{})
		remote := n.host(t, "10.0.0.2:5051", Config{})
		remote.spawn(t, "slave(1)", ReceiverFunc(func(_ UPID, _ string, _ []byte, done func()) {
			defer done()
			close(inside)
			<-leave
		}))
		require.NoError(t, master.Send(agent1, "a.B", nil))
		<-inside
		closed := make(chan struct{})
		go func() { remote.Endpoint.Close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Fatal("closed while a message is being received")
		default:
		}
		close(leave)
		<-closed
		local.stop()
	})
}

func TestSpawn(t *testing.T) {
	e, err := New(Config{Advertise: netip.MustParseAddrPort("10.0.0.1:5050")})
	require.NoError(t, err)
	require.Equal(t, "10.0.0.1:5050", e.Addr().String())
	require.Equal(t, []string{"slave(1)", "executor(1)", "slave(2)"}, []string{e.NextID("slave"), e.NextID("executor"), e.NextID("slave")})

	p, err := e.Spawn("slave(1)", newInbox(true))
	require.NoError(t, err)
	require.Equal(t, "slave(1)@10.0.0.1:5050", p.PID().String())
	_, err = e.Spawn("slave(1)", newInbox(true))
	require.EqualError(t, err, `libprocess: process id "slave(1)" is taken on 10.0.0.1:5050; terminate its process first`)
	p.Terminate()
	_, err = e.Spawn("slave(1)", newInbox(true))
	require.NoError(t, err)
	for _, id := range []string{"", "a b", "a/b", "a@b", "a\r\nb", "é"} {
		_, err = e.Spawn(id, newInbox(true))
		require.EqualError(t, err, fmt.Sprintf("libprocess: process id %q must be letters, digits and ()-._~ only", id))
	}
	e.Close()
	_, err = e.Spawn("slave(3)", newInbox(true))
	require.Equal(t, ErrClosed, err)
}

func TestNewNamesTheBadField(t *testing.T) {
	good := netip.MustParseAddrPort("10.0.0.1:5050")
	for _, row := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, "Config.Advertise"},
		{Config{Advertise: netip.MustParseAddrPort("0.0.0.0:5050")}, "Config.Advertise"},
		{Config{Advertise: netip.MustParseAddrPort("10.0.0.1:0")}, "Config.Advertise"},
		{Config{Advertise: netip.MustParseAddrPort("[::1]:5050")}, "Config.Advertise"},
		{Config{Advertise: good, QueueBytes: -1}, "Config.QueueBytes is -1; it must not be negative (zero means 67108864)"},
		{Config{Advertise: good, DialTimeout: -1}, "Config.DialTimeout is -1ns; it must not be negative (zero means 15s)"},
	} {
		_, err := New(row.cfg)
		require.ErrorContains(t, err, row.want)
	}
}

// BenchmarkExchange sends small messages to a process over loopback, as fast as they are handled.
func BenchmarkExchange(b *testing.B) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(b, err)
	e, err := New(Config{Advertise: listener.Addr().(*net.TCPAddr).AddrPort()})
	require.NoError(b, err)
	server := e.Server(nil)
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	defer e.Close()
	received := make(chan struct{}, 1000)
	p, err := e.Spawn("slave(1)", ReceiverFunc(func(_ UPID, _ string, _ []byte, done func()) {
		done()
		received <- struct{}{}
	}))
	require.NoError(b, err)
	body := make([]byte, 300)
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		for range b.N {
			_ = p.Send(p.PID(), "mesos.internal.StatusUpdateMessage", body)
		}
	}()
	for range b.N {
		<-received
	}
}

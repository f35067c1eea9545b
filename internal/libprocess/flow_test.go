package libprocess

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func request(id string, size int) []byte {
	return encode(ParseUPID("peer@10.0.9.9:1"), ParseUPID(id+"@10.0.0.1:5050"), "a.B", bytes.Repeat([]byte("x"), size))
}

// flood writes n requests to a new connection without waiting for answers, which are thrown away. It returns the
// connection; the writing goes on in the background for as long as the host reads.
func flood(t *testing.T, n *network, h *host, request []byte, count int) net.Conn {
	conn, err := n.dial(t.Context(), h.Addr())
	require.NoError(t, err)
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	go func() { _, _ = conn.Write(bytes.Repeat(request, count)) }()
	return conn
}

// "A connection has at most 64 messages posted and unhandled, then it is not read."
func TestConnectionIsNotReadBeyond64UnhandledMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		h := n.host(t, "10.0.0.1:5050", Config{})
		box := newInbox(false)
		h.spawn(t, "slave(1)", box)
		conn := flood(t, n, h, request("slave(1)", 1000), 500)
		defer conn.Close()
		synctest.Wait()
		require.Len(t, box.all(), 64)
		require.Equal(t, 64, h.Stats().Unhandled)

		box.all()[7].done() // in any order
		box.all()[7].done() // counted once
		synctest.Wait()
		require.Len(t, box.all(), 65)

		other := flood(t, n, h, request("slave(1)", 1000), 1)
		defer other.Close()
		synctest.Wait()
		require.Len(t, box.all(), 66, "another connection has its own 64")

		for done := 0; done < len(box.all()); done++ {
			box.all()[done].done()
			synctest.Wait()
		}
		require.Len(t, box.all(), 501, "all arrive in the end")
		require.Zero(t, h.Stats().Unhandled)
		require.Empty(t, h.inbound.open)
	})
}

func TestMailboxBoundsAllConnectionsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		h := n.host(t, "10.0.0.1:5050", Config{MailboxMessages: 100})
		box, quiet := newInbox(false), newInbox(true)
		h.spawn(t, "slave(1)", box)
		h.spawn(t, "quiet", quiet)
		for range 5 {
			defer flood(t, n, h, request("slave(1)", 10), 50).Close()
		}
		synctest.Wait()
		require.Len(t, box.all(), 100)
		defer flood(t, n, h, request("quiet", 10), 3).Close()
		synctest.Wait()
		require.Len(t, quiet.all(), 3, "other processes are not held up")
		for done := 0; done < len(box.all()); done++ {
			box.all()[done].done()
			synctest.Wait()
		}
		require.Len(t, box.all(), 250)
	})
}

// A process that ends without handling its messages does not block the connections they came by.
func TestTerminateFreesItsMessagesPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		h := n.host(t, "10.0.0.1:5050", Config{})
		stuck, next := newInbox(false), newInbox(true)
		p := h.spawn(t, "stuck", stuck)
		h.spawn(t, "next", next)
		conn := flood(t, n, h, append(bytes.Repeat(request("stuck", 10), 80), request("next", 10)...), 1)
		defer conn.Close()
		synctest.Wait()
		require.Len(t, stuck.all(), 64)
		require.Empty(t, next.all())
		p.Terminate()
		p.Terminate()
		synctest.Wait()
		require.Len(t, next.all(), 1)
		require.Len(t, stuck.all(), 64, "nothing after Terminate")
		require.Equal(t, uint64(16), h.Stats().Refused)
		require.Zero(t, h.Stats().Unhandled)
		stuck.all()[0].done()
		require.Zero(t, h.Stats().Unhandled)
	})
}

func TestCloseFreesBlockedConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		h := n.host(t, "10.0.0.1:5050", Config{})
		box := newInbox(false)
		h.spawn(t, "slave(1)", box)
		conn := flood(t, n, h, request("slave(1)", 10), 100)
		defer conn.Close()
		synctest.Wait()
		h.Endpoint.Close()
		synctest.Wait()
		require.Len(t, box.all(), 64)
		require.Equal(t, uint64(1), h.Stats().Refused, "the blocked one; then the connection ends")
	})
}

// Large bodies share InboundBytes. At the limit the oldest body goes on, the others are not read, small messages pass.
func TestLargeBodiesShareABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		h := n.host(t, "10.0.0.1:5050", Config{InboundBytes: 4 << 20})
		box, small := newInbox(false), newInbox(true)
		h.spawn(t, "slave(1)", box)
		h.spawn(t, "small", small)
		for range 6 {
			defer flood(t, n, h, request("slave(1)", 3<<20), 1).Close()
		}
		defer flood(t, n, h, request("small", smallBody-1), 5).Close()
		synctest.Wait()
		require.Len(t, small.all(), 5)
		require.LessOrEqual(t, h.usedBudget(), int64(4<<20+3<<20), "the limit and one body")
		for done := range 6 {
			require.Greater(t, len(box.all()), done, "there is always one that goes on")
			box.all()[done].done()
			synctest.Wait()
			require.LessOrEqual(t, h.usedBudget(), int64(4<<20+3<<20))
		}
		require.Len(t, box.all(), 6)
		require.Zero(t, h.usedBudget())
	})
}

func TestStalledLargeBodyIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		h := n.host(t, "10.0.0.1:5050", Config{BodyTimeout: 10 * time.Second})
		box := newInbox(true)
		h.spawn(t, "slave(1)", box)
		whole := request("slave(1)", 1<<20)
		conn := flood(t, n, h, whole[:len(whole)/2], 1)
		defer conn.Close()
		time.Sleep(10*time.Second - 1)
		synctest.Wait()
		require.NotZero(t, h.usedBudget())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.Zero(t, h.usedBudget())
		require.Zero(t, h.Stats().Unhandled)
		require.Equal(t, uint64(1), h.Stats().Refused)
		require.Empty(t, box.all())
	})
}

// The reference takes the closing of a connection for the failure of its other end.
func TestIdleIncomingConnectionsStayOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		h := n.host(t, "10.0.0.1:5050", Config{BodyTimeout: time.Second})
		box := newInbox(true)
		h.spawn(t, "slave(1)", box)
		conn := flood(t, n, h, request("slave(1)", 1<<20), 1)
		defer conn.Close()
		time.Sleep(30 * 24 * time.Hour)
		go func() { _, _ = conn.Write(request("slave(1)", 1)) }()
		synctest.Wait()
		require.Len(t, box.all(), 2)
	})
}

func TestManyConnectionsToOneProcessKeepTheirOrder(t *testing.T) {
	h := loopbackHost(t, Config{})
	box := newInbox(true)
	h.spawn(t, "slave(1)", box)
	const connections, each = 8, 500
	for c := range connections {
		e, err := New(Config{Advertise: h.Addr()})
		require.NoError(t, err)
		t.Cleanup(e.Close)
		p, err := e.Spawn(fmt.Sprintf("sender(%d)", c), newInbox(true))
		require.NoError(t, err)
		go func() {
			for i := range each {
				_ = p.Send(NewUPID("slave(1)", h.Addr()), "a.B", fmt.Append(nil, i))
			}
		}()
	}
	next := map[string]int{}
	for range connections * each {
		m := <-box.arrived
		require.Equal(t, fmt.Sprint(next[m.from.ID]), m.body, m.from.ID)
		next[m.from.ID]++
	}
}

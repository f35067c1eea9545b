package libprocess

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// exits records calls of onExited.
type exits struct {
	mu    sync.Mutex
	calls []string
}

func (x *exits) as(who string) func(UPID) {
	return func(to UPID) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.calls = append(x.calls, who+": "+to.String())
	}
}

func (x *exits) all() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]string{}, x.calls...)
}

var (
	agent1 = ParseUPID("slave(1)@10.0.0.2:5051")
	agent2 = ParseUPID("slave(2)@10.0.0.2:5051")
)

// pair is a host with processes master and observer, and the address of another.
func pair(t *testing.T, cfg Config) (n *network, local *host, master, observer *Process) {
	n = newNetwork()
	local = n.host(t, "10.0.0.1:5050", cfg)
	return n, local, local.spawn(t, "master", newInbox(true)), local.spawn(t, "observer", newInbox(true))
}

// "exited(to) when that connection closes – for all linked ids at that address, exactly once; must link again."
func TestExitedOnceForEveryLinkAtTheAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, local, master, observer := pair(t, Config{})
		remote := n.host(t, "10.0.0.2:5051", Config{})
		elsewhere := n.host(t, "10.0.0.3:5051", Config{})
		x := &exits{}
		require.NoError(t, master.Link(agent2, x.as("master")))
		require.NoError(t, observer.Link(agent1, x.as("observer")))
		require.NoError(t, master.Link(agent1, x.as("master")))
		require.NoError(t, master.Link(NewUPID("slave(1)", elsewhere.Addr()), x.as("master")))
		synctest.Wait()
		require.Equal(t, 2, n.dialed(), "one connection per address")
		require.Empty(t, x.all(), "a live host without these processes breaks no link")

		remote.stop()
		synctest.Wait()
		want := []string{"master: " + agent2.String(), "observer: " + agent1.String(), "master: " + agent1.String()}
		require.Equal(t, want, x.all(), "in the order of linking")
		require.Equal(t, 1, local.Stats().Peers)

		remote = n.host(t, "10.0.0.2:5051", Config{})
		require.NoError(t, master.Send(agent1, "a.B", nil))
		synctest.Wait()
		remote.stop()
		synctest.Wait()
		require.Len(t, x.all(), 3, "links do not outlive their connection")

		require.NoError(t, master.Link(agent1, x.as("again")))
		synctest.Wait()
		require.Equal(t, append(want, "again: "+agent1.String()), x.all(), "a failure to connect is an exit too")
	})
}

func TestLinkAndSendShareOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _, master, observer := pair(t, Config{})
		remote := n.host(t, "10.0.0.2:5051", Config{})
		box := newInbox(true)
		remote.spawn(t, "slave(1)", box)
		require.NoError(t, master.Send(agent1, "a.One", nil))
		require.NoError(t, master.Link(agent1, func(UPID) {}))
		require.NoError(t, observer.Send(agent1, "a.Two", nil))
		require.NoError(t, observer.Link(agent2, func(UPID) {}))
		require.NoError(t, master.Send(agent1, "a.Three", nil))
		synctest.Wait()
		require.Equal(t, 1, n.dialed())
		var names []string
		for _, m := range box.all() {
			names = append(names, m.name)
		}
		require.Equal(t, []string{"a.One", "a.Two", "a.Three"}, names)
	})
}

func TestSecondLinkReplacesTheCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _, master, _ := pair(t, Config{})
		remote := n.host(t, "10.0.0.2:5051", Config{})
		x := &exits{}
		require.NoError(t, master.Link(agent1, x.as("first")))
		require.NoError(t, master.Link(agent1, x.as("second")))
		synctest.Wait()
		remote.stop()
		synctest.Wait()
		require.Equal(t, []string{"second: " + agent1.String()}, x.all())
	})
}

func TestRemovedLinksAreSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, local, master, observer := pair(t, Config{})
		remote := n.host(t, "10.0.0.2:5051", Config{})
		elsewhere := n.host(t, "10.0.0.3:5051", Config{})
		x := &exits{}
		require.NoError(t, master.Link(agent1, x.as("unlinked")))
		require.NoError(t, master.Link(agent2, x.as("kept")))
		require.NoError(t, observer.Link(agent1, x.as("terminated")))
		require.NoError(t, master.Link(NewUPID("slave(1)", elsewhere.Addr()), x.as("closed")))
		synctest.Wait()
		master.Unlink(agent1)
		master.Unlink(agent1)
		observer.Terminate()
		remote.stop()
		synctest.Wait()
		require.Equal(t, []string{"kept: " + agent2.String()}, x.all())

		local.Endpoint.Close()
		elsewhere.stop()
		require.Len(t, x.all(), 1)
		require.Equal(t, ErrClosed, master.Link(agent1, x.as("late")))
		require.Equal(t, ErrClosed, master.Relink(agent1, x.as("late")))
		require.Equal(t, ErrClosed, master.Send(agent1, "a.B", nil))
		require.Equal(t, ErrClosed, observer.Send(agent1, "a.B", nil))
	})
}

func TestLinkNeedsAnAddress(t *testing.T) {
	p := newPeerless(t, ParseUPID("master@10.0.0.1:5050"))
	err := p.Link(NoPID, func(UPID) { t.Error("exited without a link") })
	require.EqualError(t, err, `libprocess: "@0.0.0.0:0" can't be linked to; it needs an id, an IP and a port`)
}

// "RECONNECT replaces the socket without an exited event."
func TestRelinkReplacesTheConnectionSilently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, local, master, observer := pair(t, Config{})
		remote := n.host(t, "10.0.0.2:5051", Config{})
		box := newInbox(true)
		remote.spawn(t, "slave(1)", box)
		x := &exits{}
		require.NoError(t, master.Relink(agent1, x.as("master"))) // nothing to replace
		require.NoError(t, observer.Link(agent2, x.as("observer")))
		synctest.Wait()
		require.Equal(t, 1, n.dialed())
		require.NoError(t, master.Relink(agent1, x.as("relinked")))
		require.NoError(t, master.Relink(agent1, x.as("relinked twice")))
		require.NoError(t, master.Send(agent1, "a.B", nil))
		synctest.Wait()
		require.Equal(t, 2, n.dialed())
		require.Len(t, box.all(), 1)
		require.Empty(t, x.all())
		require.Equal(t, 1, local.Stats().Peers)
		remote.stop()
		synctest.Wait()
		require.Equal(t, []string{"relinked twice: " + agent1.String(), "observer: " + agent2.String()}, x.all())
	})
}

func TestRelinkSendsWhatTheOldConnectionDidNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, local, master, _ := pair(t, Config{})
		listener := n.listen(agent1.Addr())
		x := &exits{}
		require.NoError(t, master.Link(agent1, x.as("master")))
		stale, err := listener.Accept()
		require.NoError(t, err)
		defer stale.Close()
		for i := range 200 { // several batches
			require.NoError(t, master.Send(agent1, fmt.Sprintf("a.M%d", i), []byte("x")))
		}
		part := make([]byte, 20) // the first message is begun and so lost, the others are not
		_, err = stale.Read(part)
		require.NoError(t, err)

		remote := n.host(t, "10.0.0.2:5051", Config{}) // in place of the listener
		box := newInbox(true)
		remote.spawn(t, "slave(1)", box)
		require.NoError(t, master.Relink(agent1, x.as("master")))
		synctest.Wait()
		require.Empty(t, x.all())
		require.Len(t, box.all(), 199)
		for i, m := range box.all() {
			require.Equal(t, fmt.Sprintf("a.M%d", i+1), m.name)
		}
		require.Equal(t, uint64(1), local.Stats().Dropped)
	})
}

// A loss is not hidden from the other links by a Relink that comes between it and their exit.
func TestRelinkAfterOverflowLeavesTheOthersTheirExit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _, master, observer := pair(t, Config{QueueBytes: 1000})
		listener := n.listen(agent1.Addr())
		x := &exits{}
		require.NoError(t, observer.Link(agent1, x.as("observer")))
		stale, err := listener.Accept()
		require.NoError(t, err)
		defer stale.Close()
		remote := n.host(t, "10.0.0.2:5051", Config{})
		for range 3 { // one in the write, one waiting, one too many
			synctest.Wait()
			require.NoError(t, master.Send(agent1, "a.B", make([]byte, 1000)))
		}
		require.NoError(t, master.Relink(agent1, x.as("master")))
		synctest.Wait()
		require.Equal(t, []string{"observer: " + agent1.String()}, x.all())
		require.Equal(t, 2, n.dialed())
		remote.stop()
		synctest.Wait()
		require.Equal(t, []string{"observer: " + agent1.String(), "master: " + agent1.String()}, x.all())
	})
}

// An exit for each Link, whatever happens between: hosts die, links are renewed, all at once.
func TestEveryLinkIsAnsweredOnce(t *testing.T) {
	local := loopbackHost(t, Config{})
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	addr := listener.Addr().(*net.TCPAddr).AddrPort()
	go func() { // a host whose every connection ends after one message
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				var buffer [64]byte
				_, _ = conn.Read(buffer[:])
				conn.Close()
			}()
		}
	}()
	const workers, each = 4, 40
	var mu sync.Mutex
	answered := map[string]int{}
	var all sync.WaitGroup
	for w := range workers {
		p := local.spawn(t, fmt.Sprintf("worker(%d)", w), newInbox(true))
		all.Go(func() {
			for i := range each {
				to := NewUPID(fmt.Sprintf("slave(%d)", i), addr)
				exited := make(chan struct{})
				onExited := func(UPID) {
					mu.Lock()
					answered[p.PID().String()+to.String()]++
					mu.Unlock()
					close(exited) // panics if called again
				}
				if i%5 == 0 {
					_ = p.Relink(to, onExited)
				} else {
					_ = p.Link(to, onExited)
				}
				for done := false; !done; { // until it breaks
					_ = p.Send(to, "a.B", nil)
					select {
					case <-exited:
						done = true
					default:
					}
				}
			}
		})
	}
	all.Wait()
	local.Endpoint.Close()
	require.Len(t, answered, workers*each)
	for link, times := range answered {
		require.Equal(t, 1, times, link)
	}
}

func TestPeersBeyondTheLimitAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, local, master, _ := pair(t, Config{MaxPeers: 1, IdleTimeout: time.Minute})
		n.host(t, "10.0.0.2:5051", Config{})
		third := n.host(t, "10.0.0.3:5051", Config{})
		box := newInbox(true)
		third.spawn(t, "slave(1)", box)
		to := NewUPID("slave(1)", third.Addr())
		x := &exits{}
		require.NoError(t, master.Send(agent1, "a.B", nil))
		require.NoError(t, master.Send(to, "a.B", nil))
		require.NoError(t, master.Link(to, x.as("master")))
		synctest.Wait()
		require.Equal(t, []string{"master: " + to.String()}, x.all())
		require.Equal(t, uint64(1), local.Stats().Dropped)
		require.Empty(t, box.all())

		time.Sleep(time.Minute + 1) // the first peer idles out and makes room
		synctest.Wait()
		require.NoError(t, master.Send(to, "a.B", nil))
		synctest.Wait()
		require.Len(t, box.all(), 1)
	})
}

// "Closing for idleness" is for connections that nobody is linked to.
func TestOnlyUnlinkedConnectionsIdleOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, local, master, _ := pair(t, Config{IdleTimeout: time.Minute})
		n.host(t, "10.0.0.2:5051", Config{})
		require.NoError(t, master.Link(agent1, func(UPID) { t.Error("exited") }))
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		require.Equal(t, 1, n.dialed())
		require.Equal(t, 1, local.Stats().Peers)

		master.Unlink(agent1)
		require.NoError(t, master.Send(agent1, "a.B", nil))
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		require.Equal(t, 1, local.Stats().Peers)
		require.NoError(t, master.Send(agent1, "a.B", nil))
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		require.Equal(t, 1, local.Stats().Peers, "a message begins the time anew")
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.Zero(t, local.Stats().Peers)
		require.NoError(t, master.Send(agent1, "a.B", nil))
		synctest.Wait()
		require.Equal(t, 2, n.dialed())
	})
}

func TestEndsOfTCPConnectionsAreExits(t *testing.T) {
	for name, end := range map[string]func(*net.TCPConn) error{
		"closed":      (*net.TCPConn).Close,
		"half-closed": (*net.TCPConn).CloseWrite,
		"reset": func(c *net.TCPConn) error {
			if err := c.SetLinger(0); err != nil {
				return err
			}
			return c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			local := loopbackHost(t, Config{})
			master := local.spawn(t, "master", newInbox(true))
			listener, err := net.Listen("tcp4", "127.0.0.1:0")
			require.NoError(t, err)
			defer listener.Close()
			exited := make(chan UPID, 2)
			to := NewUPID("slave(1)", listener.Addr().(*net.TCPAddr).AddrPort())
			require.NoError(t, master.Link(to, func(u UPID) { exited <- u }))
			conn, err := listener.Accept()
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, end(conn.(*net.TCPConn)))
			require.Equal(t, to, <-exited)
			if name == "half-closed" {
				_, err := conn.Read(make([]byte, 1))
				require.Error(t, err, "our side is closed as well")
			}
			require.Zero(t, local.Stats().Peers)
		})
	}
}

func TestRefusedTCPConnectionIsAnExit(t *testing.T) {
	local := loopbackHost(t, Config{})
	master := local.spawn(t, "master", newInbox(true))
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	addr := listener.Addr().(*net.TCPAddr).AddrPort()
	require.NoError(t, listener.Close())
	exited := make(chan UPID, 1)
	require.NoError(t, master.Link(NewUPID("slave(1)", addr), func(u UPID) { exited <- u }))
	require.Equal(t, addr, netip.AddrPort((<-exited).Addr()))
}

package statusupdate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

func of(uuid byte, state mesosproto.TaskState) *Update {
	return &Update{Ready: true, Message: &messagespb.StatusUpdate{Uuid: []byte{uuid}, Status: &mesosproto.TaskStatus{State: state.Enum()}}}
}

const (
	running  = mesosproto.TaskState_TASK_RUNNING
	finished = mesosproto.TaskState_TASK_FINISHED
)

// "Resend after 10 s, 20 s, 40 s … max 600 s, forever; reset to 10 s when the head changes."
func TestWaitsDouble(t *testing.T) {
	var s Stream
	s.Add(of(1, running))
	s.Add(of(2, running))
	for _, want := range []time.Duration{10, 20, 40, 80, 160, 320, 600, 600, 600} {
		require.Equal(t, want*time.Second, s.Sent())
	}
	require.NotNil(t, s.Acknowledge([]byte{1}))
	require.Equal(t, RetryFirst, s.Sent())
	s.Sent()
	s.Anew()
	require.Equal(t, RetryFirst, s.Sent())
}

// "Per task stream only the head is outstanding. Ack must match the head's uuid, else ignored."
func TestOneAtATime(t *testing.T) {
	var s Stream
	require.Nil(t, s.Head())
	a, b := of(1, running), of(2, finished)
	s.Add(a)
	s.Add(b)
	require.Same(t, a, s.Head())
	require.Nil(t, s.Acknowledge([]byte{2}))
	require.Same(t, a, s.Acknowledge([]byte{1}))
	require.Nil(t, s.Acknowledge([]byte{1}))
	require.Same(t, b, s.Head())
	require.True(t, s.Acknowledge([]byte{2}).Terminal())
	require.True(t, s.Empty())
	require.Nil(t, (*Stream)(nil).Acknowledge([]byte{1}))
}

func TestNothingGoesOutBeforeItIsReady(t *testing.T) {
	var s Stream
	a, b := of(1, running), of(2, running)
	a.Ready = false
	s.Add(a)
	s.Add(b)
	require.Nil(t, s.Head(), "and nothing overtakes it")
	require.Nil(t, s.Acknowledge([]byte{1}), "nobody can have seen it")
	a.Ready = true
	require.Same(t, a, s.Head())
}

func TestKnowsWhatItHasSeen(t *testing.T) {
	var s Stream
	a := of(1, running)
	s.Add(a)
	u, seen := s.Seen([]byte{1})
	require.True(t, seen)
	require.Same(t, a, u)
	s.Acknowledge([]byte{1})
	u, _ = s.Seen([]byte{1})
	require.Same(t, a, u)
	require.Equal(t, []*Update{a}, s.Prune(func(*Update) bool { return false }))
	u, seen = s.Seen([]byte{1})
	require.True(t, seen)
	require.Nil(t, u, "long done with")
	_, seen = s.Seen([]byte{2})
	require.False(t, seen)
	_, seen = (*Stream)(nil).Seen([]byte{1})
	require.False(t, seen)
}

func TestRestored(t *testing.T) {
	var s Stream
	s.Restore(of(1, running), true)
	b := of(2, running)
	b.Ready = false
	s.Restore(b, false)
	require.Same(t, b, s.Head())
	require.True(t, b.Safe)
	require.Len(t, s.Drain(), 2)
	require.True(t, s.Empty())
}

// Against a naive model: a queue, of which the first is sent until it is acknowledged.
func TestAgainstAQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s Stream
		var queue []byte
		n := byte(0)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				if n < 255 {
					n++
					s.Add(of(n, running))
					queue = append(queue, n)
				}
			},
			"acknowledge": func(t *rapid.T) {
				uuid := rapid.Byte().Draw(t, "uuid")
				got := s.Acknowledge([]byte{uuid})
				require.Equal(t, len(queue) > 0 && queue[0] == uuid, got != nil)
				if got != nil {
					queue = queue[1:]
				}
			},
			"acknowledge the head": func(t *rapid.T) {
				if len(queue) > 0 {
					require.NotNil(t, s.Acknowledge(queue[:1]))
					queue = queue[1:]
				}
			},
			"prune": func(t *rapid.T) { s.Prune(func(u *Update) bool { return u.UUID()[0]%2 == 0 }) },
			"": func(t *rapid.T) {
				require.Equal(t, len(queue) == 0, s.Empty())
				if len(queue) > 0 {
					require.Equal(t, queue[0], s.Head().UUID()[0])
				}
				for i := byte(1); i <= n; i++ {
					_, seen := s.Seen([]byte{i})
					require.True(t, seen)
				}
			},
		})
	})
}

func TestBounds(t *testing.T) {
	var s Stream
	for i := range MaxPending {
		require.False(t, s.Full())
		s.Add(of(byte(i), running))
	}
	require.True(t, s.Full())
	for range MaxPending {
		s.Acknowledge(s.Head().UUID())
		s.Prune(func(*Update) bool { return false })
	}
	s.Add(of(1, running))
	require.Len(t, s.recent, MaxPending)
}

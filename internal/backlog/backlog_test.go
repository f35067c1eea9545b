package backlog

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// numbers is a stream of 1, 2, 3, … and counts what it was asked for.
type numbers struct{ read, closed int }

func (s *numbers) Subscribe(ctx context.Context, _ string, each func(int) error) error {
	for ctx.Err() == nil {
		s.read++
		if err := each(s.read); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (*numbers) Send(context.Context, string) error { return nil }

func (s *numbers) Close() error {
	s.closed++
	return nil
}

func TestStreamIsNotReadWhileTheBacklogIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := New(3), &numbers{}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			ended <- Paced(s, b).Subscribe(ctx, "", func(int) error {
				b.Add()
				return nil
			})
		}()
		synctest.Wait()
		require.True(t, b.Full())
		require.Equal(t, 3, b.Len())
		require.Equal(t, 4, s.read, "one is read and waits")

		require.True(t, b.Remove(), "there is room again")
		synctest.Wait()
		require.Equal(t, 3, b.Len())
		require.Equal(t, 5, s.read)

		require.Equal(t, 4, b.Add(), "more than the limit can be added by others")
		require.False(t, b.Remove())
		synctest.Wait()
		require.Equal(t, 5, s.read)

		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}

func TestWithRoomNothingWaits(t *testing.T) {
	b, s, enough := New(1), &numbers{}, errors.New("enough")
	err := Paced(s, b).Subscribe(t.Context(), "", func(n int) error {
		if n == 1000 {
			return enough
		}
		return nil
	})
	require.Equal(t, enough, err)
}

// plain can't be closed.
type plain struct{ s *numbers }

func (p plain) Subscribe(ctx context.Context, c string, each func(int) error) error {
	return p.s.Subscribe(ctx, c, each)
}
func (plain) Send(context.Context, string) error { return nil }

func TestCloseIsThatOfTheTransport(t *testing.T) {
	s := &numbers{}
	require.NoError(t, io.Closer(Paced(s, New(1))).Close())
	require.Equal(t, 1, s.closed)
	require.NoError(t, Paced(plain{s}, New(1)).Close())
	require.Equal(t, 1, s.closed)
}

package schedulertest

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/mesosproto"
)

// A containerizer that hangs runs no health checks either; it answers when it is well again.
func TestAContainerizerThatHangsAnswersNoCheck(t *testing.T) {
	s := &stage{New(t, Config{})}
	s.join().runs("server")
	a := s.Agent(0)
	m := a.machine
	answers := 0
	check := func() {
		(&simulated{m, a.loop}).Exec(m.containers[m.order[0]].spec.ID, &mesosproto.CommandInfo{}, func(syscall.WaitStatus, []byte, error) { answers++ })
	}
	check()
	m.hang(true)
	check()
	s.Advance(time.Minute)
	require.Zero(t, answers, "nor does it say what it has found out already")
	m.hang(false)
	s.Advance(time.Second)
	require.Equal(t, 2, answers)
}

package executor

import (
	"crypto/sha256"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
)

// trace is hours of an executor whose connection breaks now and then: when it connected, and the bytes of
// all calls.
func trace(t *testing.T, seed uint64) string {
	p := prepareSeed(t, seed)
	finished := 0
	p.actor.launch = func(d *Driver, task *mesosproto.TaskInfo) {
		require.NoError(t, d.Running(task.GetTaskId()))
		d.AfterFunc(time.Duration(d.Rand().Int64N(int64(time.Minute))), func() {
			require.NoError(t, d.Finished(task.GetTaskId()))
			finished++
		})
	}
	require.NoError(t, p.driver.Start())
	p.sim.Settle()
	faults := p.sim.Rand()
	for i := range 1000 {
		l := p.link()
		switch {
		case l.cancelled:
		case !p.driver.session.Load().subscribed:
			l.subscribed()
		case faults.IntN(10) == 0:
			l.breaks(io.EOF)
		default:
			l.send(launch(fmt.Sprint("t-", i)))
			l.acknowledge(faults.IntN(len(l.unacknowledged()) + 1))
		}
		p.sim.Advance(time.Duration(faults.Int64N(int64(20 * time.Second))))
	}
	require.Greater(t, finished, 200)
	require.Greater(t, len(p.links), 20)
	h := sha256.New()
	for _, l := range p.links {
		fmt.Fprintln(h, l.at)
		for _, c := range append(l.calls, l.subscribe) {
			data, err := proto.MarshalOptions{Deterministic: true}.Marshal(c)
			require.NoError(t, err)
			h.Write(data)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func TestSameSeedSameRun(t *testing.T) {
	require.Equal(t, trace(t, 7), trace(t, 7))
	require.NotEqual(t, trace(t, 7), trace(t, 8))
}

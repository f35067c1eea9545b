package scheduler

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

// trace is a day of a framework whose connection breaks now and then: when it connected, and the bytes
// of all calls.
func trace(t *testing.T, seed uint64) string {
	p := prepareSeed(t, seed)
	launched := 0
	p.actor.offers = func(d *Driver, offers []*mesosproto.Offer) {
		task := task(fmt.Sprint("t-", d.Rand().Uint64()))
		if d.LaunchTasks(OfferIDs(offers...), []*mesosproto.TaskInfo{task}) == nil {
			launched++
		}
		d.AfterFunc(time.Duration(d.Rand().Int64N(int64(time.Minute))), func() { d.Kill(task.GetTaskId()) })
	}
	require.NoError(t, p.driver.Start())
	p.sim.Settle()
	faults := p.sim.Rand()
	for range 1000 {
		l := p.link()
		switch {
		case l.cancelled:
		case !p.driver.session.Load().subscribed:
			l.subscribed("f-1")
		case faults.IntN(10) == 0:
			l.breaks(io.EOF)
		default:
			l.send(offers("o"), update("t", running, uuid1), heartbeat())
		}
		p.sim.Advance(time.Duration(faults.Int64N(int64(2 * time.Minute))))
	}
	require.Greater(t, launched, 500)
	require.Greater(t, len(p.links), 20)
	h := sha256.New()
	for _, l := range p.links {
		fmt.Fprintln(h, l.at)
		for _, c := range l.calls {
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

package agent

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// trace is what a busy agent sends, with the moments at which it does, hashed.
func trace(t *testing.T) string {
	h := sha256.New()
	r := registered(t)
	note := func() {
		for _, c := range r.master.conns {
			for _, m := range c.got {
				b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
				require.NoError(t, err)
				fmt.Fprintf(h, "%v %T %x\n", r.sim.Now(), m, b)
			}
			c.got = nil
		}
	}
	for i := range 20 {
		r.tell(r.runTask(commandTask(fmt.Sprint("c", i)), true))
		r.tell(r.runTask(executorTask(fmt.Sprint("e", i), fmt.Sprint("x", i%5)), i < 5))
		note()
	}
	for i := range 5 {
		p := r.subscribe(fmt.Sprint("x", i), nil)
		require.NoError(t, p.update(fmt.Sprint("e", i), mesosproto.TaskState_TASK_RUNNING, byte(i)))
		note()
	}
	for _, k := range r.box.order[:15] {
		r.box.end(k, exited(1))
	}
	r.run(time.Minute)
	note()
	r.master.conn().breaks()
	r.run(time.Minute)
	note()
	r.tell(&messagespb.ShutdownFrameworkMessage{FrameworkId: fid("f")})
	r.run(time.Minute)
	note()
	return fmt.Sprintf("%x after %d steps", h.Sum(nil), r.sim.Steps())
}

func TestSameSeedSameRun(t *testing.T) {
	want := trace(t)
	for range 5 {
		require.Equal(t, want, trace(t))
	}
}

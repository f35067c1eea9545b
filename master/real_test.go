package master_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// On a real loop, with readers of the snapshot beside it: for the race detector.
func TestARealLoopWithReaders(t *testing.T) {
	l := loop.New()
	defer l.Close()
	led := make(chan struct{})
	m, err := master.New(master.Config{Loop: l})
	require.NoError(t, err)
	m.Start()
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			seen := uint64(0)
			for once := false; ; {
				select {
				case <-stop:
					return
				default:
				}
				s := m.Snapshot()
				require.GreaterOrEqual(t, s.Version, seen)
				seen = s.Version
				if s.Recovered && !once {
					once = true
					select {
					case led <- struct{}{}:
					case <-stop:
						return
					}
				}
				for f := range s.Frameworks.All() {
					for task := range f.Tasks.All() {
						_ = proto.Size(task.Proto())
					}
					for o := range f.Offers.All() {
						_ = o.Resources.String()
					}
					_ = f.Used.String()
				}
				for a := range s.Agents.All() {
					_ = a.Used.String() + a.Offered.String()
				}
			}
		})
	}
	<-led
	a := &instant{master: m, peer: "slave(1)@10.0.0.1:5051"}
	m.Agents().Message(a, &messagespb.RegisterSlaveMessage{
		Slave:   &mesosproto.AgentInfo{Hostname: proto.String("h"), Resources: parse(t, "cpus:4;mem:4096;ports:[31000-31099]")},
		Version: proto.String("1.12.0"), AgentCapabilities: agentCapabilities,
	}, func() {})
	done := make(chan struct{})
	e := &counting{eager: &eager{master: m, batch: 2}, until: 500, done: done}
	m.Schedulers().Subscribe(link.Caller{}, &schedulerpb.Call{
		Type:      schedulerpb.Call_SUBSCRIBE.Enum(),
		Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: modern("dev")},
	}, e, func(id string, err error) { e.from.StreamID = id })
	<-done
	close(stop)
	readers.Wait()
	m.Stop()
}

// counting says when enough tasks have finished.
type counting struct {
	*eager
	until int
	done  chan struct{}
}

func (c *counting) Send(e *schedulerpb.Event) {
	c.eager.Send(e)
	if c.done != nil && c.finished >= c.until {
		close(c.done)
		c.done = nil
	}
}

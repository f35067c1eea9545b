package scheduler

import (
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

func (p *play) ended() bool {
	select {
	case <-p.driver.Done():
		return true
	default:
		return false
	}
}

func TestStopTearsTheFrameworkDown(t *testing.T) {
	p := subscribed(t)
	p.link().hold = true
	require.NoError(t, p.driver.Kill(taskID("t")))
	p.driver.Stop(false)
	p.link().send(offers("o"))
	require.Equal(t, codes.FailedPrecondition, status.Code(p.driver.Revive()), "at once")
	p.sim.Settle()
	require.False(t, p.ended(), "the answers are waited for")
	for _, done := range p.link().held {
		done(nil)
	}
	p.sim.Settle()
	require.True(t, p.ended())
	require.NoError(t, p.driver.Err())
	require.Equal(t, "KILL TEARDOWN", p.link().sent())
	require.Empty(t, p.actor.take(), "no callback begins after Stop")
	require.True(t, p.link().cancelled)
	require.True(t, p.link().closed)
	require.True(t, p.detector.cancelled)
}

func TestStopForFailoverLeavesTheFramework(t *testing.T) {
	p := subscribed(t)
	p.driver.Stop(true)
	p.sim.Settle()
	require.True(t, p.ended())
	require.Empty(t, p.link().calls)
	require.True(t, p.link().cancelled)
}

func TestStopDoesNotWaitForEver(t *testing.T) {
	p := subscribed(t)
	p.link().hold = true
	p.driver.Stop(false)
	p.sim.Advance(stopTimeout - 1)
	require.False(t, p.ended())
	p.sim.Advance(1)
	require.True(t, p.ended())
}

func TestStopWhenTheMasterHangsUpFirst(t *testing.T) {
	p := subscribed(t)
	p.link().hold = true
	p.driver.Stop(false)
	p.sim.Settle()
	p.link().breaks(nil)
	p.sim.Settle()
	require.True(t, p.ended())
	require.NoError(t, p.driver.Err())
}

func TestStopInACallback(t *testing.T) {
	for _, failover := range []bool{true, false} {
		p := subscribed(t)
		p.actor.update = func(d *Driver, s *mesosproto.TaskStatus) {
			d.Stop(failover)
			d.Stop(!failover) // the first counts
		}
		p.link().send(update("t", finished, uuid1), offers("o"))
		p.sim.Settle()
		require.True(t, p.ended())
		require.Equal(t, "Update t TASK_FINISHED", p.actor.take())
		if failover {
			require.Equal(t, "ACKNOWLEDGE", p.link().sent(), "the next driver need not see it again")
		} else {
			require.Equal(t, "TEARDOWN", p.link().sent(), "nothing is left to acknowledge")
		}
	}
}

func TestStopWhileNotConnected(t *testing.T) {
	for name, before := range map[string]func(p *play){
		"before SUBSCRIBED": func(*play) {},
		"while waiting": func(p *play) {
			p.link().breaks(status.Error(codes.Unavailable, ""))
			p.sim.Settle()
		},
		"without leader": func(p *play) {
			p.detector.tell(nil)
			p.sim.Settle()
		},
	} {
		p := setup(t)
		before(p)
		p.driver.Stop(false)
		p.sim.Advance(time.Minute)
		require.True(t, p.ended(), name)
		require.NoError(t, p.driver.Err(), name)
		require.Len(t, p.links, 1, name)
		require.True(t, p.link().closed, name)
	}
}

func TestAbort(t *testing.T) {
	p := subscribed(t)
	p.link().hold = true
	require.NoError(t, p.driver.Revive())
	p.sim.Settle()
	p.driver.Abort()
	p.link().send(offers("o"))
	p.sim.Settle()
	require.True(t, p.ended())
	require.Equal(t, codes.Aborted, status.Code(p.driver.Join()))
	require.Empty(t, p.actor.take())
	p.driver.Stop(false) // has no effect any more
	p.sim.Settle()
}

func TestStartOnce(t *testing.T) {
	p := setup(t)
	require.Equal(t, codes.FailedPrecondition, status.Code(p.driver.Start()))
	p.driver.Stop(true)
	p.sim.Settle()
	require.Equal(t, codes.FailedPrecondition, status.Code(p.driver.Start()))

	p = prepare(t)
	p.driver.Stop(true)
	p.driver.Stop(true)
	require.True(t, p.ended())
	require.NoError(t, p.driver.Join())
	require.ErrorContains(t, p.driver.Start(), "make a new one")
}

func TestStopRightAfterStart(t *testing.T) {
	p := prepare(t)
	require.NoError(t, p.driver.Start())
	p.driver.Abort()
	p.sim.Settle()
	require.True(t, p.ended())
}

func TestClockOfTheCluster(t *testing.T) {
	p := prepare(t)
	require.False(t, p.driver.AfterFunc(0, func() { t.Error("before Start nothing runs") })())
	require.Nil(t, p.driver.Rand())
	require.NoError(t, p.driver.Start())
	require.Equal(t, p.sim.Now(), p.driver.Now())
	var ran []time.Duration
	start := p.driver.Now()
	note := func() { ran = append(ran, p.driver.Now().Sub(start)) }
	p.driver.AfterFunc(time.Minute, note)
	p.driver.AfterFunc(0, note)
	stop := p.driver.AfterFunc(time.Second, note)
	require.Empty(t, ran)
	p.sim.Settle()
	require.True(t, stop())
	require.False(t, stop())
	p.sim.Advance(time.Hour)
	require.Equal(t, []time.Duration{0, time.Minute}, ran)
	require.NotNil(t, p.driver.Rand())

	p.driver.AfterFunc(time.Second, note)
	p.driver.Stop(true)
	p.sim.Advance(time.Hour)
	require.Len(t, ran, 2, "nothing runs after Stop")
}

func TestCallbacksAndTimersDoNotOverlap(t *testing.T) {
	p := subscribed(t)
	inside := false
	alone := func() {
		require.False(t, inside)
		inside = true
		require.NoError(t, p.driver.Suppress())
		p.driver.AfterFunc(0, func() { require.False(t, inside) })
		inside = false
	}
	p.actor.on = func(string) { alone() }
	p.driver.AfterFunc(0, alone)
	p.link().send(offers("o1"), offers("o2"))
	p.driver.AfterFunc(0, alone)
	p.sim.Settle()
	require.Equal(t, "Offers o1; Offers o2", p.actor.take())
}

func TestConfigIsChecked(t *testing.T) {
	good := func() Config {
		return Config{
			Framework: &mesosproto.FrameworkInfo{Name: proto.String("n")},
			Scheduler: &actor{}, Dialer: &play{}, Master: "localhost:5050",
		}
	}
	_, err := New(good())
	require.NoError(t, err)
	for field, spoil := range map[string]func(*Config){
		"Config.Framework.Name":                func(c *Config) { c.Framework = nil },
		"Config.Framework.Name is":             func(c *Config) { c.Framework = &mesosproto.FrameworkInfo{} },
		"Config.Framework: required field":     func(c *Config) { c.Framework.Labels = &mesosproto.Labels{Labels: []*mesosproto.Label{{}}} },
		"Config.Scheduler":                     func(c *Config) { c.Scheduler = nil },
		"Config.Dialer":                        func(c *Config) { c.Dialer = nil },
		"neither Config.Master nor":            func(c *Config) { c.Master = "" },
		`master "zk://h/p": this form needs a`: func(c *Config) { c.Master = "zk://h/p" },
		"Config.BackoffFirst is -1s":           func(c *Config) { c.BackoffFirst = -time.Second },
		"Config.BackoffMax is -1s":             func(c *Config) { c.BackoffMax = -time.Second },
		"Config.FrameworkLoop is set and":      func(c *Config) { c.FrameworkLoop = prepare(t).framework },
	} {
		c := good()
		spoil(&c)
		_, err := New(c)
		require.Equal(t, codes.InvalidArgument, status.Code(err), field)
		require.ErrorContains(t, err, field)
	}
}

func TestConfigDefaults(t *testing.T) {
	info := &mesosproto.FrameworkInfo{Name: proto.String("n"), Id: &mesosproto.FrameworkID{Value: proto.String("")}}
	c, err := Config{Framework: info, Scheduler: &actor{}, Dialer: detectingDialer{}}.filled()
	require.NoError(t, err)
	require.NotEmpty(t, c.Framework.GetUser())
	require.NotEmpty(t, c.Framework.GetHostname())
	require.Nil(t, c.Framework.Id, "an empty id is none")
	require.NotNil(t, info.Id, "the caller's message is not changed")
	require.Equal(t, 250*time.Millisecond, c.BackoffFirst)
	require.Equal(t, 15*time.Second, c.BackoffMax)
	require.IsType(t, detectingDialer{}, c.Detector)

	p := prepare(t)
	c, err = Config{Framework: info, Scheduler: p.actor, Dialer: p, Detector: p.detector, Loop: p.core}.filled()
	require.NoError(t, err)
	require.Equal(t, "root", c.Framework.GetUser(), "a simulation does not depend on the machine")
	require.Nil(t, c.Framework.Hostname)
	require.Equal(t, p.core, c.FrameworkLoop)
}

// detectingDialer is a Dialer that knows its master, too.
type detectingDialer struct{}

func (detectingDialer) Dial(*mesosproto.MasterInfo) Transport               { return nil }
func (detectingDialer) Detect(func(*mesosproto.MasterInfo)) (cancel func()) { return nil }

func TestCapabilities(t *testing.T) {
	got := Capabilities(mesosproto.FrameworkInfo_Capability_PARTITION_AWARE, mesosproto.FrameworkInfo_Capability_MULTI_ROLE)
	require.Len(t, got, 2)
	require.Equal(t, mesosproto.FrameworkInfo_Capability_MULTI_ROLE, got[1].GetType())
}

func TestCallErrorHasTheCodeOfItsCause(t *testing.T) {
	cause := status.Error(codes.NotFound, "Framework cannot be found")
	err := error(&CallError{Call: &schedulerpb.Call{Type: schedulerpb.Call_KILL.Enum()}, Err: cause})
	require.Equal(t, codes.NotFound, status.Code(err))
	require.ErrorIs(t, err, cause)
	require.EqualError(t, err, "scheduler call KILL: Framework cannot be found")
}

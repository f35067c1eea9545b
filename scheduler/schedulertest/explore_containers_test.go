package schedulertest_test

import (
	"errors"
	"fmt"
	"hash/fnv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// unruly is a mixed framework whose tasks are command tasks, with all that these can have: checks that
// fail, a time that they may take at most, a grace period of their own.
type unruly struct{ *mixed }

func nanoseconds(d time.Duration) *mesosproto.DurationInfo {
	return &mesosproto.DurationInfo{Nanoseconds: proto.Int64(int64(d))}
}

// task is the nth task.
func (f unruly) task(n int) *mesosproto.TaskInfo {
	t := scheduler.CommandTask(fmt.Sprintf("%s-%d", f.prefix, n), words[n%len(words)], resources.MustParse("cpus:0.5;mem:32"))
	check := &mesosproto.CommandInfo{Value: proto.String("check")}
	if n%2 == 0 {
		t.HealthCheck = &mesosproto.HealthCheck{
			Type: mesosproto.HealthCheck_COMMAND.Enum(), Command: check, DelaySeconds: proto.Float64(1),
			GracePeriodSeconds: proto.Float64(5), IntervalSeconds: proto.Float64(7), ConsecutiveFailures: proto.Uint32(3),
		}
	}
	if n%3 == 0 {
		t.Check = &mesosproto.CheckInfo{
			Type: mesosproto.CheckInfo_COMMAND.Enum(), Command: &mesosproto.CheckInfo_Command{Command: check}, IntervalSeconds: proto.Float64(11),
		}
	}
	if n%4 == 1 {
		t.MaxCompletionTime = nanoseconds(40 * time.Second)
	}
	if n%7 > 4 {
		t.Container = scheduler.DockerTask("", "image", resources.Resources{}).Container
	}
	if n%5 > 2 {
		t.KillPolicy = &mesosproto.KillPolicy{GracePeriod: nanoseconds([]time.Duration{0, 30 * time.Second}[n%2])}
	}
	return t
}

func (f unruly) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, o := range offers {
		room := scheduler.RoomIn(o)
		var tasks []*mesosproto.TaskInfo
		for f.alive() < f.want && len(f.disk.order) < f.total {
			n := len(f.disk.order)
			t := f.task(n)
			if !room.Put(t) {
				break
			}
			id := t.GetTaskId().GetValue()
			f.disk.order = append(f.disk.order, id)
			f.disk.tasks[id], f.disk.where[id] = staging, o.GetAgentId()
			tasks = append(tasks, t)
			if n%3 == 1 {
				d.AfterFunc([]time.Duration{0, time.Millisecond, 3 * time.Second, time.Minute}[n/3%4], func() {
					f.doomed[id] = true
					_ = d.Kill(t.GetTaskId()) // while it is disconnected: again within a minute
				})
			}
		}
		_ = d.LaunchTasks(room.Offers(), tasks, scheduler.RefuseFor(time.Minute)) // while it is disconnected: the offer is void
	}
}

// misbehave is what the containers of unruly do. It follows from the task's id.
func misbehave(spec *containerizer.Spec) schedulertest.Behaviour {
	b := schedulertest.Command(spec)
	h := fnv.New32()
	_, _ = h.Write([]byte(spec.Task.GetTaskId().GetValue()))
	switch n := h.Sum32(); n % 8 {
	case 0:
		b.IgnoreTerm = true
	case 1:
		b.Start = 20 * time.Second
	case 2:
		b.Start, b.IgnoreTerm = 40*time.Second, true
	case 3: // of which only some have an image
		b.NoImage, b.Fail = errors.New("there is no such image"), errors.New("there is no such file")
	case 4:
		b.Start, b.Fail = 15*time.Second, errors.New("the disk quota is exceeded")
	case 5: // checks fail for ever
		b.Check = func(*mesosproto.CommandInfo) int { return 1 }
	case 6: // and now and then
		asked := n / 8
		b.Check = func(*mesosproto.CommandInfo) int { asked++; return int(asked % 2) }
	case 7:
		b.Run, b.End = 20*time.Second, outOfMemory
	}
	return b
}

// containerExploration is the exploration with containers and tasks of all kinds.
func containerExploration() schedulertest.Exploration {
	e := mixedExploration(misbehave, func(f *mixed) scheduler.Scheduler { return unruly{f} })
	e.Settle = time.Hour // until all that may be launched was: some are slow to start
	return e
}

func TestTheInvariantsHoldForAllKindsOfContainers(t *testing.T) {
	e := containerExploration()
	e.Seeds = (e.Seeds + 4) / 5 // each runs longer than others
	ran := schedulertest.Explore(t, e)
	t.Log(ran)
	requireKnown(t, ran.Reached)
	require.Positive(t, ran.Tasks)
}

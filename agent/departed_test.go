package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// "Is this same framework in completedFrameworks? If so, move the completed executors."
func TestFrameworkThatComesBackHasItsHistory(t *testing.T) {
	r := registered(t)
	play := func(id string) {
		r.tell(r.runTask(commandTask(id), true))
		r.acknowledgeAll(time.Second)
		r.box.end(r.box.last(), exited(0))
		r.acknowledgeAll(time.Second)
	}
	play("a")
	first := r.agent.Snapshot()
	require.Empty(t, first.Frameworks)
	require.Len(t, first.CompletedFrameworks, 1)
	require.Len(t, first.CompletedFrameworks[0].CompletedExecutors, 1)

	r.tell(r.runTask(commandTask("b"), true))
	r.acknowledgeAll(time.Second)
	s := r.agent.Snapshot()
	require.Empty(t, s.CompletedFrameworks, "it is here")
	require.Len(t, s.Frameworks[0].CompletedExecutors, 1)
	require.Equal(t, "a", s.Frameworks[0].CompletedExecutors[0].CompletedTasks[0].GetTaskId().GetValue())
	r.box.end(r.box.last(), exited(0))
	r.acknowledgeAll(time.Second)
	s = r.agent.Snapshot()
	require.Len(t, s.CompletedFrameworks, 1)
	require.Len(t, s.CompletedFrameworks[0].CompletedExecutors, 2)
	require.Len(t, first.CompletedFrameworks[0].CompletedExecutors, 1, "what was published does not change")

	r.master.conn().breaks()
	r.run(3 * time.Second)
	archives := find[*messagespb.ReregisterSlaveMessage](r)[0].GetCompletedFrameworks()
	require.Len(t, archives, 1)
	require.Len(t, archives[0].GetTasks(), 2)
	require.Equal(t, "dev", archives[0].GetTasks()[1].GetResources()[0].GetAllocationInfo().GetRole())
	require.Equal(t, "*", archives[0].GetTasks()[1].GetResources()[0].GetRole(), "in the older format") //lint:ignore SA1019 that is the format
}

// A field that is new in the protocol has to be copied, too.
func TestATaskIsCopiedWhole(t *testing.T) {
	task := &mesosproto.Task{}
	m := task.ProtoReflect()
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case f.IsMap():
			m.Mutable(f).Map().Set(protoreflect.ValueOfString("k").MapKey(), m.Mutable(f).Map().NewValue())
		case f.IsList() && f.Message() != nil:
			m.Mutable(f).List().AppendMutable()
		case f.Message() != nil:
			m.Mutable(f)
		default:
			m.Set(f, m.NewField(f)) // is there, though it is empty
		}
		require.True(t, m.Has(f), "%s", f.FullName())
	}
	require.True(t, proto.Equal(task, withResources(task, task.Resources)))
}

func TestOnlyTheLatestDepartedFrameworksAreRemembered(t *testing.T) {
	var d departures
	for i := range maxCompletedFrameworks + 3 {
		fw := newFramework(string(rune('A'+i)), uint64(i))
		fw.info = &mesosproto.FrameworkInfo{Id: &mesosproto.FrameworkID{Value: &fw.id}}
		d.add(fw, &olderForm{})
	}
	require.Len(t, d.departed, maxCompletedFrameworks)
	require.Len(t, d.archives, maxCompletedFrameworks)
	require.Equal(t, "D", d.departed[0].Info.GetId().GetValue())
	require.Equal(t, "D", d.archives[0].GetFrameworkInfo().GetId().GetValue())
}

// Resources are equal if their volumes have the same ids; where those are mounted is another thing.
func TestOlderFormKeepsWhereVolumesAreMounted(t *testing.T) {
	volume := func(path string) []*mesosproto.Resource {
		list := resources.MustParse("disk(a):10").Proto()
		list[0].Disk = &mesosproto.Resource_DiskInfo{
			Persistence: &mesosproto.Resource_DiskInfo_Persistence{Id: proto.String("v")},
			Volume:      &mesosproto.Volume{ContainerPath: &path, Mode: mesosproto.Volume_RW.Enum()},
		}
		return list
	}
	var o olderForm
	require.Equal(t, "one", o.form(volume("one"))[0].GetDisk().GetVolume().GetContainerPath())
	require.Equal(t, "two", o.form(volume("two"))[0].GetDisk().GetVolume().GetContainerPath())
}

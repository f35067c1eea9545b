package agent

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/checkpoint"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

func reserved(t *testing.T, text string) resources.Resources {
	rs, err := resources.Parse(text)
	require.NoError(t, err)
	out, err := rs.Allocate("dev").PushReservation(resources.Reservation{Type: resources.Dynamic, Role: "dev"})
	require.NoError(t, err)
	return out
}

func (r *rig) apply(uuid byte, op *mesosproto.Offer_Operation) {
	r.tell(&messagespb.ApplyOperationMessage{
		FrameworkId:         fid("f"),
		OperationInfo:       op,
		OperationUuid:       &mesosproto.UUID{Value: append(make([]byte, 15), uuid)},
		ResourceVersionUuid: &messagespb.ResourceVersionUUID{Uuid: r.agent.core.resourceVersion},
	})
}

// settle acknowledges how an operation ended.
func (r *rig) settle(u *messagespb.UpdateOperationStatusMessage) {
	r.tell(&messagespb.AcknowledgeOperationStatusMessage{StatusUuid: u.GetStatus().GetUuid(), OperationUuid: u.GetOperationUuid()})
}

func (r *rig) outcome() *messagespb.UpdateOperationStatusMessage {
	r.t.Helper()
	got := find[*messagespb.UpdateOperationStatusMessage](r)
	require.Len(r.t, got, 1)
	return got[0]
}

func reserve(rs resources.Resources) *mesosproto.Offer_Operation {
	return &mesosproto.Offer_Operation{
		Id:      &mesosproto.OperationID{Value: proto.String("op")},
		Type:    mesosproto.Offer_Operation_RESERVE.Enum(),
		Reserve: &mesosproto.Offer_Operation_Reserve{Resources: rs.Proto()},
	}
}

func volume(t *testing.T) *mesosproto.Resource {
	v := reserved(t, "disk:64").Proto()[0]
	v.Disk = &mesosproto.Resource_DiskInfo{
		Persistence: &mesosproto.Resource_DiskInfo_Persistence{Id: proto.String("vol1")},
		Volume:      &mesosproto.Volume{Mode: mesosproto.Volume_RW.Enum(), ContainerPath: proto.String("data")},
	}
	return v
}

// "ApplyOperationMessage: applied immediately; always answered by a reliable OPERATION_FINISHED". The
// form of the answer is that of v1-operations as captured.
func TestReservationsAndVolumesSurvive(t *testing.T) {
	dir := t.TempDir()
	r, store := remembering(t)
	r.crash(func(cfg *Config) { cfg.WorkDir = dir })
	r.run(5 * time.Second)
	find[*messagespb.ReregisterSlaveMessage](r)

	r.apply(1, reserve(reserved(t, "cpus:0.5;disk:128")))
	u := r.outcome()
	require.Equal(t, mesosproto.OperationState_OPERATION_FINISHED, u.GetStatus().GetState())
	require.Equal(t, "op", u.GetStatus().GetOperationId().GetValue())
	require.Equal(t, "m-S0", u.GetStatus().GetAgentId().GetValue())
	require.True(t, proto.Equal(u.GetStatus(), u.GetLatestStatus()))
	r.run(10 * time.Second)
	require.True(t, proto.Equal(u, r.outcome()), "sent again until it is acknowledged")
	r.apply(1, reserve(reserved(t, "cpus:0.5;disk:128")))
	require.Empty(t, find[*messagespb.UpdateOperationStatusMessage](r), "it is known")

	r.apply(2, &mesosproto.Offer_Operation{Type: mesosproto.Offer_Operation_CREATE.Enum(), Create: &mesosproto.Offer_Operation_Create{Volumes: []*mesosproto.Resource{volume(t)}}})
	created := r.outcome()
	require.Equal(t, mesosproto.OperationState_OPERATION_FINISHED, created.GetStatus().GetState())
	path := filepath.Join(dir, "volumes/roles/dev/vol1")
	require.DirExists(t, path)
	store.LoseUnsynced() // nothing: what was answered is on the disk
	r.settle(created)

	r.crash()
	r.run(5 * time.Second)
	m := find[*messagespb.ReregisterSlaveMessage](r)[0]
	require.Len(t, m.GetCheckpointedResources(), 3, "cpus, the volume, the rest of the disk")
	again := r.outcome()
	require.True(t, proto.Equal(u, again), "the outcome that nobody acknowledged")
	list := find[*messagespb.UpdateSlaveMessage](r)
	require.Len(t, list, 1)
	require.Len(t, list[0].GetOperations().GetOperations(), 1)
	require.Equal(t, u.GetOperationUuid().GetValue(), list[0].GetOperations().GetOperations()[0].GetUuid().GetValue())
	r.settle(u)

	info := commandTask("t")
	info.Resources = append(reserved(t, "cpus:0.5").Proto(), volume(t))
	r.tell(r.runTask(info, true))
	require.Contains(t, r.acknowledgeAll(time.Second), "t RUNNING")
	r.box.end(r.box.last(), exited(0))
	require.Contains(t, r.acknowledgeAll(time.Second), "t FINISHED")

	r.apply(3, &mesosproto.Offer_Operation{Type: mesosproto.Offer_Operation_DESTROY.Enum(), Destroy: &mesosproto.Offer_Operation_Destroy{Volumes: []*mesosproto.Resource{volume(t)}}})
	require.Equal(t, mesosproto.OperationState_OPERATION_FINISHED, r.outcome().GetStatus().GetState())
	require.NoDirExists(t, path)
	info = commandTask("late")
	info.Resources = []*mesosproto.Resource{volume(t)}
	r.tell(r.runTask(info, true))
	require.Contains(t, r.story(), "late DROPPED AGENT RESOURCES_UNKNOWN")
}

func TestOperationsThatCanNotBeDone(t *testing.T) {
	r := registered(t)
	r.apply(1, reserve(reserved(t, "cpus:100")))
	r.run(5 * time.Second)
	u := r.outcome()
	require.Equal(t, mesosproto.OperationState_OPERATION_ERROR, u.GetStatus().GetState())
	require.Contains(t, u.GetStatus().GetMessage(), "does not contain")
	require.Len(t, find[*messagespb.ReregisterSlaveMessage](r), 1, "the master, which thought otherwise, learns what is here")
	r.apply(2, &mesosproto.Offer_Operation{Type: mesosproto.Offer_Operation_LAUNCH.Enum()})
	require.Equal(t, mesosproto.OperationState_OPERATION_ERROR, r.outcome().GetStatus().GetState())
	r.apply(3, nil)
	require.Equal(t, mesosproto.OperationState_OPERATION_ERROR, r.outcome().GetStatus().GetState())
	r.tell(&messagespb.ApplyOperationMessage{OperationInfo: reserve(reserved(t, "cpus:1")), OperationUuid: &mesosproto.UUID{Value: []byte("stale")}})
	require.Equal(t, mesosproto.OperationState_OPERATION_DROPPED, r.outcome().GetStatus().GetState())

	// The directory of a volume can't be made: nothing has changed.
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	r = registered(t, func(cfg *Config) { cfg.WorkDir = file })
	r.apply(1, reserve(reserved(t, "disk:128")))
	r.settle(r.outcome())
	before := r.agent.core.total
	r.apply(2, &mesosproto.Offer_Operation{Type: mesosproto.Offer_Operation_CREATE.Enum(), Create: &mesosproto.Offer_Operation_Create{Volumes: []*mesosproto.Resource{volume(t)}}})
	r.run(5 * time.Second)
	require.Equal(t, mesosproto.OperationState_OPERATION_FAILED, r.outcome().GetStatus().GetState())
	require.True(t, before.Equal(r.agent.core.total))
	require.Len(t, find[*messagespb.ReregisterSlaveMessage](r), 1)

	// Nor is a task started that came with the volume.
	create := &mesosproto.Offer_Operation{Type: mesosproto.Offer_Operation_CREATE.Enum(), Create: &mesosproto.Offer_Operation_Create{Volumes: []*mesosproto.Resource{volume(t)}}}
	r.master.conn().deliver(&messagespb.ApplyOperationMessage{
		FrameworkId: fid("f"), OperationInfo: create, OperationUuid: &mesosproto.UUID{Value: []byte("create")},
		ResourceVersionUuid: &messagespb.ResourceVersionUUID{Uuid: r.agent.core.resourceVersion},
	})
	info := commandTask("t")
	info.Resources = append(info.Resources, volume(t))
	r.tell(r.runTask(info, true))
	r.run(5 * time.Second)
	require.Contains(t, r.story(), "t DROPPED AGENT RESOURCES_UNKNOWN: A volume that is used")
	require.Empty(t, r.box.order)
}

func TestOutcomeThatCanNotBeWrittenIsNotPromised(t *testing.T) {
	r, store := remembering(t)
	store.Fail(syscall.ENOSPC)
	r.apply(1, reserve(reserved(t, "cpus:0.5")))
	require.Empty(t, find[*messagespb.UpdateOperationStatusMessage](r))
	r.master.conn().breaks()
	r.run(5 * time.Second)
	told := find[*messagespb.UpdateSlaveMessage](r)
	require.Equal(t, mesosproto.OperationState_OPERATION_PENDING, told[len(told)-1].GetOperations().GetOperations()[0].GetLatestStatus().GetState())
	require.Nil(t, told[len(told)-1].GetOperations().GetOperations()[0].GetLatestStatus().GetUuid())
	store.Fail(nil)
	r.run(checkpoint.RetryMax)
	said := find[*messagespb.UpdateOperationStatusMessage](r)
	require.NotEmpty(t, said, "when it is")
	require.Equal(t, mesosproto.OperationState_OPERATION_FINISHED, said[0].GetStatus().GetState())
}

// An operation on a volume takes time. What comes after it, and is on the disk before it, builds on it: the
// next process knows it, and carries it on. A task does not start before its volume is there.
func TestAnOperationThatTakesTimeIsCarriedOn(t *testing.T) {
	dir := t.TempDir()
	r, _ := remembering(t)
	r.apply(1, reserve(reserved(t, "cpus:0.5;disk:128")))
	r.settle(r.outcome())
	r.agent.core.volumes.queue = []*volumeStep{{operation: &operation{}}} // something takes long
	r.apply(2, &mesosproto.Offer_Operation{Type: mesosproto.Offer_Operation_CREATE.Enum(), Create: &mesosproto.Offer_Operation_Create{Volumes: []*mesosproto.Resource{volume(t)}}})
	require.Empty(t, find[*messagespb.UpdateOperationStatusMessage](r))
	r.apply(3, reserve(reserved(t, "mem:64")))
	r.settle(r.outcome())
	info := commandTask("t")
	info.Resources = append(reserved(t, "cpus:0.5").Proto(), volume(t))
	r.tell(checkpointed(r.runTask(info, true)))
	require.Empty(t, r.box.order)

	r.crash(func(cfg *Config) { cfg.WorkDir = dir })
	r.run(5 * time.Second)
	require.DirExists(t, filepath.Join(dir, "volumes/roles/dev/vol1"))
	require.Len(t, find[*messagespb.ReregisterSlaveMessage](r)[0].GetCheckpointedResources(), 4, "cpus, mem, the volume, the rest of the disk")
	require.Equal(t, mesosproto.OperationState_OPERATION_FINISHED, r.outcome().GetStatus().GetState())
	require.Contains(t, r.acknowledgeAll(time.Second), "t RUNNING")
}

// A shared volume is there once, however many of the tasks that are launched together use it.
func TestTasksThatAreLaunchedTogetherUseOneSharedVolume(t *testing.T) {
	r := registered(t, func(cfg *Config) { cfg.WorkDir = t.TempDir() })
	shared := volume(t)
	shared.Shared = &mesosproto.Resource_SharedInfo{}
	r.apply(1, reserve(reserved(t, "disk:128")))
	r.settle(r.outcome())
	r.apply(2, &mesosproto.Offer_Operation{Type: mesosproto.Offer_Operation_CREATE.Enum(), Create: &mesosproto.Offer_Operation_Create{Volumes: []*mesosproto.Resource{shared}}})
	require.Equal(t, mesosproto.OperationState_OPERATION_FINISHED, r.outcome().GetStatus().GetState())

	group := []*mesosproto.TaskInfo{executorTask("x", "e"), executorTask("y", "e")}
	for _, task := range group {
		task.Resources = append(task.Resources, shared)
	}
	r.tell(&messagespb.RunTaskGroupMessage{Framework: frameworkInfo("f"), Executor: group[0].Executor, TaskGroup: &mesosproto.TaskGroupInfo{Tasks: group}, LaunchExecutor: proto.Bool(true)})
	require.Empty(t, r.story())
	require.Len(t, r.box.order, 1)
}

// What can't be carried out makes the agent register again, at once; but one who asks for such things all the
// time does not keep it from its work: from then on that waits, longer and longer, until it has been quiet for a while.
func TestOperationsThatFailAllTheTimeDoNotKeepTheAgentFromItsWork(t *testing.T) {
	r := registered(t)
	n := byte(0)
	fail := func() {
		n++
		r.apply(n, reserve(reserved(t, "cpus:100")))
		for _, u := range find[*messagespb.UpdateOperationStatusMessage](r) {
			require.Equal(t, mesosproto.OperationState_OPERATION_ERROR, u.GetStatus().GetState())
			r.settle(u)
		}
	}
	before := r.master.registrations()
	again := func() int { return r.master.registrations() - before }
	fail()
	r.run(2 * time.Second)
	require.Equal(t, 1, again())

	connected := 0
	for range 200 { // for ten minutes
		if r.agent.Snapshot().State == "RUNNING" {
			connected++
			fail()
		}
		r.pinged(3 * time.Second)
	}
	require.Greater(t, again(), 5)
	require.Less(t, again(), 60)
	require.Greater(t, connected, 150)

	for range 24 {
		r.pinged(10 * time.Second)
	}
	before = r.master.registrations()
	require.Equal(t, "RUNNING", r.agent.Snapshot().State)
	fail()
	r.run(2 * time.Second)
	require.Equal(t, 1, again(), "that is long ago")
}

// Of several failures one registration tells; also if another reason brings it forward.
func TestOneRegistrationTellsOfManyFailures(t *testing.T) {
	r := registered(t)
	r.apply(1, reserve(reserved(t, "cpus:100")))
	r.run(2 * time.Second)
	r.apply(2, reserve(reserved(t, "cpus:100"))) // has to wait
	r.apply(3, reserve(reserved(t, "cpus:100")))
	before := r.master.registrations()
	r.master.conn().breaks()
	r.run(2 * time.Second)
	require.Equal(t, 1, r.master.registrations()-before)
	for range 6 {
		r.pinged(10 * time.Second)
	}
	require.Equal(t, 1, r.master.registrations()-before)
}

// An agent that comes to its end stays connected: it has to tell how its tasks end.
func TestAnAgentThatIsShutDownCorrectsNobody(t *testing.T) {
	r := registered(t)
	r.tell(r.runTask(commandTask("t"), true))
	require.Contains(t, r.acknowledgeAll(time.Second), "t RUNNING")
	r.apply(1, reserve(reserved(t, "cpus:100")))
	r.run(2 * time.Second)
	r.apply(2, reserve(reserved(t, "cpus:100"))) // has to wait
	require.True(t, r.agent.core.correction.due)
	conn := r.master.conn()
	r.box.deaf = true
	r.tell(&messagespb.ShutdownMessage{})
	r.run(2 * time.Second)
	require.False(t, conn.closed)
	require.Empty(t, r.exits)
}

// pinged lets time pass after a ping of the master.
func (r *rig) pinged(d time.Duration) {
	r.tell(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
	r.run(d)
}

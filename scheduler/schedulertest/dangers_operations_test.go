package schedulertest

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
)

var operationDangers = []danger{
	{guard: GuardOperationStore, harm: InvariantKept, play: func(s *stage) {
		f, a := s.join(inRole), s.Agent(0)
		o := f.offer()
		a.disk.slow = 5 * time.Minute
		f.does(o, "reserve", scheduler.Reserve(reserved("cpus:1")))
		f.leaves()
		f.finished("reserve")
		a.Crash()
		a.disk.slow = 0
		a.Restart()
	}},
	{guard: GuardOperationRetry, harm: InvariantAnswered, settle: 40 * time.Minute, play: func(s *stage) {
		f := s.join(inRole)
		f.does(f.offer(), "reserve", scheduler.Reserve(reserved("cpus:1")))
		s.made()
		f.LoseCall() // the acknowledgement
		f.finished("reserve")
		s.Advance(time.Second)
		f.leaves()
	}},
	{guard: GuardOperationAhead, harm: InvariantTruth, play: func(s *stage) {
		f, a := s.join(inRole), s.Agent(0)
		f.does(f.offer(), "disk", scheduler.Reserve(reserved("disk:128")))
		f.finished("disk")
		s.Advance(time.Second) // and that is acknowledged
		a.disk.slow = 5 * time.Minute
		f.does(f.offer(), "create", scheduler.CreateVolumes(volume(reserved("disk:64"))))
		s.arrived()
		s.Advance(time.Millisecond) // and is being carried out
		a.disk.slow = 0
		f.does(f.offer(), "reserve", scheduler.Reserve(reserved("cpus:1")))
		f.leaves()
		f.finished("reserve") // which is written with the volume
		a.Crash()
		a.Restart()
	}},
	{
		guard: GuardOperationFailure, harm: InvariantAgreed,
		agent: func(cfg *agent.Config) { cfg.WorkDir = "/dev/null/work" },
		play: func(s *stage) {
			f, disk := s.join(inRole), reserved("disk:64")
			f.does(f.offer(), "create", scheduler.Reserve(disk), scheduler.CreateVolumes(volume(disk)))
			f.leaves()
		},
	},
	{guard: GuardOrphanWait, harm: InvariantOrder, play: func(s *stage) {
		f, m := s.join(inRole), s.masters[0].name
		f.does(f.offer(), "reserve", scheduler.Reserve(reserved("cpus:1")))
		s.arrived()
		s.net.block(m, f.name) // it hears nothing any more
		s.made()
		s.CrashMaster()
		s.RestartMaster()
		s.Advance(5 * time.Minute)
		s.net.unblock(m, f.name)
		s.Advance(5 * time.Minute)
		f.leaves()
	}},
}

func inRole(cfg *scheduler.Config) {
	cfg.Framework.Role = proto.String("dev") //lint:ignore SA1019 it is what frameworks without MULTI_ROLE have
}

// reserved is a resource, as text, when it is reserved.
func reserved(text string) *mesosproto.Resource {
	r, err := resources.MustParse(text).PushReservation(resources.Reservation{Type: resources.Dynamic, Role: "dev"})
	if err != nil {
		panic(err)
	}
	return r.Proto()[0]
}

// volume is a reserved disk when a volume is made of it.
func volume(disk *mesosproto.Resource) *mesosproto.Resource {
	v := proto.CloneOf(disk)
	v.Disk = &mesosproto.Resource_DiskInfo{
		Persistence: &mesosproto.Resource_DiskInfo_Persistence{Id: proto.String("volume")},
		Volume:      &mesosproto.Volume{ContainerPath: proto.String("data"), Mode: mesosproto.Volume_RW.Enum()},
	}
	return v
}

// does carries operations out, the last of which has an id, and wants what is left soon.
func (p *puppet) does(o *mesosproto.Offer, id string, operations ...*mesosproto.Offer_Operation) {
	scheduler.WithID(operations[len(operations)-1], id)
	p.stage.fatal(p.driver.Accept([]*mesosproto.OfferID{o.GetId()}, operations, scheduler.RefuseFor(0)))
}

// leaves wants no more offers, and does nothing with those that it has.
func (p *puppet) leaves() {
	p.stage.fatal(p.driver.Suppress())
	p.stage.Advance(time.Second)
	for _, o := range p.offers {
		_ = p.driver.Decline([]*mesosproto.OfferID{o.GetId()}, scheduler.RefuseFor(24*time.Hour)) // while it is disconnected: they are void
	}
	p.offers = nil
}

// arrived waits until an operation has come to the first agent.
func (s *stage) arrived() {
	s.RunUntil(time.Minute, "the operation to arrive", func() bool { return len(s.Agent(0).machine.estate.since) > 0 })
}

// made waits until the first agent has said that an operation is finished.
func (s *stage) made() {
	s.RunUntil(time.Minute, "the reservation", func() bool { return len(s.Agent(0).machine.estate.made) > 0 })
}

// finished waits until the framework knows that an operation is.
func (p *puppet) finished(id string) {
	p.stage.RunUntil(time.Hour, id+" to be finished", func() bool {
		all := p.Operations[id]
		return len(all) > 0 && all[len(all)-1].GetState() == mesosproto.OperationState_OPERATION_FINISHED
	})
}

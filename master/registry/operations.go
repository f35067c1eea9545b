package registry

import (
	"time"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// Operation changes the registry. An operation that fails changes nothing and does not touch the
// others of its batch.
type Operation interface {
	apply(*State) error
}

// AdmitAgent admits a new agent. AlreadyExists if the id is admitted.
type AdmitAgent struct{ Info *mesosproto.AgentInfo }

func (o AdmitAgent) apply(s *State) error {
	id := o.Info.GetId().GetValue()
	if s.agents[id] != nil {
		return status.Errorf(codes.AlreadyExists, "agent %s is already admitted", id)
	}
	s.setAgent(id, &messagespb.Registry_Slave{Info: o.Info})
	return nil
}

// UpdateAgent replaces the AgentInfo of an admitted agent. NotFound if it is not admitted.
type UpdateAgent struct{ Info *mesosproto.AgentInfo }

func (o UpdateAgent) apply(s *State) error {
	id := o.Info.GetId().GetValue()
	was := s.agents[id]
	if was == nil {
		return notAdmitted(id)
	}
	if proto.Equal(was.Info, o.Info) {
		return nil
	}
	s.setAgent(id, &messagespb.Registry_Slave{Info: o.Info, DrainInfo: was.DrainInfo, Deactivated: was.Deactivated})
	return nil
}

// MarkUnreachable moves an admitted agent to the unreachable ones. NotFound if it is not admitted.
type MarkUnreachable struct {
	ID string
	At time.Time
}

func (o MarkUnreachable) apply(s *State) error {
	was := s.agents[o.ID]
	if was == nil {
		return notAdmitted(o.ID)
	}
	s.setAgent(o.ID, nil)
	s.setUnreachable(o.ID, &messagespb.Registry_UnreachableSlave{
		Id:          &mesosproto.AgentID{Value: proto.String(o.ID)},
		Timestamp:   &mesosproto.TimeInfo{Nanoseconds: proto.Int64(o.At.UnixNano())},
		DrainInfo:   was.DrainInfo,
		Deactivated: was.Deactivated,
	})
	return nil
}

// MarkReachable admits an unreachable agent again, and one that the registry does not know (its entry
// was pruned). Already admitted: no change. FailedPrecondition if it was marked gone.
type MarkReachable struct{ Info *mesosproto.AgentInfo }

func (o MarkReachable) apply(s *State) error {
	id := o.Info.GetId().GetValue()
	if s.gone[id] != nil {
		return status.Errorf(codes.FailedPrecondition, "agent %s was marked gone and can't come back; start it with an empty work directory", id)
	}
	if s.agents[id] != nil {
		return nil
	}
	a := &messagespb.Registry_Slave{Info: o.Info}
	if was := s.unreachable[id]; was != nil {
		a.DrainInfo, a.Deactivated = was.DrainInfo, was.Deactivated
		s.setUnreachable(id, nil)
	}
	s.setAgent(id, a)
	return nil
}

// MarkGone says that an admitted or unreachable agent will never be back. AlreadyExists if that was
// said before, NotFound if the agent is unknown.
type MarkGone struct {
	ID string
	At time.Time
}

func (o MarkGone) apply(s *State) error {
	switch {
	case s.gone[o.ID] != nil:
		return status.Errorf(codes.AlreadyExists, "agent %s is already marked gone", o.ID)
	case s.agents[o.ID] != nil:
		s.setAgent(o.ID, nil)
	case s.unreachable[o.ID] != nil:
		s.setUnreachable(o.ID, nil)
	default:
		return status.Errorf(codes.NotFound, "agent %s is not known", o.ID)
	}
	s.setGone(o.ID, &messagespb.Registry_GoneSlave{
		Id:        &mesosproto.AgentID{Value: proto.String(o.ID)},
		Timestamp: &mesosproto.TimeInfo{Nanoseconds: proto.Int64(o.At.UnixNano())},
	})
	return nil
}

// RemoveAgent forgets an admitted agent. NotFound if it is not admitted.
type RemoveAgent struct{ ID string }

func (o RemoveAgent) apply(s *State) error {
	if s.agents[o.ID] == nil {
		return notAdmitted(o.ID)
	}
	s.setAgent(o.ID, nil)
	return nil
}

// Prune forgets unreachable and gone agents; unknown ids are ignored.
type Prune struct{ Unreachable, Gone []string }

func (o Prune) apply(s *State) error {
	for _, id := range o.Unreachable {
		if s.unreachable[id] != nil {
			s.setUnreachable(id, nil)
		}
	}
	for _, id := range o.Gone {
		if s.gone[id] != nil {
			s.setGone(id, nil)
		}
	}
	return nil
}

// lead records who leads; Recover applies it.
type lead struct{ info *mesosproto.MasterInfo }

func (o lead) apply(s *State) error {
	s.master = o.info
	s.changed[keyMaster] = o.info
	return nil
}

func notAdmitted(id string) error {
	return status.Errorf(codes.NotFound, "agent %s is not admitted", id)
}

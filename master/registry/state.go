package registry

import (
	"maps"
	"slices"
	"strings"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// State is the registry in memory. Its messages are immutable: operations replace them.
type State struct {
	master      *mesosproto.MasterInfo
	agents      map[string]*messagespb.Registry_Slave
	unreachable map[string]*messagespb.Registry_UnreachableSlave
	gone        map[string]*messagespb.Registry_GoneSlave

	changed map[string]proto.Message // since the last take, by key; nil: deleted
	sizes   map[string]int           // of the stored entries, by key
	size    int                      // their sum
}

func newState() *State {
	return &State{
		agents:      map[string]*messagespb.Registry_Slave{},
		unreachable: map[string]*messagespb.Registry_UnreachableSlave{},
		gone:        map[string]*messagespb.Registry_GoneSlave{},
		changed:     map[string]proto.Message{},
		sizes:       map[string]int{},
	}
}

// Keys of the storage.
const (
	keyMaster      = "master"
	keyAgent       = "agent/"
	keyUnreachable = "unreachable/"
	keyGone        = "gone/"
)

// load fills an empty state. A key of an unknown kind was written by a newer version that relied on
// it; going on without it could lose it, so it is an error.
func (s *State) load(entries []Entry) error {
	for _, e := range entries {
		s.weigh(e)
		kind, id, _ := strings.Cut(e.Key, "/")
		var m proto.Message
		switch kind + "/" {
		case keyMaster + "/":
			info := &mesosproto.MasterInfo{}
			s.master, m = info, info
		case keyAgent:
			slave := &messagespb.Registry_Slave{}
			s.agents[id], m = slave, slave
		case keyUnreachable:
			slave := &messagespb.Registry_UnreachableSlave{}
			s.unreachable[id], m = slave, slave
		case keyGone:
			slave := &messagespb.Registry_GoneSlave{}
			s.gone[id], m = slave, slave
		default:
			return status.Errorf(codes.FailedPrecondition, "the registry holds %q, which this version does not know: it was written by a newer one; run that version again", e.Key)
		}
		if err := proto.Unmarshal(e.Value, m); err != nil {
			return status.Errorf(codes.DataLoss, "the registry's entry %q can't be read (%v): restore it from a backup, or move the storage away to start with an empty registry", e.Key, err)
		}
	}
	return nil
}

// take returns the entries that changed since the last take, in the order of their keys.
func (s *State) take() ([]Entry, error) {
	out := make([]Entry, 0, len(s.changed))
	for _, key := range slices.Sorted(maps.Keys(s.changed)) {
		e := Entry{Key: key}
		if m := s.changed[key]; m != nil {
			b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
			if err != nil {
				return nil, status.Errorf(codes.Internal, "encode the registry's entry %q: %v", key, err)
			}
			e.Value = append([]byte{}, b...) // never nil, which would delete
		}
		s.weigh(e)
		out = append(out, e)
	}
	clear(s.changed)
	return out, nil
}

// weigh keeps the size of what is stored.
func (s *State) weigh(e Entry) {
	s.size -= s.sizes[e.Key]
	delete(s.sizes, e.Key)
	if e.Value != nil {
		s.sizes[e.Key] = len(e.Key) + len(e.Value)
		s.size += s.sizes[e.Key]
	}
}

// Size is the size of the registry: of the keys and values that it takes, in bytes.
func (s *State) Size() int { return s.size }

func (s *State) setAgent(id string, a *messagespb.Registry_Slave) {
	if a == nil {
		delete(s.agents, id)
		s.changed[keyAgent+id] = nil
		return
	}
	s.agents[id] = a
	s.changed[keyAgent+id] = a
}

func (s *State) setUnreachable(id string, u *messagespb.Registry_UnreachableSlave) {
	if u == nil {
		delete(s.unreachable, id)
		s.changed[keyUnreachable+id] = nil
		return
	}
	s.unreachable[id] = u
	s.changed[keyUnreachable+id] = u
}

func (s *State) setGone(id string, g *messagespb.Registry_GoneSlave) {
	if g == nil {
		delete(s.gone, id)
		s.changed[keyGone+id] = nil
		return
	}
	s.gone[id] = g
	s.changed[keyGone+id] = g
}

// Master is the last master that led, nil in a new registry.
func (s *State) Master() *mesosproto.MasterInfo { return s.master }

// Agent is an admitted agent, or nil.
func (s *State) Agent(id string) *messagespb.Registry_Slave { return s.agents[id] }

// UnreachableAgent is an unreachable agent, or nil.
func (s *State) UnreachableAgent(id string) *messagespb.Registry_UnreachableSlave {
	return s.unreachable[id]
}

// GoneAgent is an agent marked gone, or nil.
func (s *State) GoneAgent(id string) *messagespb.Registry_GoneSlave { return s.gone[id] }

// Agents lists the admitted agents, sorted by id.
func (s *State) Agents() []*messagespb.Registry_Slave { return sorted(s.agents) }

// UnreachableAgents lists the unreachable agents, sorted by id.
func (s *State) UnreachableAgents() []*messagespb.Registry_UnreachableSlave {
	return sorted(s.unreachable)
}

// GoneAgents lists the agents marked gone, sorted by id.
func (s *State) GoneAgents() []*messagespb.Registry_GoneSlave { return sorted(s.gone) }

func sorted[V any](m map[string]V) []V {
	out := make([]V, 0, len(m))
	for _, id := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[id])
	}
	return out
}

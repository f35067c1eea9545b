package master

import "github.com/mesokit/mesokit/resources"

// spread is what a framework has on all agents together. Ports and the like of different agents overlap,
// so they can't be added up and subtracted as scalars can: they are kept by agent.
type spread struct {
	scalars resources.Accumulator
	others  map[string]*resources.Accumulator // by agent
	union   resources.Resources               // of others
	stale   bool                              // union is to be made again
}

func notScalar(r resources.Resource) bool { return r.Type() != resources.TypeScalar }

func (s *spread) add(agent string, r resources.Resources) {
	if !r.Any(notScalar) {
		s.scalars.Add(r)
		return
	}
	s.scalars.Add(r.Scalars())
	if s.others == nil {
		s.others = make(map[string]*resources.Accumulator)
	}
	if s.others[agent] == nil {
		s.others[agent] = &resources.Accumulator{}
	}
	s.others[agent].Add(r.Filter(notScalar))
	s.stale = true
}

func (s *spread) sub(agent string, r resources.Resources) {
	if !r.Any(notScalar) {
		s.scalars.Sub(r)
		return
	}
	s.scalars.Sub(r.Scalars())
	if a := s.others[agent]; a != nil {
		a.Sub(r.Filter(notScalar))
		if a.IsEmpty() {
			delete(s.others, agent)
		}
		s.stale = true
	}
}

// resources is the sum; of ports and the like the union.
func (s *spread) resources() resources.Resources {
	if s.stale {
		s.stale = false
		list := make([]resources.Resources, 0, len(s.others))
		for _, agent := range sortedKeys(s.others) {
			list = append(list, s.others[agent].Resources())
		}
		s.union = resources.Sum(list...)
	}
	return s.scalars.Resources().Add(s.union)
}

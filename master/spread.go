package master

import "github.com/mesokit/mesokit/resources"

// spread is what a framework has on all agents together. Ports and the like of different agents overlap,
// so they can't be added up and subtracted as scalars can: they are kept by agent. Their union is made of
// the different ones only, since thousands of agents tend to have the same.
type spread struct {
	scalars resources.Accumulator
	others  map[string]*other   // by agent
	kinds   map[string]*samples // of others, by text
	union   resources.Resources // of kinds
	stale   bool                // union is to be made again
}

// other is what is not scalar on one agent.
type other struct {
	has  resources.Accumulator
	kind string // its text; empty if there is nothing
}

// samples are equal others on so many agents.
type samples struct {
	agents int
	value  resources.Resources
}

func notScalar(r resources.Resource) bool { return r.Type() != resources.TypeScalar }

func (s *spread) add(agent string, r resources.Resources) {
	if !r.Any(notScalar) {
		s.scalars.Add(r)
		return
	}
	s.scalars.Add(r.Scalars())
	if s.others == nil {
		s.others, s.kinds = make(map[string]*other), make(map[string]*samples)
	}
	if s.others[agent] == nil {
		s.others[agent] = &other{}
	}
	s.others[agent].has.Add(r.Filter(notScalar))
	s.count(agent)
}

func (s *spread) sub(agent string, r resources.Resources) {
	if !r.Any(notScalar) {
		s.scalars.Sub(r)
		return
	}
	s.scalars.Sub(r.Scalars())
	if o := s.others[agent]; o != nil {
		o.has.Sub(r.Filter(notScalar))
		s.count(agent)
	}
}

// count moves an agent, whose others have changed, from one kind to another.
func (s *spread) count(agent string) {
	o := s.others[agent]
	if k := s.kinds[o.kind]; k != nil {
		if k.agents--; k.agents == 0 {
			delete(s.kinds, o.kind)
			s.stale = true
		}
	}
	if o.has.IsEmpty() {
		delete(s.others, agent)
		return
	}
	value := o.has.Resources()
	o.kind = value.String()
	if s.kinds[o.kind] == nil {
		s.kinds[o.kind] = &samples{value: value}
		s.stale = true
	}
	s.kinds[o.kind].agents++
}

// resources is the sum; of ports and the like the union.
func (s *spread) resources() resources.Resources {
	if s.stale {
		s.stale = false
		list := make([]resources.Resources, 0, len(s.kinds))
		for _, kind := range sortedKeys(s.kinds) {
			list = append(list, s.kinds[kind].value)
		}
		s.union = resources.Sum(list...)
	}
	return s.scalars.Resources().Add(s.union)
}

package allocator

import (
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// testingT is what *testing.T and *rapid.T have in common.
type testingT interface {
	require.TestingT
	Helper()
}

// cluster is an allocator on a simulated loop, and what it offered.
type cluster struct {
	*Hierarchical
	t       testingT
	sim     *loop.Sim
	offers  []offered
	inverse []InverseOffer
}

// offered is one offer as it arrived.
type offered struct {
	framework, role, agent string
	resources              resources.Resources
}

func (o offered) String() string {
	return fmt.Sprintf("%s %s %s %s", o.framework, o.role, o.agent, o.resources.Unallocate())
}

const interval = time.Second

func setup(t testingT, cfg Config) *cluster {
	c := &cluster{t: t, sim: loop.NewSim(1)}
	c.Hierarchical = New(c.sim.Loop("master"), cfg)
	c.Initialize(Callbacks{
		Offer: func(o Offers) {
			for _, x := range o.Offers {
				c.offers = append(c.offers, offered{o.FrameworkID, x.Role, x.AgentID, x.Resources})
			}
		},
		InverseOffer: func(list []InverseOffer) { c.inverse = append(c.inverse, list...) },
	})
	return c
}

// settle runs what is due now and returns the offers since the last call.
func (c *cluster) settle() []offered { return c.after(0) }

func (c *cluster) after(d time.Duration) []offered {
	c.sim.Advance(d)
	c.check()
	list := c.offers
	c.offers = nil
	return list
}

// one settles and returns the only offer.
func (c *cluster) one() offered {
	c.t.Helper()
	list := c.settle()
	require.Len(c.t, list, 1)
	return list[0]
}

// texts are offers as text, in the order in which they came.
func texts(list []offered) []string {
	var all []string
	for _, o := range list {
		all = append(all, o.String())
	}
	return all
}

// receivers are the frameworks that got offers, in order.
func receivers(list []offered) string {
	var all []string
	for _, o := range list {
		all = append(all, o.framework)
	}
	return strings.Join(all, " ")
}

// agent adds an agent with all capabilities.
func (c *cluster) agent(id, total string) {
	c.AddAgent(agentInfo(id), allAgentCaps, nil, resources.MustParse(total), nil)
}

func agentInfo(id string, attributes ...string) *mesosproto.AgentInfo {
	info := &mesosproto.AgentInfo{Hostname: proto.String("host-" + id), Id: &mesosproto.AgentID{Value: proto.String(id)}}
	for _, text := range attributes {
		list, err := resources.ParseAttributes(text)
		if err != nil {
			panic(err)
		}
		info.Attributes = append(info.Attributes, list...)
	}
	return info
}

var allAgentCaps = agentCapabilities(
	mesosproto.AgentInfo_Capability_MULTI_ROLE,
	mesosproto.AgentInfo_Capability_HIERARCHICAL_ROLE,
	mesosproto.AgentInfo_Capability_RESERVATION_REFINEMENT,
)

func agentCapabilities(types ...mesosproto.AgentInfo_Capability_Type) (list []*mesosproto.AgentInfo_Capability) {
	for _, t := range types {
		list = append(list, &mesosproto.AgentInfo_Capability{Type: t.Enum()})
	}
	return list
}

// framework adds an active framework with MULTI_ROLE and RESERVATION_REFINEMENT in these roles.
func (c *cluster) framework(id string, roles ...string) {
	c.AddFramework(id, frameworkInfo(roles), nil, true, FrameworkOptions{})
}

func frameworkInfo(roles []string, more ...mesosproto.FrameworkInfo_Capability_Type) *mesosproto.FrameworkInfo {
	info := &mesosproto.FrameworkInfo{User: proto.String("user"), Name: proto.String("name"), Roles: roles}
	more = append(more, mesosproto.FrameworkInfo_Capability_MULTI_ROLE, mesosproto.FrameworkInfo_Capability_RESERVATION_REFINEMENT)
	for _, t := range more {
		info.Capabilities = append(info.Capabilities, &mesosproto.FrameworkInfo_Capability{Type: t.Enum()})
	}
	return info
}

func (c *cluster) decline(o offered, d time.Duration) {
	c.RecoverResources(o.framework, o.agent, o.resources, &Filter{RefuseFor: d}, false)
}

// declineAll declines until nobody is offered anything, and returns how many offers that took.
func (c *cluster) declineAll(d time.Duration) (n int) {
	for list := c.settle(); len(list) > 0; list = c.settle() {
		for _, o := range list {
			c.decline(o, d)
			n++
		}
	}
	return n
}

// launch uses part of an offer and declines the rest for d; negative: gives it back without a filter.
func (c *cluster) launch(o offered, task string, d time.Duration) resources.Resources {
	c.t.Helper()
	used := resources.MustParse(task).Allocate(o.role)
	require.True(c.t, o.resources.Contains(used), "%s has no %s", o, task)
	c.Pause()
	var f *Filter
	if d >= 0 {
		f = &Filter{RefuseFor: d}
	}
	c.RecoverResources(o.framework, o.agent, o.resources.Sub(used), f, false)
	c.Allocated(o.framework, o.agent, used)
	c.Resume()
	return used
}

// finish gives back what a task used.
func (c *cluster) finish(o offered, used resources.Resources) {
	c.RecoverResources(o.framework, o.agent, used, nil, true)
}

// check compares what is kept incrementally with what follows from first principles.
func (c *cluster) check() {
	t := c.t
	var total resources.Quantities
	given := map[*node]resources.Quantities{}
	holdings := map[*seat]int{}
	filters := map[*seat]int{}
	for slot, a := range c.agents {
		if a == nil {
			continue
		}
		require.Equal(t, slot, a.slot)
		total = total.Add(a.total.ScalarQuantities())
		var held resources.Resources
		shared := map[*node]resources.Resources{}
		for _, x := range a.holdings {
			require.False(t, x.isEmpty(), "an empty holding is left")
			held = held.Add(x.all().NonShared().Unallocate())
			f := c.frameworks[x.seat.framework.id]
			require.Same(t, f, x.seat.framework)
			require.Same(t, f.seat(x.seat.role.name), x.seat)
			holdings[x.seat]++
			if !f.known {
				continue
			}
			for n := x.seat.node; n != nil; n = n.parent {
				given[n] = given[n].Add(x.all().NonShared().ScalarQuantities())
				for e := range x.all().Shared().All() {
					one := e.AsShared(1).AllocatedTo("").Resources()
					if !shared[n].Contains(one) {
						shared[n] = shared[n].Add(one)
						given[n] = given[n].Add(one.ScalarQuantities())
					}
				}
			}
		}
		if a.version == a.memo.version {
			require.True(t, a.free.Equal(a.memo.plain))
		}
		if a.judgedFree {
			require.True(t, a.judged.Contains(a.free))
		}
		for _, f := range a.filters.list {
			if s := c.seats[f.seat]; s != nil && f.of(s) {
				filters[s]++
				cell, bit := c.board.at(slot, s.index)
				require.NotZero(t, cell.filtered&bit)
			}
		}
		own := a.total.NonShared()
		require.True(t, own.Sub(held).Add(a.total.Shared()).Equal(a.free), "agent %s: total %s, held %s, free %s", a.id, a.total, held, a.free)
		require.Equal(t, !own.Contains(held), a.over)
	}
	require.True(t, total.Equal(c.tree.total), "total %s is kept as %s", total, c.tree.total)
	live := 0
	for i, s := range c.seats {
		if s == nil {
			require.False(t, c.active.has(i))
			continue
		}
		require.Equal(t, i, s.index)
		require.Equal(t, holdings[s], s.holdings)
		require.Equal(t, s.wanted(), c.active.has(i))
		require.Equal(t, s.wanted(), s.node.listed)
		require.Equal(t, filters[s], s.live)
		require.True(t, s.node.given.Equal(given[s.node]))
		live += s.live
	}
	require.Equal(t, live, c.expiries.live)
	c.checkNode(c.tree.root, given)
}

func (c *cluster) checkNode(n *node, given map[*node]resources.Quantities) {
	require.True(c.t, n.given.Equal(given[n]), "%s has %s, kept as %s", n.path, given[n], n.given)
	for _, child := range n.children {
		require.True(c.t, child.listed)
		require.True(c.t, child.seat != nil || len(child.children) > 0)
		c.checkNode(child, given)
	}
}

// held counts the agents on which a framework holds something.
func (c *cluster) held(framework string) int { return c.frameworks[framework].holdings }

// withMinimum sets the smallest offers that a framework wants in a role.
func withMinimum(info *mesosproto.FrameworkInfo, role string, bundles ...string) *mesosproto.FrameworkInfo {
	m := &mesosproto.OfferFilters_MinAllocatableResources{}
	for _, text := range bundles {
		q, err := resources.ParseQuantities(text)
		if err != nil {
			panic(err)
		}
		m.Quantities = append(m.Quantities, &mesosproto.OfferFilters_ResourceQuantities{Quantities: q.Proto()})
	}
	info.OfferFilters = map[string]*mesosproto.OfferFilters{role: {MinAllocatableResources: m}}
	return info
}

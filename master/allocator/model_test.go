package allocator

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// model is the allocator's rules written down as simply as possible, on facts that it keeps by itself.
// It does not allocate: it judges the offers of a run, and what a run did not offer.
type model struct {
	t          require.TestingT
	c          *cluster
	agents     map[string]*modelAgent
	frameworks map[string]*modelFramework
	offers     []offered
	tasks      []offered
	filters    []modelFilter
	counts     map[string]uint64 // gifts, by path of a node
	weights    map[string]float64
	whitelist  []string // agents; nil: all
	paused     int
	next       int
	passed     bool // time has, so the offers are of several runs
}

type modelAgent struct {
	total  resources.Resources
	active bool
	old    bool // lacks MULTI_ROLE and HIERARCHICAL_ROLE
}

type modelFramework struct {
	roles      []string
	suppressed map[string]bool
	active     bool
	caps       []mesosproto.FrameworkInfo_Capability_Type
	minimum    string // cpus that it wants at least in "a"; empty: the default
}

type modelFilter struct {
	framework, role, agent string
	refused                resources.Resources
	until                  time.Time
}

func (f *modelFramework) info() *mesosproto.FrameworkInfo {
	info := frameworkInfo(f.roles, f.caps...)
	if f.minimum != "" {
		withMinimum(info, "a", f.minimum)
	}
	return info
}

func (f *modelFramework) options() FrameworkOptions {
	return FrameworkOptions{Suppressed: sortedKeys(f.suppressed)}
}

func (m *model) held() []offered { return append(slices.Clone(m.offers), m.tasks...) }

func (m *model) free(agent string) resources.Resources {
	free := m.agents[agent].total
	var sum resources.Resources
	for _, o := range m.held() {
		if o.agent == agent {
			sum = sum.Add(o.resources.Unallocate())
		}
	}
	return free.Sub(sum)
}

// possible is what a framework could be offered now; empty if it must not be offered anything. Filters
// that end within slack may or may not count: strict says which.
func (m *model) possible(framework, role, agent string, strict bool) resources.Resources {
	f, a := m.frameworks[framework], m.agents[agent]
	none := resources.Resources{}
	switch {
	case !f.active || f.suppressed[role] || !slices.Contains(f.roles, role), !a.active, a.old:
		return none
	case m.whitelist != nil && !slices.Contains(m.whitelist, agent):
		return none
	case a.total.GPUs() > 0 && !slices.Contains(f.caps, mesosproto.FrameworkInfo_Capability_GPU_RESOURCES):
		return none
	}
	offer := m.free(agent).Filter(func(e resources.Resource) bool {
		if e.IsReserved() && e.ReservationRole() != role && !strings.HasPrefix(role, e.ReservationRole()+"/") {
			return false
		}
		return !e.IsRevocable() || slices.Contains(f.caps, mesosproto.FrameworkInfo_Capability_REVOCABLE_RESOURCES)
	})
	if f.minimum != "" && role == "a" {
		q, _ := resources.ParseQuantities(f.minimum)
		if !offer.ContainsQuantities(q) {
			return none
		}
	} else if offer.CPUs() < 0.01 && offer.Mem() < 32 {
		return none
	}
	for _, x := range m.filters {
		end := x.until
		if strict {
			end = end.Add(m.c.grid)
		}
		if x.framework == framework && x.role == role && x.agent == agent && end.After(m.c.sim.Now()) && x.refused.Contains(offer) {
			return none
		}
	}
	return offer
}

// place is the order of a framework in a role: what a walk of the tree compares, level by level.
func (m *model) place(framework, role string) (levels []key, paths []string) {
	parts := strings.Split(role, "/")
	for i := range parts {
		levels, paths = append(levels, key{}), append(paths, strings.Join(parts[:i+1], "/"))
	}
	paths = append(paths, role+"/.", role+"/./"+framework)
	levels = append(levels, key{}, key{})
	var total resources.Quantities
	for _, a := range m.agents {
		total = total.Add(a.total.ScalarQuantities())
	}
	for i, p := range paths {
		var given resources.Quantities
		for _, o := range m.held() {
			if m.frameworks[o.framework] == nil {
				continue
			}
			full := o.role + "/./" + o.framework
			if full == p || strings.HasPrefix(full, p+"/") {
				given = given.Add(o.resources.ScalarQuantities())
			}
		}
		share := 0.0
		for name, amount := range given.All() {
			if all := total.Get(name); all > 0 {
				share = max(share, amount.Float()/all.Float())
			}
		}
		if w := m.weights[p]; w > 0 {
			share /= w
		}
		levels[i] = key{share, m.counts[p]}
	}
	return levels, paths
}

func (m *model) before(x, y offered) bool {
	a, p := m.place(x.framework, x.role)
	b, q := m.place(y.framework, y.role)
	for i := range min(len(a), len(b)) {
		switch {
		case p[i] == q[i]:
		case a[i].share != b[i].share:
			return a[i].share < b[i].share
		case a[i].count != b[i].count:
			return a[i].count < b[i].count
		default:
			return p[i] < q[i]
		}
	}
	return false
}

// judge checks what a run offered, and that nothing more could have been.
func (m *model) judge(list []offered) {
	seen := map[string]bool{}
	for _, o := range list {
		require.NotZero(m.t, m.frameworks[o.framework], "unknown framework in %s", o)
		require.NotNil(m.t, m.agents[o.agent], "unknown agent in %s", o)
		require.False(m.t, seen[o.framework+o.role+o.agent], "two offers in one run: %s", o)
		seen[o.framework+o.role+o.agent] = true
		plain := o.resources.Unallocate()
		require.True(m.t, o.resources.Equal(plain.Allocate(o.role)), "not allocated to its role: %s", o)
		want := m.possible(o.framework, o.role, o.agent, false)
		require.True(m.t, want.Contains(plain), "offered %s, of which only %s may be", o, want)
		if len(list) == 1 && !m.passed {
			require.True(m.t, want.Equal(plain), "offered %s, of which %s may be", o, want)
			m.first(o)
		}
		m.offers = append(m.offers, o)
		_, paths := m.place(o.framework, o.role)
		for _, p := range paths {
			m.counts[p]++
		}
	}
	if m.paused > 0 {
		require.Empty(m.t, list, "a run while paused")
		return
	}
	for id, f := range m.frameworks {
		for _, role := range f.roles {
			for agent := range m.agents {
				left := m.possible(id, role, agent, true)
				require.True(m.t, left.IsEmpty(), "%s is not offered to %s in %s on %s", left, id, role, agent)
				if f.active {
					require.NotEmpty(m.t, m.c.Explain(Question{FrameworkID: id, Role: role, AgentID: agent}),
						"no reason why %s gets nothing in %s on %s", id, role, agent)
				}
			}
		}
	}
}

// first checks that nobody who could have got the only offer of a run comes before its receiver.
func (m *model) first(o offered) {
	for id, f := range m.frameworks {
		for _, role := range f.roles {
			if !m.possible(id, role, o.agent, true).IsEmpty() {
				x := offered{framework: id, role: role}
				require.False(m.t, m.before(x, o), "%s in %s comes before the receiver of %s", id, role, o)
			}
		}
	}
}

// forget drops what m.counts has of nodes that no longer exist.
func (m *model) forget() {
	live := map[string]bool{}
	keep := func(framework, role string) {
		_, paths := m.place(framework, role)
		for _, p := range paths {
			live[p] = true
		}
	}
	for id, f := range m.frameworks {
		for _, role := range f.roles {
			keep(id, role)
		}
	}
	for _, o := range m.held() { // of removed frameworks too: their seats last as long as they hold something
		keep(o.framework, o.role)
	}
	for p := range m.counts {
		if !live[p] {
			delete(m.counts, p)
		}
	}
}

var modelTotals = []string{
	"cpus:4;mem:1024", "cpus:1;mem:64;ports:[1-9]", "cpus:2;mem:512;cpus(a):1;mem(b):128", "cpus(a/x):2;mem(a):256;disk:10",
	"cpus:4;mem:1024;gpus:1", "disk:100", "mem:31",
}

func (m *model) step(t *rapid.T) {
	pick := func(name string, ids []string) string {
		if len(ids) == 0 {
			return ""
		}
		return rapid.SampledFrom(ids).Draw(t, name)
	}
	c := m.c
	m.passed = false
	agent, framework := pick("agent", sortedKeys(m.agents)), pick("framework", sortedKeys(m.frameworks))
	role := pick("role", []string{"a", "a/x", "b", "*"})
	total := func() resources.Resources {
		r := resources.MustParse(pick("total", modelTotals))
		if rapid.Bool().Draw(t, "revocable") {
			r = r.Add(resources.NewScalar("cpus", resources.Unit).AsRevocable().Resources())
		}
		return r
	}
	some := func(list []offered) int {
		if len(list) == 0 {
			return -1
		}
		return rapid.IntRange(0, len(list)-1).Draw(t, "which")
	}
	switch what := rapid.SampledFrom([]string{
		"add agent", "add agent", "add framework", "add framework", "decline", "decline", "decline", "launch", "launch", "finish", "finish",
		"time", "time", "rescind", "update agent", "agent off", "agent on", "remove agent", "remove framework", "off", "on", "update",
		"suppress", "revive", "pause", "resume", "weight", "whitelist", "nothing",
	}).Draw(t, "what"); what {
	case "add agent":
		if len(m.agents) >= 4 {
			return
		}
		m.next++
		id := fmt.Sprint("agent", m.next)
		a := &modelAgent{total: total(), active: true, old: rapid.IntRange(0, 5).Draw(t, "old") == 0}
		caps := allAgentCaps
		if a.old {
			caps = nil
		}
		m.agents[id] = a
		c.AddAgent(agentInfo(id), caps, nil, a.total, nil)
	case "update agent":
		if a := m.agents[agent]; a != nil {
			a.total = total()
			caps := allAgentCaps
			if a.old {
				caps = nil
			}
			c.UpdateAgent(agentInfo(agent), a.total, caps)
		}
	case "agent off", "agent on":
		if a := m.agents[agent]; a != nil {
			if a.active = what == "agent on"; a.active {
				c.ActivateAgent(agent)
			} else {
				c.DeactivateAgent(agent)
			}
		}
	case "remove agent":
		delete(m.agents, agent)
		gone := func(o offered) bool { return o.agent == agent }
		m.offers, m.tasks = slices.DeleteFunc(m.offers, gone), slices.DeleteFunc(m.tasks, gone)
		m.filters = slices.DeleteFunc(m.filters, func(x modelFilter) bool { return x.agent == agent })
		c.RemoveAgent(agent)
	case "add framework":
		if len(m.frameworks) >= 5 {
			return
		}
		m.next++
		id := fmt.Sprint("framework", m.next)
		f := &modelFramework{active: true, suppressed: map[string]bool{}, roles: []string{role}}
		if rapid.Bool().Draw(t, "two roles") && role != "b" {
			f.roles = append(f.roles, "b")
		}
		if rapid.Bool().Draw(t, "capable") {
			f.caps = append(f.caps, mesosproto.FrameworkInfo_Capability_GPU_RESOURCES, mesosproto.FrameworkInfo_Capability_REVOCABLE_RESOURCES)
		}
		if rapid.IntRange(0, 4).Draw(t, "minimum") == 0 {
			f.minimum = "cpus:2"
		}
		slices.Sort(f.roles)
		m.frameworks[id] = f
		c.AddFramework(id, f.info(), nil, true, f.options())
	case "update":
		if f := m.frameworks[framework]; f != nil {
			f.roles = []string{role}
			wasSuppressed := f.suppressed
			f.suppressed = map[string]bool{}
			if rapid.Bool().Draw(t, "suppressed") {
				f.suppressed[role] = true
			}
			m.filters = slices.DeleteFunc(m.filters, func(x modelFilter) bool {
				return x.framework == framework && (x.role != role || wasSuppressed[role] && !f.suppressed[role])
			})
			c.UpdateFramework(framework, f.info(), f.options())
		}
	case "remove framework":
		delete(m.frameworks, framework)
		m.filters = slices.DeleteFunc(m.filters, func(x modelFilter) bool { return x.framework == framework })
		c.RemoveFramework(framework)
	case "off", "on":
		if f := m.frameworks[framework]; f != nil {
			if f.active = what == "on"; f.active {
				c.ActivateFramework(framework)
			} else {
				m.filters = slices.DeleteFunc(m.filters, func(x modelFilter) bool { return x.framework == framework })
				c.DeactivateFramework(framework)
			}
		}
	case "suppress":
		if f := m.frameworks[framework]; f != nil && slices.Contains(f.roles, role) {
			f.suppressed[role] = true
			c.SuppressOffers(framework, []string{role})
		}
	case "revive":
		if f := m.frameworks[framework]; f != nil {
			f.suppressed = map[string]bool{}
			m.filters = slices.DeleteFunc(m.filters, func(x modelFilter) bool { return x.framework == framework })
			c.ReviveOffers(framework, nil)
		}
	case "decline", "rescind", "launch":
		i := some(m.offers)
		if i < 0 {
			return
		}
		o := m.offers[i]
		m.offers = slices.Delete(m.offers, i, i+1)
		back := o.resources
		if what == "launch" {
			used := o.resources.Shrink(resources.NewQuantities(resources.Quantity{Name: "cpus", Amount: resources.Unit}), nil)
			if used.IsEmpty() {
				used = o.resources
			}
			back = back.Sub(used)
			c.Allocated(o.framework, o.agent, used)
			m.tasks = append(m.tasks, offered{o.framework, o.role, o.agent, used})
		}
		var filter *Filter
		if what != "rescind" {
			filter = &Filter{RefuseFor: rapid.SampledFrom([]time.Duration{0, time.Second, 3 * time.Second, time.Hour}).Draw(t, "refuse")}
			f := m.frameworks[o.framework]
			if f != nil && slices.Contains(f.roles, o.role) && !back.IsEmpty() {
				m.filters = append(m.filters, modelFilter{o.framework, o.role, o.agent, back.Unallocate(),
					c.sim.Now().Add(max(filter.RefuseFor, interval))})
			}
		}
		c.RecoverResources(o.framework, o.agent, back, filter, false)
	case "finish":
		if i := some(m.tasks); i >= 0 {
			o := m.tasks[i]
			m.tasks = slices.Delete(m.tasks, i, i+1)
			c.RecoverResources(o.framework, o.agent, o.resources, nil, true)
		}
	case "time":
		m.passed = true
		c.sim.Advance(time.Duration(rapid.IntRange(1, 5000).Draw(t, "ms")) * time.Millisecond)
	case "pause":
		m.paused++
		c.Pause()
	case "resume":
		m.paused = max(0, m.paused-1)
		c.Resume()
	case "weight":
		w := float64(rapid.IntRange(1, 4).Draw(t, "weight"))
		m.weights[role] = w
		c.UpdateWeights(map[string]float64{role: w})
	case "whitelist":
		if m.whitelist = nil; rapid.Bool().Draw(t, "all") {
			c.UpdateWhitelist(nil, true)
			return
		}
		m.whitelist = []string{agent}
		c.UpdateWhitelist([]string{"host-" + agent}, false)
	}
}

// Safety and completeness of every run, whatever happens between them; with the tree walked, and with
// few seats visited without it.
func TestRunsAgainstModel(t *testing.T) {
	for _, sparse := range []int{0, 32} {
		t.Run(fmt.Sprint("sparse ", sparse), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				c := setup(t, Config{})
				c.sparse = sparse
				m := &model{
					t: t, c: c, agents: map[string]*modelAgent{}, frameworks: map[string]*modelFramework{},
					counts: map[string]uint64{}, weights: map[string]float64{},
				}
				for range rapid.IntRange(1, 80).Draw(t, "steps") {
					m.step(t)
					m.forget()
					m.judge(c.settle())
				}
				m.leaveNothing()
			})
		})
	}
}

// leaveNothing removes everything and checks that no trace is left.
func (m *model) leaveNothing() {
	for _, id := range sortedKeys(m.frameworks) {
		m.c.RemoveFramework(id)
	}
	for _, id := range sortedKeys(m.agents) {
		m.c.RemoveAgent(id)
	}
	m.c.settle()
	require.Empty(m.t, m.c.frameworks)
	require.Empty(m.t, m.c.agentByID)
	require.Empty(m.t, m.c.roles)
	require.Zero(m.t, m.c.expiries.live)
	require.True(m.t, m.c.tree.root.given.IsEmpty())
	require.Empty(m.t, m.c.tree.root.children)
	require.True(m.t, m.c.used.IsEmpty())
	m.c.sim.Advance(400 * 24 * time.Hour)
	require.Zero(m.t, m.c.expiries.entries)
}

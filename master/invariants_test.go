package master_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
)

// checkBooks holds the snapshot to what must always be true: what agents, frameworks, tasks and offers
// say of resources agrees, nothing is used or offered twice, and the gauges count what there is.
func checkBooks(t testing.TB, b *bundle) {
	t.Helper()
	checkSums(t, b)
	for a := range b.master.Snapshot().Agents.All() {
		sum := a.Used.Unallocate().Add(a.Offered.Unallocate())
		require.True(t, a.Total.Contains(sum), "agent %s has %s, used and offered are %s", a.ID, a.Total, sum)
	}
}

// checkSums is checkBooks for agents that may have lost resources which they use.
func checkSums(t testing.TB, b *bundle) {
	t.Helper()
	s := b.master.Snapshot()
	used := map[string]resources.Resources{}
	offered := map[string]resources.Resources{}
	states := map[mesosproto.TaskState]int64{}
	offers := 0
	for f := range s.Frameworks.All() {
		var fUsed, fOffered resources.Resources
		for task := range f.Tasks.All() {
			if !transitions.Terminal(task.State) {
				states[task.State]++
				r, err := resources.FromProto(task.Info.Resources)
				require.NoError(t, err)
				used[task.Info.GetAgentId().GetValue()] = used[task.Info.GetAgentId().GetValue()].Add(r)
				fUsed = fUsed.Add(r)
			}
		}
		for _, task := range f.Unreachable {
			if !transitions.Terminal(task.State) {
				states[task.State]++
			}
		}
		for e := range f.Executors.All() {
			r, err := resources.FromProto(e.Info.Resources)
			require.NoError(t, err)
			used[e.AgentID] = used[e.AgentID].Add(r)
			fUsed = fUsed.Add(r)
		}
		for o := range f.Offers.All() {
			offers++
			offered[o.AgentID] = offered[o.AgentID].Add(o.Resources)
			fOffered = fOffered.Add(o.Resources)
		}
		require.Equal(t, fUsed.String(), f.Used.String(), "framework %s", f.ID)
		require.Equal(t, fOffered.String(), f.Offered.String(), "framework %s", f.ID)
	}
	for a := range s.Agents.All() {
		require.Equal(t, used[a.ID].String(), a.Used.String(), "agent %s", a.ID)
		require.Equal(t, offered[a.ID].String(), a.Offered.String(), "agent %s", a.ID)
		if !a.Active {
			require.True(t, a.Offered.IsEmpty())
		}
	}
	require.Equal(t, int64(offers), s.Metrics.OutstandingOffers)
	for state, n := range s.Metrics.TasksByState {
		if !transitions.Terminal(mesosproto.TaskState(state)) {
			require.Equal(t, states[mesosproto.TaskState(state)], n, "%s", mesosproto.TaskState(state))
		}
	}
}

// monkey plays a cluster at random: agents that come, break and come back with what they run, frameworks
// that launch, kill, fail over and leave.
type monkey struct {
	*bundle
	r          *rand.Rand
	hosts      []*monkeyHost
	schedulers []*scheduler
	tasks      int
	trace      []byte
}

type monkeyHost struct {
	*host
	up     bool
	runs   map[string]*monkeyTask
	order  []string
	handed int // messages of the connection that were played
}

type monkeyTask struct {
	f     *scheduler
	task  *mesosproto.Task
	state mesosproto.TaskState
	uuid  string
}

func (m *monkey) step() {
	switch n := m.r.IntN(100); {
	case n < 3 && len(m.hosts) < 6:
		h := m.agent(fmt.Sprint(len(m.hosts)+1), "cpus:4;mem:1024;ports:[31000-31009]")
		m.hosts = append(m.hosts, &monkeyHost{host: h, up: true, runs: map[string]*monkeyTask{}})
	case n < 6 && len(m.schedulers) < 4:
		info := modern([]string{"a", "b"}[m.r.IntN(2)])
		if m.r.IntN(2) == 0 {
			info.Capabilities = capabilities(multiRole)
		}
		info.Checkpoint = proto.Bool(m.r.IntN(2) == 0)
		m.schedulers = append(m.schedulers, m.framework(info))
	case n < 10 && len(m.hosts) > 0:
		h := m.hosts[m.r.IntN(len(m.hosts))]
		if h.up {
			h.up = false
			h.breaks()
		}
	case n < 20 && len(m.hosts) > 0:
		if h := m.hosts[m.r.IntN(len(m.hosts))]; !h.up {
			m.back(h)
		}
	case n < 21 && len(m.hosts) > 0:
		h := m.hosts[m.r.IntN(len(m.hosts))]
		h.conn.deaf = true
		if m.r.IntN(2) == 0 {
			m.sim.Advance(95 * time.Second) // unreachable now
			h.up = false
		} else {
			h.conn.deaf = false
		}
	case n < 23 && len(m.schedulers) > 0:
		f := m.schedulers[m.r.IntN(len(m.schedulers))]
		if m.r.IntN(2) == 0 && !f.stream.closed {
			f.leaves()
		} else if f.state() != nil {
			f.subscribe()
		}
	case n < 24 && len(m.schedulers) > 0:
		i := m.r.IntN(len(m.schedulers))
		if f := m.schedulers[i]; !f.stream.closed {
			f.do(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
		}
		m.schedulers = append(m.schedulers[:i], m.schedulers[i+1:]...)
	case n < 60 && len(m.schedulers) > 0:
		m.schedule(m.schedulers[m.r.IntN(len(m.schedulers))])
	case n < 90 && len(m.hosts) > 0:
		if h := m.hosts[m.r.IntN(len(m.hosts))]; h.up {
			m.progress(h)
		}
	default:
		m.sim.Advance(time.Duration(m.r.IntN(20000)) * time.Millisecond)
	}
	m.settle()
}

// schedule uses what a framework was offered.
func (m *monkey) schedule(f *scheduler) {
	if f.stream.closed {
		return
	}
	for _, o := range f.offers() {
		if f.state() == nil {
			return
		}
		if m.r.IntN(3) == 0 {
			f.decline(proto.Float64(float64(m.r.IntN(3))), o)
			continue
		}
		var h *monkeyHost
		for _, x := range m.hosts {
			if x.id() == o.AgentId.GetValue() {
				h = x
			}
		}
		var tasks []*mesosproto.TaskInfo
		for range 1 + m.r.IntN(2) {
			m.tasks++
			task := f.task(h.host, fmt.Sprintf("t%d", m.tasks), fmt.Sprintf("cpus:%g;mem:%d", float64(m.r.IntN(20))/10, 32+m.r.IntN(100)))
			if m.r.IntN(3) == 0 {
				task.Command, task.Executor = nil, f.custom(h.host, "", fmt.Sprintf("e%d", m.r.IntN(2))).Executor
			}
			tasks = append(tasks, task)
		}
		f.accept(float64(m.r.IntN(3)), []*mesosproto.Offer{o}, launchOf(tasks...))
	}
	if m.r.IntN(4) == 0 && m.tasks > 0 {
		f.kill(fmt.Sprintf("t%d", 1+m.r.IntN(m.tasks)), nil, nil)
	}
}

// progress lets an agent do what it was told, and its tasks go on.
func (m *monkey) progress(h *monkeyHost) {
	m.hear(h)
	for _, id := range append([]string(nil), h.order...) {
		t := h.runs[id]
		switch {
		case t == nil:
		case t.state == mesosproto.TaskState_TASK_STAGING:
			m.report(h, id, mesosproto.TaskState_TASK_RUNNING)
		case m.r.IntN(3) == 0 && !transitions.Terminal(t.state):
			m.report(h, id, mesosproto.TaskState_TASK_FINISHED)
		case m.r.IntN(2) == 0 && t.uuid != "" && !t.f.stream.closed:
			t.f.acknowledge(h.host, id, t.uuid)
			if transitions.Terminal(t.state) {
				delete(h.runs, id)
			}
		}
	}
}

func (m *monkey) report(h *monkeyHost, id string, state mesosproto.TaskState) {
	t := h.runs[id]
	t.state = state
	t.uuid = uuid(fmt.Sprintf("%s%d", id, state))
	h.update(t.f, id, state, t.uuid)
}

// hear plays the messages that came.
func (m *monkey) hear(h *monkeyHost) {
	for ; h.handed < len(h.conn.got); h.handed++ {
		switch x := h.conn.got[h.handed].(type) {
		case *messagespb.RunTaskMessage:
			for _, f := range m.schedulers {
				if f.id != x.GetFramework().GetId().GetValue() {
					continue
				}
				id := x.GetTask().GetTaskId().GetValue()
				h.runs[id] = &monkeyTask{f: f, state: mesosproto.TaskState_TASK_STAGING, task: &mesosproto.Task{
					Name: x.GetTask().Name, TaskId: x.GetTask().TaskId, FrameworkId: f.idProto(), AgentId: h.info.Id,
					ExecutorId: x.GetTask().GetExecutor().GetExecutorId(), Resources: x.GetTask().Resources,
				}}
				h.order = append(h.order, id)
			}
		case *messagespb.KillTaskMessage:
			if t := h.runs[x.GetTaskId().GetValue()]; t != nil && !transitions.Terminal(t.state) {
				m.report(h, x.GetTaskId().GetValue(), mesosproto.TaskState_TASK_KILLED)
			}
		case *messagespb.ShutdownFrameworkMessage:
			for id, t := range h.runs {
				if t.f.id == x.GetFrameworkId().GetValue() {
					delete(h.runs, id)
				}
			}
		}
	}
}

// back re-registers an agent with what it runs, but for executors: those have ended with their tasks'
// consent.
func (m *monkey) back(h *monkeyHost) {
	m.hear(h)
	var frameworks []*mesosproto.FrameworkInfo
	var tasks []*mesosproto.Task
	seen := map[string]bool{}
	for _, id := range h.order {
		t := h.runs[id]
		if t == nil {
			continue
		}
		if !seen[t.f.id] {
			seen[t.f.id] = true
			frameworks = append(frameworks, t.f.registered())
		}
		task := proto.CloneOf(t.task)
		task.State = t.state.Enum()
		tasks = append(tasks, task)
	}
	h.up, h.handed = true, 0
	h.reregister(frameworks, nil, tasks...)
}

func (m *monkey) record() {
	for _, f := range m.schedulers {
		for _, e := range f.stream.events {
			b, _ := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(e)
			m.trace = append(m.trace, b...)
		}
		if !f.stream.closed {
			f.updates()
			f.take(schedulerpb.Event_HEARTBEAT)
		}
	}
	for _, h := range m.hosts {
		for _, x := range h.conn.got[h.handed:] {
			b, _ := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(x)
			m.trace = append(m.trace, b...)
		}
	}
	sum := sha256.Sum256(m.trace)
	m.trace = sum[:]
}

func play(t *testing.T, seed uint64, steps int) string {
	m := &monkey{bundle: start(t), r: rand.New(rand.NewPCG(seed, seed))}
	for range steps {
		m.step()
		checkBooks(t, m.bundle)
		m.record()
	}
	return hex.EncodeToString(m.trace)
}

// Random clusters keep the books straight, and the same seed gives the same run, byte for byte.
func TestTheBooksAreStraightWhateverHappens(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			require.Equal(t, play(t, seed, 300), play(t, seed, 300))
		})
	}
}

package executortest

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// Patience is how long the methods that wait for the executor do so before they end the test.
const Patience = 30 * time.Second

// maxUnread is how many subscriptions, updates and messages may wait for the test to look at them.
const maxUnread = 100_000

// T is what is needed of a [testing.T].
type T interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
	TempDir() string
}

// Agent plays the agent of one executor. Its methods are safe for concurrent use; those that end the test
// (Subscription, Update, ExpectUpdates, Message) belong to the test's goroutine.
type Agent struct {
	// Framework, Executor and Info are told to the executor when it subscribes. New sets them; a test
	// may change them before it calls Start or Serve.
	Framework *mesosproto.FrameworkInfo
	Executor  *mesosproto.ExecutorInfo
	Info      *mesosproto.AgentInfo

	t             T
	loop          *loop.Real
	subscriptions chan *executorpb.Call_Subscribe
	updates       chan *mesosproto.TaskStatus
	messages      chan []byte

	// Touched on the loop only.
	stream  link.Stream[*executorpb.Event] // nil: not subscribed
	waiting []*executorpb.Event            // for a stream
	refusal error                          // of what comes
	hold    bool
	held    []*executorpb.Event // acknowledgements
	stored  map[string]bool     // uuids of updates
}

// New returns an agent that ends with the test.
func New(t T) *Agent {
	a := &Agent{
		Framework: &mesosproto.FrameworkInfo{
			Id: &mesosproto.FrameworkID{Value: proto.String("framework")}, Name: proto.String("test"), User: proto.String("test"),
			Checkpoint: proto.Bool(true),
		},
		Executor: &mesosproto.ExecutorInfo{
			ExecutorId: &mesosproto.ExecutorID{Value: proto.String("executor")}, FrameworkId: &mesosproto.FrameworkID{Value: proto.String("framework")},
			Type: mesosproto.ExecutorInfo_CUSTOM.Enum(),
		},
		Info: &mesosproto.AgentInfo{
			Id: &mesosproto.AgentID{Value: proto.String("agent")}, Hostname: proto.String("localhost"),
		},
		t:             t,
		loop:          loop.New(),
		subscriptions: make(chan *executorpb.Call_Subscribe, maxUnread),
		updates:       make(chan *mesosproto.TaskStatus, maxUnread),
		messages:      make(chan []byte, maxUnread),
		stored:        map[string]bool{},
	}
	t.Cleanup(a.loop.Close)
	return a
}

// Config is what an executor in this process needs to reach the agent without a network.
func (a *Agent) Config(x executor.Executor) executor.Config {
	return executor.Config{
		Executor: x, Dialer: dialer{a},
		FrameworkID: a.Framework.GetId(), ExecutorID: a.Executor.GetExecutorId(),
		Checkpoint: a.Framework.GetCheckpoint(),
	}
}

// Start runs an executor in this process, without a network. change, if given, changes its Config. The
// driver is aborted at the end of the test, unless it has ended before.
func (a *Agent) Start(x executor.Executor, change ...func(*executor.Config)) *executor.Driver {
	a.t.Helper()
	cfg := a.Config(x)
	for _, f := range change {
		f(&cfg)
	}
	d, err := executor.New(cfg)
	if err != nil {
		a.t.Fatalf("executortest: %v", err)
	}
	if err := d.Start(); err != nil {
		a.t.Fatalf("executortest: %v", err)
	}
	a.t.Cleanup(func() {
		d.Abort()
		d.Join()
	})
	return d
}

type dialer struct{ agent *Agent }

var _ executor.LinkDialer = dialer{}

func (dialer) Dial(executor.Agent) executor.Transport {
	panic("executortest: Dial is not called for a LinkDialer")
}

func (d dialer) DialLink(l loop.Loop, _ executor.Agent) (link.Client[*executorpb.Call, *executorpb.Event], func()) {
	return link.Local[*executorpb.Call, *executorpb.Event](l, server{d.agent}, ""), nil
}

// Task returns a minimal task. Its AgentId is that of New.
func Task(id string) *mesosproto.TaskInfo {
	return &mesosproto.TaskInfo{
		TaskId: &mesosproto.TaskID{Value: &id}, Name: &id, AgentId: &mesosproto.AgentID{Value: proto.String("agent")},
	}
}

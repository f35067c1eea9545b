package framework

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// Spec is something that should run: a [Service] or a [Batch].
type Spec interface {
	compile() (*spec, error)
}

// Service is a number of instances that always run. One that ends is launched again.
type Service struct {
	// Name tells specs apart; it begins the ids of their tasks. Letters, digits, "_" and "-".
	Name string
	// Instances is how many run. 0: none.
	Instances int
	// Task is what each is: made by scheduler.CommandTask, DockerTask or ExecutorTask, with an empty id.
	// TaskId and AgentId are filled in, Name if it is empty. The environment gets INSTANCE, the number of
	// the instance from 0, and PORT0, PORT1, ...; with an executor, which the instances on an agent share,
	// the task's labels do. A health check's port 0 stands for the first of Ports. An executor that is
	// changed needs another id, since agents may still run the old one.
	Task *mesosproto.TaskInfo
	// Ports are taken from offers for each instance.
	Ports []Port
	// Constraints say which agents it may run on. All must hold.
	Constraints []Constraint
	// Surge is how many instances more than Instances there may be, and Unavailable how many fewer need
	// be ready, while a changed spec is rolled out. Default, if both are 0: Surge 1. To replace in place,
	// set Unavailable only.
	Surge, Unavailable int
	// ReplaceAfter is how long an instance may be unreachable, beyond the master's own patience (75s),
	// before another takes its place. 0: at once. Negative: never; it is waited for until its agent is
	// back or gone for good.
	ReplaceAfter time.Duration
}

// Batch is a number of instances that each run to completion once. Its zero values make a single task
// without retries.
type Batch struct {
	// Name, Task, Ports, Constraints and ReplaceAfter are as in Service.
	Name        string
	Task        *mesosproto.TaskInfo
	Ports       []Port
	Constraints []Constraint
	// Count is how many instances there are. 0 means 1.
	Count int
	// Retries is how often an instance that fails is launched again. Launches that are lost with their
	// agent, or never got there, do not count. Default 0; negative: for ever.
	Retries      int
	ReplaceAfter time.Duration
}

// Port is a port of the agent that an instance uses.
type Port struct {
	// Container is the port of the container that it leads to. 0: the task is in the host's network and
	// finds the port in its environment (or labels).
	Container uint32
	// Protocol is "tcp" or "udp". Default "tcp".
	Protocol string
}

// spec is what a Spec says, checked. It is immutable.
type spec struct {
	name         string
	batch        bool
	count        int
	retries      int // negative: for ever
	task         *mesosproto.TaskInfo
	need         resources.Resources
	ports        []Port
	constraints  []Constraint
	surge        int
	unavailable  int
	replaceAfter time.Duration
	generation   string // differs if what runs differs
	source       Spec   // what it was made from, complete
	text         []byte // a declaration, in JSON
}

// maxInstances is how many a spec may have.
const maxInstances = 1 << 20

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)

func (s Service) compile() (*spec, error) {
	out := &spec{
		name: s.Name, count: s.Instances, task: s.Task, ports: s.Ports, constraints: s.Constraints,
		surge: s.Surge, unavailable: s.Unavailable, replaceAfter: s.ReplaceAfter, retries: -1,
	}
	if s.Surge < 0 || s.Unavailable < 0 {
		return nil, invalid("Service %s: Surge is %d and Unavailable %d; expecting no negative number", s.Name, s.Surge, s.Unavailable)
	}
	if s.Surge == 0 && s.Unavailable == 0 {
		out.surge = 1
	}
	return out.checked("Service")
}

func (b Batch) compile() (*spec, error) {
	out := &spec{
		name: b.Name, batch: true, count: b.Count, task: b.Task, ports: b.Ports, constraints: b.Constraints,
		retries: b.Retries, replaceAfter: b.ReplaceAfter,
	}
	if b.Count == 0 {
		out.count = 1
	}
	return out.checked("Batch")
}

// checked validates and completes a spec whose parts are still the user's.
func (s *spec) checked(kind string) (*spec, error) {
	switch {
	case !nameForm.MatchString(s.name):
		return nil, invalid("%s.Name is %q; expecting up to 100 letters, digits, _ and -", kind, s.name)
	case s.count < 0 || s.count > maxInstances:
		return nil, invalid("%s %s: %d instances; expecting 0 to %d", kind, s.name, s.count, maxInstances)
	case s.task == nil:
		return nil, invalid("%s %s: Task is not set; make one with scheduler.CommandTask, DockerTask or ExecutorTask", kind, s.name)
	}
	s.task = proto.CloneOf(s.task)
	s.task.TaskId = &mesosproto.TaskID{Value: proto.String(s.name)} // replaced at each launch
	s.task.AgentId = nil
	if s.task.GetName() == "" {
		s.task.Name = proto.String(s.name)
	}
	if (s.task.Command == nil) == (s.task.Executor == nil) {
		return nil, invalid("%s %s: Task has both a command and an executor, or neither; it must have one", kind, s.name)
	}
	need, err := resources.FromProto(s.task.GetResources())
	if err != nil {
		return nil, invalid("%s %s: resources of Task: %v", kind, s.name, err)
	}
	if need.IsEmpty() {
		return nil, invalid("%s %s: Task has no resources; it needs some cpus and mem", kind, s.name)
	}
	s.need = need
	s.ports = slices.Clone(s.ports)
	for i, p := range s.ports {
		switch {
		case p.Protocol == "":
			s.ports[i].Protocol = "tcp"
		case p.Protocol != "tcp" && p.Protocol != "udp":
			return nil, invalid("%s %s: protocol of port %d is %q; expecting tcp or udp", kind, s.name, i, p.Protocol)
		}
		if p.Container > 65535 {
			return nil, invalid("%s %s: container port %d is beyond 65535", kind, s.name, p.Container)
		}
	}
	s.constraints = slices.Clone(s.constraints)
	for i, c := range s.constraints {
		if s.constraints[i], err = c.checked(); err != nil {
			return nil, invalid("%s %s: %v", kind, s.name, err)
		}
	}
	return s, s.identify()
}

// declaration is a spec as it is stored.
type declaration struct {
	Batch        bool          `json:"batch,omitempty"`
	Count        int           `json:"count"`
	Retries      int           `json:"retries,omitempty"`
	Task         []byte        `json:"task"`
	Ports        []Port        `json:"ports,omitempty"`
	Constraints  []Constraint  `json:"constraints,omitempty"`
	Surge        int           `json:"surge,omitempty"`
	Unavailable  int           `json:"unavailable,omitempty"`
	ReplaceAfter time.Duration `json:"replace_after,omitempty"`
}

// spec is what was declared, under that name.
func (d *declaration) spec(name string) (*spec, error) {
	task := &mesosproto.TaskInfo{}
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(d.Task, task); err != nil {
		return nil, err
	}
	s := &spec{
		name: name, batch: d.Batch, count: d.Count, retries: d.Retries, task: task, ports: d.Ports, constraints: d.Constraints,
		surge: d.Surge, unavailable: d.Unavailable, replaceAfter: d.ReplaceAfter,
	}
	return s.checked("the stored spec")
}

// identify sets source, text, and the generation: a hash of all that a running instance would not have if
// it changed. The encoding of these messages, which have no maps, has been the same in all releases of the
// library; if it ever isn't, services are rolled out once more than needed, and Config counts as new.
func (s *spec) identify() error {
	b, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(s.task)
	if err != nil {
		return invalid("Task of %s: %v", s.name, err)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%t %d\n", s.batch, len(b))
	h.Write(b)
	for _, p := range s.ports {
		fmt.Fprintf(h, "port %d %s\n", p.Container, p.Protocol)
	}
	for _, c := range s.constraints {
		fmt.Fprintf(h, "constraint %q\n", c.String())
	}
	s.generation = hex.EncodeToString(h.Sum(nil)[:8])
	s.text = encode(declaration{
		Batch: s.batch, Count: s.count, Retries: s.retries, Task: b, Ports: s.ports, Constraints: s.constraints,
		Surge: s.surge, Unavailable: s.unavailable, ReplaceAfter: s.replaceAfter,
	})
	if s.batch {
		s.source = Batch{
			Name: s.name, Task: s.task, Ports: s.ports, Constraints: s.constraints, Count: s.count, Retries: s.retries, ReplaceAfter: s.replaceAfter,
		}
	} else {
		s.source = Service{
			Name: s.name, Instances: s.count, Task: s.task, Ports: s.ports, Constraints: s.constraints,
			Surge: s.surge, Unavailable: s.unavailable, ReplaceAfter: s.replaceAfter,
		}
	}
	return nil
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

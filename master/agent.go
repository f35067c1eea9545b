package master

import (
	"net"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// agent is a registered agent, connected or not.
type agent struct {
	id           string
	idProto      *mesosproto.AgentID
	info         *mesosproto.AgentInfo // with the id; replaced, never changed
	pid          string
	url          *mesosproto.URL // as offers show it
	conn         link.Conn       // nil while disconnected
	last         link.Conn       // the last one, also after its end
	version      string
	capabilities []*mesosproto.AgentInfo_Capability
	caps         agentCaps
	versions     []*messagespb.ResourceVersionUUID // replaced, never changed
	firstVersion []byte                            // that it registered with; nil if it came back with an id

	active      bool // gets offers made of its resources
	deactivated bool // by an operator
	leaving     bool // a registry operation that ends its registration is under way

	registered, reregistered time.Time

	total     resources.Resources
	used      resources.Accumulator // by tasks and executors
	offered   resources.Accumulator
	tasks     map[string]map[string]*task     // framework id, task id
	executors map[string]map[string]*executor // framework id, executor id
	strangers ordered[time.Time]              // when it last said something of tasks that only it knows; see heardOf
	arriving  bool                            // it is back, but has not said yet what else it has

	operations map[string]*operation // by uuid

	pingTimer      loop.Timer // nil: not yet pinged
	unansweredPing bool
	missedPings    int
	stopTimeout    func() bool // of agent_reregister_timeout

	slot  int
	dirty bool
}

// agentCaps are the capabilities of an agent, by mesosproto.AgentInfo_Capability_Type.
type agentCaps uint16

func agentCapsOf(list []*mesosproto.AgentInfo_Capability) (caps agentCaps) {
	for _, c := range list {
		if t := c.GetType(); t >= 0 && t < 16 {
			caps |= 1 << t
		}
	}
	return caps
}

func (c agentCaps) has(t mesosproto.AgentInfo_Capability_Type) bool { return c&(1<<t) != 0 }

func (a *agent) connected() bool { return a.conn != nil }

// send sends a message to the agent. While it is disconnected messages are lost: re-registration
// settles what they were about.
func (a *agent) send(m proto.Message) {
	if a.conn != nil {
		a.conn.Send(m)
	}
}

// String describes the agent as the reference does in messages to frameworks.
func (a *agent) String() string {
	return a.id + " at " + a.pid + " (" + a.info.GetHostname() + ")"
}

// setPeer takes over where the agent is: pid is id@ip:port.
func (a *agent) setPeer(conn link.Conn) {
	a.conn, a.last = conn, conn
	a.pid = conn.Peer()
	id, ip, port := splitPID(a.pid)
	a.url = &mesosproto.URL{
		Scheme: proto.String("http"),
		Address: &mesosproto.Address{
			Hostname: proto.String(a.info.GetHostname()),
			Ip:       proto.String(ip),
			Port:     proto.Int32(port),
		},
		Path: proto.String("/" + id),
	}
}

// splitPID takes a process id such as slave(1)@10.0.0.1:5051 apart. Parts that are missing are empty.
func splitPID(pid string) (id, ip string, port int32) {
	id, address, _ := strings.Cut(pid, "@")
	ip, number, err := net.SplitHostPort(address)
	if err != nil {
		return id, address, 0
	}
	n, _ := strconv.ParseUint(number, 10, 16)
	return id, ip, int32(n)
}

func (a *agent) setResourceVersion(uuid *mesosproto.UUID) {
	a.versions = nil
	if uuid != nil {
		a.versions = []*messagespb.ResourceVersionUUID{{Uuid: uuid}}
	}
}

func (a *agent) stopTimers() {
	if a.pingTimer != nil {
		a.pingTimer.Stop()
	}
	if a.stopTimeout != nil {
		a.stopTimeout()
		a.stopTimeout = nil
	}
}

func (a *agent) task(framework, id string) *task { return a.tasks[framework][id] }

func (a *agent) executor(framework, id string) *executor { return a.executors[framework][id] }

func (a *agent) snapshot() *AgentState {
	return &AgentState{
		ID:           a.id,
		Info:         a.info,
		PID:          a.pid,
		Version:      a.version,
		Capabilities: a.capabilities,
		Connected:    a.connected(),
		Active:       a.active,
		Deactivated:  a.deactivated,
		Registered:   a.registered,
		Reregistered: a.reregistered,
		Total:        a.total,
		Used:         a.used.Resources(),
		Offered:      a.offered.Resources(),
	}
}

package agent

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/checkpoint"
	"github.com/mesokit/mesokit/agent/statusupdate"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// restore rebuilds the agent's memory from its entries.
func (c *core) restore(entries []checkpoint.Entry) error {
	byKind := make(map[string][]checkpoint.Entry)
	for _, e := range entries {
		kind, _, _ := strings.Cut(e.Key, "/")
		byKind[kind] = append(byKind[kind], e)
	}
	for _, step := range []struct {
		kind string
		ids  int
		one  func(ids []string, value []byte) (kept bool, err error)
	}{
		{"agent", 0, c.restoreAgent},
		{"resources", 0, c.restoreResources},
		{"operation", 1, c.restoreOperation},
		{"framework", 1, c.restoreFramework},
		{"executor", 2, c.restoreExecutor},
		{"task", 2, c.restoreTask},
		{"delivered", 2, c.restoreDelivery},
		{"update", 3, c.restoreUpdate},
		{"completed", 3, c.restoreCompletion},
	} {
		for _, e := range byKind[step.kind] {
			ids := strings.Split(e.Key, "/")[1:]
			kept, err := false, error(nil)
			if len(ids) == step.ids {
				kept, err = step.one(ids, e.Value)
			}
			if err != nil {
				return status.Errorf(codes.DataLoss, "the checkpoint entry %q can't be used: %v; remove the agent's meta directory to start as a new agent, which loses its tasks", e.Key, err)
			}
			if !kept { // what it belongs to was on its way out
				c.put(forget(e.Key))
			}
		}
	}
	for _, fw := range inOrder(c.frameworks) {
		fw.pages = nil // they came in the order of their ids
		for _, ex := range inOrder(fw.executors) {
			fw.pages = fw.pages.add(ex)
			slices.SortFunc(ex.tasks, func(a, b *task) int { return cmp.Compare(a.seq, b.seq) })
			ex.requeue()
			slices.SortFunc(ex.over, func(a, b completion) int { return cmp.Compare(a.seq, b.seq) })
		}
	}
	return nil
}

// decode reads a record, which must not be from a newer version.
func decode(value []byte, record any, version *int) error {
	if err := json.Unmarshal(value, record); err != nil {
		return err
	}
	if *version > recordVersion {
		return fmt.Errorf("it is of version %d; this agent knows %d: run the newer agent", *version, recordVersion)
	}
	return nil
}

func (c *core) sawAge(n uint64) uint64 {
	c.born = max(c.born, n)
	return n
}

// restoreAgent takes the id over, if the node is still what it was or more.
func (c *core) restoreAgent(_ []string, value []byte) (kept bool, err error) {
	var r agentRecord
	if err := decode(value, &r, &r.Version); err != nil {
		return false, err
	}
	old := new(mesosproto.AgentInfo)
	if err := proto.Unmarshal(r.Info, old); err != nil {
		return false, err
	}
	if err := compatible(old, c.info); err != nil {
		return false, err
	}
	info := proto.CloneOf(c.info)
	info.Id = old.GetId()
	c.info = info
	return true, nil
}

// compatible says why an agent can't take over what one with another description left. More is fine:
// hostname and port must be the same, every resource and attribute must still be there.
func compatible(old, now *mesosproto.AgentInfo) error {
	if old.GetHostname() != now.GetHostname() || old.GetPort() != now.GetPort() {
		return fmt.Errorf("the agent was %s:%d and now is %s:%d; give it its old --hostname and --port", old.GetHostname(), old.GetPort(), now.GetHostname(), now.GetPort())
	}
	had, err := resources.FromProto(old.GetResources())
	if err != nil {
		return err
	}
	has, err := resources.FromProto(now.GetResources())
	if err != nil {
		return err
	}
	if !has.Contains(had) {
		return fmt.Errorf("the agent had the resources %s and now has %s; --resources may grow but not shrink", had, has)
	}
	for _, a := range old.GetAttributes() {
		if !hasAttribute(now.GetAttributes(), a) {
			return fmt.Errorf("the agent had the attribute %s, which is gone or changed; --attributes may only be added", a.GetName())
		}
	}
	return nil
}

func hasAttribute(list []*mesosproto.Attribute, a *mesosproto.Attribute) bool {
	for _, b := range list {
		if proto.Equal(a, b) {
			return true
		}
	}
	return false
}

func (c *core) restoreFramework(ids []string, value []byte) (kept bool, err error) {
	var r frameworkRecord
	if err := decode(value, &r, &r.Version); err != nil {
		return false, err
	}
	fw := newFramework(ids[0], c.sawAge(r.Seq))
	fw.pid = r.PID
	fw.info = new(mesosproto.FrameworkInfo)
	c.frameworks[fw.id] = fw
	return true, proto.Unmarshal(r.Info, fw.info)
}

func (c *core) restoreExecutor(ids []string, value []byte) (kept bool, err error) {
	var r executorRecord
	if err := decode(value, &r, &r.Version); err != nil {
		return false, err
	}
	fw := c.frameworks[ids[0]]
	if fw == nil {
		return false, nil
	}
	ex := newExecutor(fw, ids[1], c.sawAge(r.Seq))
	ex.info = new(mesosproto.ExecutorInfo)
	if r.Supervised && len(r.Info) == 0 { // more when its task is restored, unless that is over
		ex.info.ExecutorId = &mesosproto.ExecutorID{Value: proto.String(ex.id)}
		ex.info.FrameworkId = fw.info.GetId()
	} else if err := proto.Unmarshal(r.Info, ex.info); err != nil {
		return false, err
	}
	ex.container = &mesosproto.ContainerID{Value: proto.String(r.Container)}
	ex.sandbox = r.Sandbox
	ex.launched, ex.pid = r.Launched, r.Pid
	ex.subscribed, ex.reported = r.Subscribed, r.Reported
	if r.Supervised {
		ex.supervisor = &supervisor{ex: ex, stopKill: noTimer, stopMax: noTimer}
	}
	if r.Ended {
		ex.hasEnded = true
		ex.state = executorTerminated
	}
	return true, nil
}

func (c *core) restoreTask(ids []string, value []byte) (kept bool, err error) {
	var r taskRecord
	if err := decode(value, &r, &r.Version); err != nil {
		return false, err
	}
	fw := c.frameworks[ids[0]]
	if fw == nil || fw.executors[r.Executor] == nil {
		return false, nil
	}
	t := &task{ex: fw.executors[r.Executor], id: ids[1], info: new(mesosproto.TaskInfo), state: mesosproto.TaskState_TASK_STAGING, queued: true, seq: c.sawAge(r.Seq), batch: r.Batch}
	if err := proto.Unmarshal(r.Info, t.info); err != nil {
		return false, err
	}
	t.ex.addTask(t)
	if s := t.ex.supervisor; s != nil {
		s.adopt(t)
		t.ex.info = commandExecutorInfo(fw, t.info)
	}
	return true, nil
}

func (c *core) restoreDelivery(ids []string, _ []byte) (kept bool, err error) {
	if fw := c.frameworks[ids[0]]; fw != nil {
		if t := fw.task(ids[1]); t != nil {
			t.queued = false
			return true, nil
		}
	}
	return false, nil
}

// restoreUpdate replays an update: the task's state and history, and what the framework still must hear.
// Entries come in the order of their keys, which for one task is that in which they were accepted.
func (c *core) restoreUpdate(ids []string, value []byte) (kept bool, err error) {
	var r updateRecord
	if err := decode(value, &r, &r.Version); err != nil {
		return false, err
	}
	fw := c.frameworks[ids[0]]
	if fw == nil {
		return false, nil
	}
	m := new(messagespb.StatusUpdate)
	if err := proto.Unmarshal(r.Update, m); err != nil {
		return false, err
	}
	var n uint64
	if _, err := fmt.Sscanf(ids[2], "%x", &n); err != nil {
		return false, err
	}
	c.sawAge(n)
	key := strings.Join(append([]string{"update"}, ids...), "/")
	c.streams.open(ids[0], ids[1]).Restore(&statusupdate.Update{Message: m, Key: key}, r.Acked)
	if t := fw.task(ids[1]); t != nil {
		t.queued = false
		t.observe(m.GetStatus())
	}
	return true, nil
}

// restoreCompletion brings back that a task of an executor is over.
func (c *core) restoreCompletion(ids []string, value []byte) (kept bool, err error) {
	var r completionRecord
	if err := decode(value, &r, &r.Version); err != nil {
		return false, err
	}
	fw := c.frameworks[ids[0]]
	if fw == nil || fw.executors[ids[1]] == nil {
		return false, nil
	}
	ex := fw.executors[ids[1]]
	ex.over = append(ex.over, completion{ids[2], c.sawAge(r.Seq)})
	return true, nil
}

// requeue puts the tasks that were not delivered back into the queue, groups as groups.
func (ex *executor) requeue() {
	var last *batch
	for _, t := range ex.tasks {
		switch {
		case !t.queued || t.terminal():
			t.queued = false
		case t.batch != 0 && last != nil && last.group && last.tasks[0].batch == t.batch:
			last.tasks = append(last.tasks, t)
		default:
			last = &batch{tasks: []*task{t}, group: t.batch != 0}
			ex.queue = append(ex.queue, last)
		}
	}
}

func (c *core) restoreResources(_ []string, value []byte) (kept bool, err error) {
	var r resourcesRecord
	if err := decode(value, &r, &r.Version); err != nil {
		return false, err
	}
	var list []*mesosproto.Resource
	for _, b := range r.Resources {
		m := new(mesosproto.Resource)
		if err := proto.Unmarshal(b, m); err != nil {
			return false, err
		}
		list = append(list, m)
	}
	checkpointed, err := resources.FromProto(list)
	if err != nil {
		return false, err
	}
	c.total, err = withCheckpointed(c.total, checkpointed)
	return true, err
}

func (c *core) restoreOperation(_ []string, value []byte) (kept bool, err error) {
	var r operationRecord
	if err := decode(value, &r, &r.Version); err != nil {
		return false, err
	}
	m, info := new(messagespb.UpdateOperationStatusMessage), new(mesosproto.Offer_Operation)
	if err := proto.Unmarshal(r.Update, m); err != nil {
		return false, err
	}
	if err := proto.Unmarshal(r.Info, info); err != nil {
		return false, err
	}
	c.operations[string(m.GetOperationUuid().GetValue())] = &operation{
		seq: c.sawAge(r.Seq), uuid: m.GetOperationUuid(), framework: m.GetFrameworkId(), info: info,
		status: m.GetStatus(), ready: m.GetStatus().GetUuid() != nil, stop: noTimer,
	}
	return true, nil
}

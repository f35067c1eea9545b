package agent

import (
	"encoding/json"
	"fmt"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/checkpoint"
	"github.com/mesokit/mesokit/agent/statusupdate"
)

// What an agent must know after it was killed, as entries of the checkpoint. Frameworks that do not
// checkpoint leave nothing. Messages are kept as bytes, so fields that this version does not know survive.
//
//	agent                                   agentRecord
//	framework/<framework>                   frameworkRecord
//	executor/<framework>/<executor>         executorRecord
//	task/<framework>/<task>                 taskRecord
//	delivered/<framework>/<task>            {}; the executor was given the task
//	update/<framework>/<task>/<n>           updateRecord, n in the order in which they came
//	completed/<framework>/<executor>/<task> completionRecord, as long as the executor lives
//	resources                               resourcesRecord
//	operation/<uuid>                        operationRecord
//
// Since version 2 the executorRecord of a task that the agent supervises has no Info.
const recordVersion = 2

type agentRecord struct {
	Version int
	Info    []byte // AgentInfo, with the id
}

type frameworkRecord struct {
	Version int
	Seq     uint64
	Info    []byte // FrameworkInfo
	PID     string
}

type executorRecord struct {
	Version    int
	Seq        uint64
	Info       []byte // ExecutorInfo; empty if Supervised: it follows from the task
	Supervised bool   // the agent itself runs the task of this id
	Container  string
	Sandbox    string
	Launched   bool // the containerizer was told
	Pid        int
	Subscribed bool
	Reported   bool // it has said something of a task
	Ended      bool
}

type taskRecord struct {
	Version  int
	Seq      uint64
	Executor string
	Info     []byte // TaskInfo
	Batch    uint64 // the Seq of the first task of its group; 0 if it came alone
}

type updateRecord struct {
	Version int
	Update  []byte // StatusUpdate
	Acked   bool
}

type completionRecord struct {
	Version int
	Seq     uint64 // in the order of their ends
}

type resourcesRecord struct {
	Version   int
	Resources [][]byte // Resource: reservations and volumes
}

type operationRecord struct {
	Version int
	Seq     uint64
	Info    []byte // Offer.Operation
	Update  []byte // UpdateOperationStatusMessage
}

func frameworkKey(framework string) string          { return "framework/" + framework }
func executorKey(framework, executor string) string { return "executor/" + framework + "/" + executor }
func taskKey(framework, task string) string         { return "task/" + framework + "/" + task }
func deliveredKey(framework, task string) string    { return "delivered/" + framework + "/" + task }
func completedKey(framework, executor, task string) string {
	return "completed/" + framework + "/" + executor + "/" + task
}
func updateKey(framework, task string, n uint64) string {
	const digits = "0123456789abcdef"
	var hex [16]byte
	for i := len(hex) - 1; i >= 0; i-- {
		hex[i] = digits[n&0xf]
		n >>= 4
	}
	return "update/" + framework + "/" + task + "/" + string(hex[:])
}

// entry encodes a record. Records are plain structs: they always encode.
func entry(key string, record any) checkpoint.Entry {
	value, err := json.Marshal(record)
	if err != nil {
		panic(err)
	}
	return checkpoint.Entry{Key: key, Value: value}
}

func forget(key string) checkpoint.Entry { return checkpoint.Entry{Key: key} }

// encoded is a message as bytes. The messages here were decoded, or made with all they require.
func encoded(m proto.Message) []byte {
	b, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(m)
	if err != nil {
		return nil
	}
	return b
}

// put writes without waiting. What can't be written now is written as soon as it can be; until then it
// does not survive the agent, but all else goes on.
func (c *core) put(changes ...checkpoint.Entry) { c.disk.Put(false, c.wrote, changes...) }

// noteWrite is what becomes of a write that nobody waits for.
func (c *core) noteWrite(err error) {
	if err != nil {
		c.log.Error("checkpoint failed: until it succeeds, what was to be remembered does not survive a restart of the agent; is the disk of --work_dir full?", zap.Error(err))
	}
}

// putThen is put, or with sync a write that survives the machine's death; then runs once it was tried,
// whether or not it went well.
func (c *core) putThen(sync bool, then func(error), changes ...checkpoint.Entry) {
	tried := false
	c.disk.Put(sync, func(err error) {
		c.noteWrite(err)
		if !tried {
			tried = true
			then(err)
		}
	}, changes...)
}

// rememberAgent is done once the agent's id is on the disk.
func (c *core) rememberAgent(done func(error)) {
	c.disk.Put(true, func(err error) {
		if err != nil {
			err = fmt.Errorf("checkpoint agent id %s: %w", c.agentID(), err)
		}
		done(err)
	}, entry("agent", agentRecord{Version: recordVersion, Info: encoded(c.info)}))
}

func (c *core) rememberFramework(fw *framework) {
	if fw.info.GetCheckpoint() {
		c.put(entry(frameworkKey(fw.id), frameworkRecord{Version: recordVersion, Seq: fw.seq, Info: encoded(fw.info), PID: fw.pid}))
	}
}

func (c *core) forgetFramework(fw *framework) {
	if fw.info.GetCheckpoint() {
		c.put(forget(frameworkKey(fw.id)))
	}
}

// rememberExecutor writes what is known of an executor; called whenever that changes.
func (c *core) rememberExecutor(ex *executor) {
	if !ex.fw.info.GetCheckpoint() {
		return
	}
	pid := 0
	if ex.launched {
		pid, _ = c.containers.Pid(ex.container)
	}
	info := ex.encoded
	if info == nil && ex.supervisor == nil {
		info = encoded(ex.info)
		if ex.spec != nil { // more will follow
			ex.encoded = info
		}
	}
	r := executorRecord{
		Version:    recordVersion,
		Seq:        ex.seq,
		Info:       info,
		Supervised: ex.supervisor != nil,
		Container:  ex.container.GetValue(),
		Sandbox:    ex.sandbox,
		Launched:   ex.launched,
		Pid:        pid,
		Subscribed: ex.subscribed,
		Reported:   ex.reported,
		Ended:      ex.hasEnded,
	}
	c.put(checkpoint.Entry{Key: executorKey(ex.fw.id, ex.id), Value: r.encode()})
}

func (c *core) forgetExecutor(ex *executor) {
	if !ex.fw.info.GetCheckpoint() {
		return
	}
	changes := []checkpoint.Entry{forget(executorKey(ex.fw.id, ex.id))}
	for _, o := range ex.over {
		changes = append(changes, forget(completedKey(ex.fw.id, ex.id, o.task)))
	}
	c.put(changes...)
}

func (c *core) rememberTask(t *task, b *batch) {
	if !t.ex.fw.info.GetCheckpoint() {
		return
	}
	r := taskRecord{Version: recordVersion, Seq: t.seq, Executor: t.ex.id, Info: encoded(t.info)}
	if b.group {
		r.Batch = b.tasks[0].seq
	}
	c.put(checkpoint.Entry{Key: taskKey(t.ex.fw.id, t.id), Value: r.encode()})
}

// delivered is what is at the key of a delivery.
var delivered = []byte("{}")

func delivery(t *task) checkpoint.Entry {
	return checkpoint.Entry{Key: deliveredKey(t.ex.fw.id, t.id), Value: delivered}
}

func (c *core) rememberDelivery(t *task) {
	if t.ex.fw.info.GetCheckpoint() {
		c.put(delivery(t))
	}
}

// rememberDeliveries is done once it is on record that the executor may have the tasks of the batches up to
// last, or that can't be written.
func (c *core) rememberDeliveries(ex *executor, last *batch, done func()) {
	var changes []checkpoint.Entry
	for _, b := range ex.queue {
		if b.tasks[0].seq > last.tasks[0].seq {
			break
		}
		for _, t := range b.tasks {
			changes = append(changes, delivery(t))
		}
	}
	if len(changes) == 0 || !ex.fw.info.GetCheckpoint() {
		done()
		return
	}
	c.putThen(false, func(error) { done() }, changes...)
}

func (c *core) forgetTask(t *task) {
	if t.ex.fw.info.GetCheckpoint() {
		c.put(forget(taskKey(t.ex.fw.id, t.id)), forget(deliveredKey(t.ex.fw.id, t.id)))
	}
}

// rememberEnd forgets a completed task once more: told follows when the disk has forgotten it. One write is
// under way for a task, however often its executor repeats itself, and not all repetitions are answered.
func (c *core) rememberEnd(ex *executor, task string, told func()) {
	if !ex.fw.info.GetCheckpoint() {
		told()
		return
	}
	if e := ex.forgetting[task]; e != nil {
		if len(e.told) < maxTold {
			e.told = append(e.told, told)
		}
		return
	}
	e := &forgetting{told: []func(){told}}
	if ex.forgetting == nil {
		ex.forgetting = make(map[string]*forgetting)
	}
	ex.forgetting[task] = e
	c.disk.Put(true, func(err error) {
		if ex.forgetting[task] == e {
			delete(ex.forgetting, task)
		}
		if err == nil {
			for _, told := range e.told {
				told()
			}
			e.told = nil
		}
	}, forget(taskKey(ex.fw.id, task)))
}

// maxTold is how many repetitions that wait for one write are answered; the executor needs one for each
// update of the task.
const maxTold = 64

// forgetting is a write of rememberEnd that is under way.
type forgetting struct{ told []func() }

// rememberUpdate writes an update. A terminal one is on the disk before safe says so, for then the
// executor forgets it; of the others it is enough that the operating system has them. If it can't be
// written now safe says that first.
func (c *core) rememberUpdate(u *statusupdate.Update, safe func(error)) {
	r := updateRecord{Version: recordVersion, Update: encoded(u.Message)}
	u.Record = r.encode()
	c.disk.Put(u.Terminal(), safe, checkpoint.Entry{Key: u.Key, Value: u.Record})
}

// rememberAcknowledgement notes that an update need not be sent any more. done follows, once, when that is
// written, or synced, or can't be.
func (c *core) rememberAcknowledgement(u *statusupdate.Update, sync bool, done func(error)) {
	if u.Key == "" {
		done(nil)
		return
	}
	record := acknowledged(u.Record)
	if record == nil { // it was restored
		r := updateRecord{Version: recordVersion, Update: encoded(u.Message), Acked: true}
		record = r.encode()
	}
	u.Record = nil // this was the last time
	c.putThen(sync, done, checkpoint.Entry{Key: u.Key, Value: record})
}

func (c *core) forgetUpdate(u *statusupdate.Update) {
	if u.Key != "" {
		c.put(forget(u.Key))
	}
}

// rememberOperation is done once what has become of an operation, and the resources as they are now, are
// written, or on the disk if sync is true. If they can't be written now done says that first.
func (c *core) rememberOperation(o *operation, sync bool, done func(error)) {
	list := resourcesRecord{Version: recordVersion}
	for _, r := range c.total.NeedCheckpoint().Proto() {
		list.Resources = append(list.Resources, encoded(r))
	}
	c.disk.Put(sync, done, entry("resources", list), entry(o.key(), operationRecord{
		Version: recordVersion,
		Seq:     o.seq,
		Info:    encoded(o.info),
		Update:  encoded(o.message(c.info.GetId())),
	}))
}

package agent

import (
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// adopt takes the tasks of an executor back that the last process of the agent could not write before it
// was killed, because its disk was full. The executor has them, and sends them along until an update of
// theirs is acknowledged, which is not before they are written. Otherwise the framework would hear that
// they are lost while they run.
//
// It is done before the master hears of the agent: later the master has said already what it thinks.
func (c *core) adopt(ex *executor, tasks []*mesosproto.TaskInfo) {
	if c.state != recovering || !ex.fw.info.GetCheckpoint() {
		return
	}
	before := len(ex.tasks)
	for _, info := range tasks {
		id := info.GetTaskId().GetValue()
		if ex.fw.task(id) != nil || ex.completed(id) || c.streams.get(ex.fw.id, id) != nil || len(ex.tasks) >= maxStrangers {
			continue
		}
		if !c.launched(ex, info) {
			c.log.Warn("task of an executor is not what an agent launches", zap.String("framework_id", ex.fw.id), zap.String("executor_id", ex.id), zap.String("task_id", id))
			continue
		}
		c.log.Info("task was not written, but its executor has it", zap.String("framework_id", ex.fw.id), zap.String("executor_id", ex.id), zap.String("task_id", id))
		t := &task{ex: ex, id: id, info: proto.CloneOf(info), state: mesosproto.TaskState_TASK_STAGING, seq: c.nextAge()}
		ex.addTask(t)
		c.rememberTask(t, &batch{tasks: []*task{t}})
		c.rememberDelivery(t)
	}
	if len(ex.tasks) > before {
		c.shrink(ex) // to what it has with them
		c.touched(ex)
	}
}

// launched reports whether this agent may have launched a task under an executor that says so: it holds
// nothing that the agent does not have, or that others hold. (The reference takes no task back.)
func (c *core) launched(ex *executor, info *mesosproto.TaskInfo) bool {
	needs, err := resources.FromProto(info.GetResources())
	return err == nil && validID(info.GetTaskId().GetValue()) && info.GetAgentId().GetValue() == c.agentID() &&
		info.GetExecutor().GetExecutorId().GetValue() == ex.id && c.has(info.GetResources()) &&
		c.total.NonShared().Contains(c.held().Add(needs).NonShared().Unallocate())
}

// held is what all executors have that have not ended.
func (c *core) held() (all resources.Resources) {
	for _, fw := range inOrder(c.frameworks) {
		for _, ex := range inOrder(fw.executors) {
			if !ex.hasEnded {
				all = all.Add(ex.liveResources())
			}
		}
	}
	return all
}
